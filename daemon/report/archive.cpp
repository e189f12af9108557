// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/archive.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include "common/error.hpp"
#include "common/url.hpp"
#include "daemon/report/workbook.hpp"

namespace tally::report {

namespace fs = std::filesystem;

namespace {

constexpr auto kReadable = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read;
constexpr auto kOpen = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw Error(Fault::failed, fmt::format("cannot write the report '{}': {}", path, why), "Is the disk full?");
}

void make_directory(const std::string& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (!error) fs::permissions(path, kOpen, error);
    if (error) refuse(path, error.message());
}

/// What `write` leaves under another name takes the place of `path`.
template <class Write>
std::int64_t replace(const std::string& path, Write write) {
    const auto aside = path + ".new";
    write(aside);
    std::error_code error;
    const auto size = fs::file_size(aside, error);
    if (!error) fs::permissions(aside, kReadable, error);
    if (!error) fs::rename(aside, path, error);
    if (error) {
        std::error_code ignored;
        fs::remove(aside, ignored);
        refuse(path, error.message());
    }
    return static_cast<std::int64_t>(size);
}

/// Everybody of this program who writes: page, workbook and text belong together.
std::mutex writing;

/// Of a text, for file names that would be too long.
std::string digest(const std::string& text) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
    std::string hex(2 * hash.size() + 1, '\0');
    sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
    hex.pop_back();  // its NUL
    return hex;
}

void write_text(const std::string& path, const std::string& text) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file << text;
    file.close();
    if (!file) refuse(path, std::strerror(errno));
}

}  // namespace

std::optional<Format> parse_format(std::string_view text) {
    if (text == "html") return Format::html;
    if (text == "xlsx") return Format::xlsx;
    if (text == "text") return Format::text;
    return std::nullopt;
}

std::string_view extension(Format format) noexcept {
    switch (format) {
        case Format::html:
            return "html";
        case Format::xlsx:
            return "xlsx";
        case Format::text:
            break;
    }
    return "txt";
}

std::string_view content_type(Format format) noexcept {
    switch (format) {
        case Format::html:
            return "text/html; charset=utf-8";
        case Format::xlsx:
            return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        case Format::text:
            break;
    }
    return "text/plain; charset=utf-8";
}

std::string Archive::path(const std::string& user_id, Day monday, Format format) const {
    constexpr std::size_t kLongest = 200;  // with extensions a name has up to 255 bytes
    auto name = percent_encode(user_id);
    if (name.size() > kLongest) name = "%sha256-" + digest(user_id);  // no encoded id begins like that
    return fmt::format("{}/{}/{}.{}", directory_, render_day(monday), name, extension(format));
}

Archive::Sizes Archive::keep(const Report& report, const Templates& templates) const {
    const auto monday = report.week.first;
    const std::lock_guard lock{writing};
    make_directory(directory_);
    make_directory(fmt::format("{}/{}", directory_, render_day(monday)));
    Sizes sizes;
    sizes.html = replace(path(report.user_id, monday, Format::html),
                         [&](const std::string& aside) { write_text(aside, render_html(report, templates)); });
    replace(path(report.user_id, monday, Format::text),
            [&](const std::string& aside) { write_text(aside, render_text(report, templates)); });
    sizes.xlsx = replace(path(report.user_id, monday, Format::xlsx),
                         [&](const std::string& aside) { write_workbook(report, aside); });
    return sizes;
}

std::optional<std::string> Archive::read(const std::string& user_id, Day monday, Format format) const {
    std::ifstream file{path(user_id, monday, format), std::ios::binary};
    if (!file) return std::nullopt;
    std::string content{std::istreambuf_iterator<char>{file}, {}};
    if (content.empty() && format != Format::text) return std::nullopt;  // what a power cut leaves of it
    return content;
}

int Archive::drop_before(Day monday) const {
    std::error_code error;
    int dropped = 0;
    for (fs::directory_iterator week{directory_, error}, end; !error && week != end; week.increment(error)) {
        const auto day = parse_day(week->path().filename().string());
        if (!day || *day >= monday) continue;
        fs::remove_all(week->path(), error);
        if (error)
            throw Error(Fault::failed, fmt::format("cannot delete '{}': {}", week->path().string(), error.message()));
        ++dropped;
    }
    return dropped;
}

}  // namespace tally::report
