// SPDX-License-Identifier: Apache-2.0
// A page that is shown again and again: drawn over the one before, so that nothing flickers.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cli/console.hpp"

namespace tally::cli {

/// What draws `text` over an earlier page: from the upper left corner, each line to its end, the rest of the screen
/// empty. @param height lines of the terminal; what does not fit is left out, and said so in the last line
std::string draw_over(std::string_view text, unsigned height);

/// While this lives the terminal shows nothing else; its own content comes back at the end. Where stdout is no
/// terminal, or pages are not to be drawn over each other, they are written one after the other. An interrupt ends the
/// program at once with exit code 130 (128 + signal for SIGTERM and SIGHUP), never in the middle of a page. One at a
/// time, single-threaded.
class WatchScreen {
public:
    /// @param over pages are drawn over each other, where stdout is a terminal
    WatchScreen(Console& console, bool over);
    ~WatchScreen();
    WatchScreen(const WatchScreen&) = delete;
    WatchScreen& operator=(const WatchScreen&) = delete;

    /// @throws ClosedPipe, Error (failed) as Console does
    void show(std::string_view page);
    /// Waits, and draws the last page again when the terminal gets another size.
    void wait(std::chrono::milliseconds time);

private:
    void write(std::string_view text);

    Console& console_;
    std::string page_;
};

}  // namespace tally::cli
