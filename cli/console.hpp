// SPDX-License-Identifier: Apache-2.0
// The terminal: data to stdout, words to stderr, colour and progress only where someone looks.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "common/secret.hpp"

namespace tally::cli {

/// The reader of stdout has gone. Not a failure: the program ends as a pipe's writer does.
class ClosedPipe : public std::runtime_error {
public:
    ClosedPipe() : std::runtime_error("stdout is closed") {}
};

enum class Tone { plain, strong, good, warning, bad, faint };

/// Paints text when colour is on; a value, so that renderers stay pure.
struct Palette {
    bool colour = false;
    std::string paint(Tone tone, std::string_view text) const;
};

/// Text as it may be printed: control characters, which could steer a terminal, become '?'.
std::string printable(std::string_view text);

/// Single-threaded. SIGPIPE must be ignored (see main.cpp).
class Console {
public:
    Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    bool out_is_terminal() const noexcept { return out_is_terminal_; }
    bool words_are_seen() const noexcept { return err_is_terminal_; }  ///< whether stderr is a terminal
    unsigned width() const;                                            ///< of the terminal, 80 when unknown
    const Palette& palette() const noexcept { return palette_; }       ///< for stdout

    /// Buffered. @throws Error (failed) when the disk is full, ClosedPipe when nobody reads any more
    void out(std::string_view data);
    /// Writes the buffer out; same errors. Call it once after the last out().
    void flush();

    void say(std::string_view line);       ///< one line to stderr
    void progress(std::string_view line);  ///< replaces the progress line; nothing when stderr is no terminal
    void end_progress();                   ///< wipes the progress line

    /// All of stdin; from a terminal one line, asked for with `prompt` and not echoed.
    Secret read_secret(std::string_view prompt);

private:
    bool out_is_terminal_, err_is_terminal_;
    Palette palette_;
    bool progress_shown_ = false;
};

}  // namespace tally::cli
