// SPDX-License-Identifier: Apache-2.0
// The alternate screen of the terminal, and signals that leave it as it was.
#include "cli/watch_screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

namespace tally::cli {

namespace {

// The other screen, no cursor, and lines that are cut at the edge instead of wrapped; and all of it back again.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr unsigned kUsualHeight = 24;

volatile std::sig_atomic_t on_screen = 0, resized = 0;

void leave_and_end(int signal) {
    if (on_screen != 0) {
        // Nothing can be done about a terminal that takes no more.
        [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, kLeave.data(), kLeave.size());
    }
    ::_exit(128 + signal);
}

void note_size(int) {
    resized = 1;
}

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
    return set;
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = static_cast<int>(SA_RESTART);  // a page that is being written is; poll() ends all the same
    ::sigaction(signal, &action, nullptr);
}

/// No signal ends the program while this lives.
class Uninterrupted {
public:
    Uninterrupted() {
        const auto set = ending_signals();
        ::sigprocmask(SIG_BLOCK, &set, &before_);
    }
    ~Uninterrupted() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
    Uninterrupted(const Uninterrupted&) = delete;
    Uninterrupted& operator=(const Uninterrupted&) = delete;

private:
    sigset_t before_{};
};

unsigned terminal_height() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : kUsualHeight;
}

}  // namespace

std::string draw_over(std::string_view text, unsigned height) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    std::string cut;
    if (height > 0 && lines.size() > height) {
        const auto hidden = lines.size() - height + 1;
        lines.resize(height - 1);
        cut = "… " + std::to_string(hidden) + " more lines";
        lines.push_back(cut);
    }
    std::string out = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) out += "\r\n";
        out.append(lines[i]).append("\x1b[K");
    }
    return out + "\x1b[J";
}

WatchScreen::WatchScreen(Console& console, bool over) : console_(console) {
    resized = 0;
    on_screen = over && console_.out_is_terminal() ? 1 : 0;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle(signal, leave_and_end);
    if (on_screen == 0) return;
    handle(SIGWINCH, note_size);
    write(kEnter);
}

WatchScreen::~WatchScreen() {
    if (on_screen != 0) {
        try {
            write(kLeave);
        } catch (const std::exception&) {  // the terminal has gone, and its screen with it
        }
    }
    on_screen = 0;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) handle(signal, SIG_DFL);
}

void WatchScreen::write(std::string_view text) {
    const Uninterrupted whole;
    console_.out(text);
    console_.flush();
}

void WatchScreen::show(std::string_view page) {
    page_ = page;
    if (on_screen != 0)
        write(draw_over(page_, terminal_height()));
    else
        write(page_);
}

void WatchScreen::wait(std::chrono::milliseconds time) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + time;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0) return;
        ::poll(nullptr, 0, static_cast<int>(left.count()));  // a new size ends it early
        if (resized == 0) continue;
        resized = 0;
        if (on_screen != 0) show(std::string{page_});
    }
}

}  // namespace tally::cli
