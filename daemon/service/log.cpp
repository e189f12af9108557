// SPDX-License-Identifier: Apache-2.0
// Renders log entries; a whole one is written at once, so those of several threads do not mix.
#include "daemon/service/log.hpp"

// Where in the code an event was written says nothing to a sysadmin.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "common/time.hpp"

namespace tally::service {

namespace {

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
constexpr std::size_t kJournalName = 64;  // bytes of a field's name, at most

std::string_view name_of(Level level) noexcept {
    switch (level) {
        case Level::error:
            return "error";
        case Level::warning:
            return "warning";
        case Level::info:
            return "info";
        case Level::debug:
            return "debug";
    }
    return "info";
}

/// One line, whatever the text holds: a platform's answer must not be able to forge a log line.
std::string printable(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            result += ' ';
        else
            result += c;
    }
    return result;
}

void append_fields(std::string& line, Fields fields) {
    for (const auto& [name, value] : fields) {
        const bool quoted = value.empty() || value.find_first_of(" \"=\t\r\n") != std::string::npos;
        line += fmt::format(
            " {}={}", name,
            quoted ? nlohmann::json(printable(value)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                   : printable(value));
    }
}

std::string sentence(std::string_view message, Fields fields) {
    auto text = printable(message);
    append_fields(text, fields);
    return text;
}

/// "user" is "TALLY_USER"; the journal knows capitals, digits and underscores.
std::string journal_name(std::string_view name) {
    std::string result = "TALLY_";
    for (const char c : name.substr(0, kJournalName - result.size())) {
        const bool small = c >= 'a' && c <= 'z';
        const bool known = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        result += small ? static_cast<char>(c - 'a' + 'A') : known ? c : '_';
    }
    return result;
}

bool has_node(Fields fields) {
    return std::any_of(fields.begin(), fields.end(), [](const Field& field) { return field.first == "node"; });
}

bool send_to_journal(std::vector<std::string> fields) {
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (auto& field : fields) parts.push_back({.iov_base = field.data(), .iov_len = field.size()});
    return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

/// systemd says which stream it gave us, by device and inode: stderr may have been led elsewhere since.
bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
    struct stat file {};
    return stream != nullptr && ::fstat(STDERR_FILENO, &file) == 0 &&
           stream == fmt::format("{}:{}", file.st_dev, file.st_ino);
}

std::string json_line(Level level, std::string_view message, Fields fields, const std::string& node) {
    nlohmann::ordered_json object{
        {"time", render_instant(now())}, {"level", name_of(level)}, {"message", std::string{message}}};
    if (!node.empty()) object["node"] = node;
    for (const auto& [name, value] : fields) object[std::string{name}] = value;
    return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::vector<std::string> journal_fields(Level level, std::string_view message, Fields fields, std::string_view node) {
    std::vector<std::string> entry{"MESSAGE=" + sentence(message, fields),
                                   fmt::format("PRIORITY={}", static_cast<int>(level)), "SYSLOG_IDENTIFIER=tallyd"};
    if (!node.empty() && !has_node(fields)) entry.push_back(fmt::format("TALLY_NODE={}", node));
    for (const auto& [name, value] : fields) entry.push_back(journal_name(name) + "=" + value);
    return entry;
}

LogFormat Log::detect_format() {
    if (!stderr_is_journal()) return LogFormat::text;
    return ::access(kJournalSocket, W_OK) == 0 ? LogFormat::journal : LogFormat::prefixed;
}

void Log::write(Level level, std::string_view message, Fields fields) {
    if (static_cast<int>(level) > static_cast<int>(level_)) return;
    if (format_ == LogFormat::journal && send_to_journal(journal_fields(level, message, fields, node_))) return;
    std::string line;
    if (format_ == LogFormat::json) {
        line = json_line(level, message, fields, node_);
    } else {
        line = format_ == LogFormat::text
                   ? fmt::format("{} {:7} ", render_instant(std::chrono::floor<std::chrono::seconds>(now())),
                                 name_of(level))
                   : fmt::format("<{}>", static_cast<int>(level));
        line += sentence(message, fields);
    }
    line += '\n';
    (void)std::fwrite(line.data(), 1, line.size(), out_);
    (void)std::fflush(out_);
}

}  // namespace tally::service
