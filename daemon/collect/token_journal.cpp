// SPDX-License-Identifier: Apache-2.0
// Small JSON files, written aside and renamed.
#include "daemon/collect/token_journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace tally::collect {

namespace {

std::string to_hex(const postgres::Bytes& bytes) {
    std::string text;
    for (const auto byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
}

std::optional<postgres::Bytes> from_hex(const std::string& text) {
    postgres::Bytes bytes;
    if (text.size() % 2 != 0) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        unsigned value = 0;
        const auto* first = text.data() + i;
        const auto [end, error] = std::from_chars(first, first + 2, value, 16);
        if (error != std::errc{} || end != first + 2) return std::nullopt;
        bytes.push_back(static_cast<postgres::Bytes::value_type>(value));
    }
    return bytes;
}

class Descriptor {
public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

[[noreturn]] void fail(const std::string& path) {
    throw Error(Fault::failed, fmt::format("cannot write '{}': {}", path, std::strerror(errno)), "Is the disk full?");
}

void write_synced(const std::string& path, const std::string& text) {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (file.get() < 0) fail(path);
    for (std::size_t done = 0; done < text.size();) {
        const auto count = ::write(file.get(), text.data() + done, text.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) fail(path);
        done += static_cast<std::size_t>(count);
    }
    if (::fsync(file.get()) != 0) fail(path);
}

std::optional<TokenJournal::Entry> read_entry(const std::filesystem::path& path) {
    std::ifstream file{path};
    if (!file) return std::nullopt;
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto object = nlohmann::json::parse(text, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    try {
        auto before = from_hex(object.at("before").get<std::string>());
        auto after = from_hex(object.at("after").get<std::string>());
        if (!before || !after) return std::nullopt;
        TokenJournal::Entry entry{.connection_id = object.at("connection").get<std::int64_t>(),
                                  .before = *std::move(before),
                                  .after = *std::move(after),
                                  .expires_at = {}};
        if (const auto expires = object.find("expires_at"); expires != object.end())
            entry.expires_at = parse_instant(expires->get<std::string>());
        return entry;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

}  // namespace

TokenJournal::TokenJournal(std::string directory) : directory_(std::move(directory)) {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (!error) std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, error);
    if (error) throw Error(Fault::failed, fmt::format("cannot make '{}': {}", directory_, error.message()));
}

std::string TokenJournal::path_of(std::int64_t connection_id) const {
    return fmt::format("{}/{}.json", directory_, connection_id);
}

void TokenJournal::write(const Entry& entry) const {
    nlohmann::json object{
        {"connection", entry.connection_id}, {"before", to_hex(entry.before)}, {"after", to_hex(entry.after)}};
    if (entry.expires_at) object["expires_at"] = render_instant(*entry.expires_at);
    const auto path = path_of(entry.connection_id), aside = path + ".new";
    write_synced(aside, object.dump());
    if (::rename(aside.c_str(), path.c_str()) != 0) fail(path);
    const Descriptor directory{::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) fail(directory_);
}

std::optional<TokenJournal::Entry> TokenJournal::find(std::int64_t connection_id) const {
    return read_entry(path_of(connection_id));
}

std::vector<TokenJournal::Entry> TokenJournal::entries() const {
    std::vector<Entry> result;
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator{directory_, error}) {
        if (file.path().extension() != ".json") continue;
        if (auto entry = read_entry(file.path())) result.push_back(*std::move(entry));
    }
    return result;
}

void TokenJournal::remove(std::int64_t connection_id) const noexcept {
    ::unlink(path_of(connection_id).c_str());
}

}  // namespace tally::collect
