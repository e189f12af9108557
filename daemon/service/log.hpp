// SPDX-License-Identifier: Apache-2.0
// The daemon's log: one line an event on stderr, with fields. The journal reads its priority from a "<N>" prefix.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace tally::service {

/// syslog priorities, as the journal knows them
enum class Level { error = 3, warning = 4, info = 6, debug = 7 };

/// Name and value of a field. Values of type Secret do not convert, so a token cannot be logged by mistake.
using Field = std::pair<std::string_view, std::string>;
using Fields = std::initializer_list<Field>;

enum class LogFormat { text, journal, json };

class Log {
public:
    explicit Log(Level level = Level::info, LogFormat format = LogFormat::text, std::FILE* out = stderr)
        : level_(level), format_(format), out_(out) {}

    void error(std::string_view message, Fields fields = {}) { write(Level::error, message, fields); }
    void warning(std::string_view message, Fields fields = {}) { write(Level::warning, message, fields); }
    void info(std::string_view message, Fields fields = {}) { write(Level::info, message, fields); }
    void debug(std::string_view message, Fields fields = {}) { write(Level::debug, message, fields); }

    void set_level(Level level) noexcept { level_ = level; }
    void set_format(LogFormat format) noexcept { format_ = format; }

    /// journal when stderr is connected to it, else text
    static LogFormat detect_format();

private:
    void write(Level level, std::string_view message, Fields fields);

    Level level_;
    LogFormat format_;
    std::FILE* out_;
};

}  // namespace tally::service
