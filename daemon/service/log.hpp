// SPDX-License-Identifier: Apache-2.0
// The daemon's log: one event with fields at a time, as an entry of the journal or as a line on stderr.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::service {

/// syslog priorities, as the journal knows them
enum class Level { error = 3, warning = 4, info = 6, debug = 7 };

/// Name and value of a field. Values of type Secret do not convert, so a token cannot be logged by mistake.
using Field = std::pair<std::string_view, std::string>;
using Fields = std::initializer_list<Field>;

/// journal: entries with fields, sent by its own protocol; prefixed: lines that begin with "<PRIORITY>", for whoever
/// reads stderr on behalf of a service manager; text and json: lines for people and for programs
enum class LogFormat { text, prefixed, journal, json };

/// An entry of the journal: each "NAME=value". MESSAGE is what a line would say; a field `user` is TALLY_USER as well,
/// so that `journalctl TALLY_USER=…` finds it. Values may hold any bytes. Pure.
/// @param node which tallyd it is; empty: not known yet
std::vector<std::string> journal_fields(Level level, std::string_view message, Fields fields, std::string_view node);

/// Any thread, once format, level and node are set.
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
    /// Which tallyd it is: a field of each entry in the journal and of each JSON line.
    void set_node(std::string node) { node_ = std::move(node); }

    /// journal when stderr is connected to it (prefixed where its socket is out of reach), else text
    static LogFormat detect_format();

private:
    void write(Level level, std::string_view message, Fields fields);

    Level level_;
    LogFormat format_;
    std::FILE* out_;
    std::string node_;
};

}  // namespace tally::service
