// SPDX-License-Identifier: Apache-2.0
// libcurl for what goes over the network, posix_spawn for programs.
#include "daemon/alert/channel.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

#include "common/error.hpp"
#include "common/url.hpp"

namespace tally::alert {

namespace {

using namespace std::chrono_literals;
using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

constexpr std::size_t kMostAnswer = 500;  // characters of an answer that an error cites

std::size_t keep_start(char* data, std::size_t, std::size_t size, void* kept) {
    auto& text = *static_cast<std::string*>(kept);
    text.append(data, std::min(size, kMostAnswer - std::min(kMostAnswer, text.size())));
    return size;
}

class Transfer {
public:
    Transfer() : curl_(curl_easy_init(), curl_easy_cleanup) {
        if (!curl_) throw Error(Fault::internal, "libcurl does not start");
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::chrono::milliseconds{kDeliveryLimit}.count()));
        set(CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
        set(CURLOPT_ERRORBUFFER, error_.data());
        set(CURLOPT_WRITEFUNCTION, &keep_start);
        set(CURLOPT_WRITEDATA, &answer_);
        set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    }
    template <class T>
    void set(CURLoption option, T value) {
        curl_easy_setopt(curl_.get(), option, value);
    }
    long perform() {
        const auto code = curl_easy_perform(curl_.get());
        long status = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK)
            // A mail server's 5xx to an address or a letter; libcurl has other codes for what it says to a password.
            throw Error(code == CURLE_SEND_ERROR && status >= 500 && status <= 599 ? Fault::denied : Fault::unreachable,
                        fmt::format("{}{}", error_[0] != '\0' ? error_.data() : curl_easy_strerror(code),
                                    answer_.empty() ? "" : ": " + answer_));
        return status;
    }
    const std::string& answer() const { return answer_; }

private:
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    std::string answer_;
};

void post(const Message& message, const config::AlertChannel& channel) {
    const auto url = config::resolve(*channel.webhook);
    const auto& text = url.reveal();
    const auto parsed = parse_url(text);
    if (!parsed || !parsed->is_confidential())
        throw Error(Fault::config, "the webhook's URL is not https", "Plain http only to this machine.");
    const auto body = webhook_body(message, channel.format);
    Transfer transfer;
    const CurlList headers{curl_slist_append(nullptr, "Content-Type: application/json"), curl_slist_free_all};
    transfer.set(CURLOPT_URL, text.c_str());
    transfer.set(CURLOPT_HTTPHEADER, headers.get());
    transfer.set(CURLOPT_POSTFIELDS, body.c_str());
    transfer.set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    transfer.set(CURLOPT_USERAGENT, "tally");
    const auto status = transfer.perform();
    if (status < 200 || status > 299)
        throw Error(Fault::failed, fmt::format("the webhook answered {}: {}", status, transfer.answer()));
}

struct Source {
    std::string_view left;
};

std::size_t read_source(char* out, std::size_t size, std::size_t count, void* source) {
    auto& left = static_cast<Source*>(source)->left;
    const auto length = std::min(size * count, left.size());
    std::memcpy(out, left.data(), length);
    left.remove_prefix(length);
    return length;
}

/// One end of a pipe, closed at the end.
struct Descriptor {
    int fd = -1;
    ~Descriptor() { close(); }
    void close() {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
};

/// Gives the program its input as it takes it, until the deadline.
void feed(int fd, std::string_view text, std::chrono::steady_clock::time_point deadline) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    while (!text.empty() && std::chrono::steady_clock::now() < deadline) {
        const auto count = ::write(fd, text.data(), text.size());
        if (count > 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        if (count < 0 && errno == EPIPE) return;  // it does not want to read: its own business
        ::pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
        ::poll(&writable, 1, 100);
    }
}

void run_command(const Message& message, const std::string& program) {
    Descriptor in, out;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(Fault::failed, "no pipe can be made");
    in.fd = ends[0];
    out.fd = ends[1];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.fd, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    // A group of its own, so that whatever it starts ends with it, and none of our signal settings.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    auto path = program, title = subject_of(message);
    const std::array<char*, 3> arguments{path.data(), title.data(), nullptr};
    pid_t child = 0;
    const int error = ::posix_spawn(&child, program.c_str(), &actions, &attributes, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0)
        throw Error(Fault::failed, fmt::format("cannot run '{}': {}", program, std::generic_category().message(error)));
    in.close();
    const auto deadline = std::chrono::steady_clock::now() + kDeliveryLimit;
    feed(out.fd, text_of(message), deadline);
    out.close();
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() >= deadline) {
            ::kill(-child, SIGKILL);
            ::waitpid(child, &status, 0);
            throw Error(Fault::failed, fmt::format("'{}' was not done after {} s", program, kDeliveryLimit.count()));
        }
        std::this_thread::sleep_for(20ms);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    throw Error(Fault::failed, WIFEXITED(status)
                                   ? fmt::format("'{}' ended with exit code {}", program, WEXITSTATUS(status))
                                   : fmt::format("'{}' was ended by signal {}", program, WTERMSIG(status)));
}

}  // namespace

void send_mail(const Letter& letter, const std::string& to, const config::Config::Smtp& smtp, const std::string& id) {
    if (!smtp.url || !smtp.from)
        throw Error(Fault::config, "no mail server is configured", "Set smtp.url and smtp.from, see tallyd.yaml(5).");
    const auto text = render_letter(letter, *smtp.from, to, id);
    Source source{text};
    Transfer transfer;
    transfer.set(CURLOPT_URL, smtp.url->c_str());
    const auto server = parse_mail_url(*smtp.url);
    // Who asks for smtp:// elsewhere gets STARTTLS or nothing: passwords and numbers do not travel in the clear.
    transfer.set(CURLOPT_USE_SSL, static_cast<long>(server && server->is_loopback() ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    const auto password = smtp.password ? std::optional{config::resolve(*smtp.password)} : std::nullopt;
    if (smtp.username) transfer.set(CURLOPT_USERNAME, smtp.username->c_str());
    if (password) transfer.set(CURLOPT_PASSWORD, password->reveal().c_str());
    const auto from = fmt::format("<{}>", *smtp.from), recipient = fmt::format("<{}>", to);
    const CurlList recipients{curl_slist_append(nullptr, recipient.c_str()), curl_slist_free_all};
    transfer.set(CURLOPT_MAIL_FROM, from.c_str());
    transfer.set(CURLOPT_MAIL_RCPT, recipients.get());
    transfer.set(CURLOPT_READFUNCTION, &read_source);
    transfer.set(CURLOPT_READDATA, &source);
    transfer.set(CURLOPT_UPLOAD, 1L);
    transfer.perform();
}

void deliver(const Message& message, const config::AlertChannel& channel, const config::Config::Smtp& smtp,
             const std::string& id) {
    if (channel.webhook)
        post(message, channel);
    else if (channel.email)
        send_mail(letter_of(message), *channel.email, smtp, id);
    else if (channel.command)
        run_command(message, *channel.command);
}

}  // namespace tally::alert
