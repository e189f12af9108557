// SPDX-License-Identifier: Apache-2.0
// Writes to the two streams and reads a secret without echo.
#include "cli/console.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "common/error.hpp"

namespace tally::cli {

namespace {

constexpr std::size_t kSecretLimit = 64U << 10U;

/// Echo is off while this lives, also when reading throws.
class EchoOff {
public:
    EchoOff() {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        auto silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL;
        changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    }
    ~EchoOff() {
        if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    EchoOff(const EchoOff&) = delete;
    EchoOff& operator=(const EchoOff&) = delete;

private:
    termios before_{};
    bool changed_ = false;
};

[[noreturn]] void fail_write(int error) {
    if (error == EPIPE) throw ClosedPipe{};
    throw Error{Fault::failed, fmt::format("cannot write to stdout: {}", std::strerror(error))};
}

}  // namespace

std::string Palette::paint(Tone tone, std::string_view text) const {
    if (!colour || tone == Tone::plain) return std::string{text};
    const char* code = "1";
    switch (tone) {
        case Tone::good:
            code = "32";
            break;
        case Tone::warning:
            code = "33";
            break;
        case Tone::bad:
            code = "31";
            break;
        case Tone::faint:
            code = "2";
            break;
        default:
            break;
    }
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string printable(std::string_view text) {
    std::string result{text};
    for (std::size_t i = 0; i < result.size(); ++i) {
        const auto byte = static_cast<unsigned char>(result[i]);
        // U+0080..U+009F are control characters too; in UTF-8 they are C2 80..C2 9F.
        const bool c1 = byte == 0xC2 && i + 1 < result.size() && static_cast<unsigned char>(result[i + 1]) < 0xA0;
        if (byte < 0x20 || byte == 0x7F) result[i] = '?';
        if (c1) result.replace(i, 2, "?");
    }
    return result;
}

Console::Console() : out_is_terminal_(::isatty(STDOUT_FILENO) == 1), err_is_terminal_(::isatty(STDERR_FILENO) == 1) {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal != nullptr && std::string_view{terminal} == "dumb";
    palette_.colour = out_is_terminal_ && !dumb && (no_colour == nullptr || *no_colour == '\0');
}

unsigned Console::width() const {
    winsize size{};
    const int terminal = out_is_terminal_ ? STDOUT_FILENO : STDERR_FILENO;
    if (::ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

void Console::out(std::string_view data) {
    if (progress_shown_ && out_is_terminal_) end_progress();
    errno = 0;
    if (std::fwrite(data.data(), 1, data.size(), stdout) != data.size()) fail_write(errno);
}

void Console::flush() {
    errno = 0;
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail_write(errno);
}

void Console::say(std::string_view line) {
    end_progress();
    if (out_is_terminal_) std::fflush(stdout);  // data and words appear in their order; flush() tells of errors
    fmt::print(stderr, "{}\n", line);
}

void Console::progress(std::string_view line) {
    if (!err_is_terminal_) return;
    fmt::print(stderr, "\r\x1b[K{}", line);
    std::fflush(stderr);
    progress_shown_ = true;
}

void Console::end_progress() {
    if (!progress_shown_) return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    progress_shown_ = false;
}

Secret Console::read_secret(std::string_view prompt) {
    const bool terminal = ::isatty(STDIN_FILENO) == 1;
    std::optional<EchoOff> silence;
    if (terminal) {
        silence.emplace();
        fmt::print(stderr, "{}: ", prompt);
        std::fflush(stderr);
    }
    std::string text;
    text.reserve(kSecretLimit + 1);  // never reallocated, so that no copy of the secret stays behind
    char buffer[4096];
    for (;;) {
        const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw Error{Fault::failed, fmt::format("cannot read stdin: {}", std::strerror(errno))};
        if (count == 0) break;
        text.append(buffer, static_cast<std::size_t>(count));
        ::explicit_bzero(buffer, sizeof buffer);
        if (text.size() > kSecretLimit) throw Error{Fault::usage, fmt::format("the {} is longer than 64 KiB", prompt)};
        if (terminal && text.find('\n') != std::string::npos) break;
    }
    return Secret{std::move(text)};
}

}  // namespace tally::cli
