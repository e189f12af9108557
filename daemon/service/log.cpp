// SPDX-License-Identifier: Apache-2.0
// Renders log lines; a whole line is written at once, so lines of several threads do not mix.
#include "daemon/service/log.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "common/time.hpp"

namespace tally::service {

namespace {

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

std::string json_line(Level level, std::string_view message, Fields fields) {
    nlohmann::ordered_json object{
        {"time", render_instant(now())}, {"level", name_of(level)}, {"message", std::string{message}}};
    for (const auto& [name, value] : fields) object[std::string{name}] = value;
    return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

LogFormat Log::detect_format() {
    return std::getenv("JOURNAL_STREAM") != nullptr ? LogFormat::journal
                                                    : LogFormat::text;  // NOLINT(concurrency-mt-unsafe)
}

void Log::write(Level level, std::string_view message, Fields fields) {
    if (static_cast<int>(level) > static_cast<int>(level_)) return;
    std::string line;
    if (format_ == LogFormat::json) {
        line = json_line(level, message, fields);
    } else {
        line = format_ == LogFormat::journal
                   ? fmt::format("<{}>", static_cast<int>(level))
                   : fmt::format("{} {:7} ", render_instant(std::chrono::floor<std::chrono::seconds>(now())),
                                 name_of(level));
        line += printable(message);
        append_fields(line, fields);
    }
    line += '\n';
    (void)std::fwrite(line.data(), 1, line.size(), out_);
    (void)std::fflush(out_);
}

}  // namespace tally::service
