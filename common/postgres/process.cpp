// SPDX-License-Identifier: Apache-2.0
// fork, drop privileges, exec, wait.
#include "common/postgres/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "common/error.hpp"

namespace tally::postgres {

namespace {

constexpr std::size_t kKeptOutput = 8'192;

/// What the service manager said is for us: PostgreSQL would answer NOTIFY_SOCKET, and needs no credential.
bool is_of_service_manager(std::string_view variable) {
    constexpr std::array<std::string_view, 8> kNames{
        "NOTIFY_SOCKET=", "WATCHDOG_PID=",   "WATCHDOG_USEC=",  "LISTEN_PID=",
        "LISTEN_FDS=",    "LISTEN_FDNAMES=", "JOURNAL_STREAM=", "CREDENTIALS_DIRECTORY="};
    return std::any_of(kNames.begin(), kNames.end(), [&](auto name) { return variable.starts_with(name); });
}

/// The variables of our environment that a program gets.
std::vector<char*> environment_of_programs() {
    std::vector<char*> variables;
    for (char** variable = environ; *variable != nullptr; ++variable)
        if (!is_of_service_manager(*variable)) variables.push_back(*variable);
    variables.push_back(nullptr);
    return variables;
}

/// In the child: only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* argv, char* const* variables, const std::optional<Account>& as, int output) {
    // A test clock or a sanitizer that was preloaded stays; signals go back to their defaults.
    std::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::close_range(3, ~0U, 0);
    if (as && (::setgroups(1, &as->gid) != 0 || ::setgid(as->gid) != 0 || ::setuid(as->uid) != 0)) ::_exit(126);
    if (::chdir("/") != 0) ::_exit(126);
    ::execve(argv[0], argv, variables);
    ::_exit(127);
}

}  // namespace

std::optional<Account> find_account(const std::string& name) {
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return Account{.uid = entry.pw_uid, .gid = entry.pw_gid, .name = name};
}

Finished run_program(const std::vector<std::string>& arguments, const std::optional<Account>& as) {
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));  // execv's signature
    argv.push_back(nullptr);
    const auto variables = environment_of_programs();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(Fault::failed, "out of file descriptors");
    const pid_t child = ::fork();
    if (child < 0) throw Error(Fault::failed, "cannot start a process");
    if (child == 0) become(argv.data(), variables.data(), as, ends[1]);
    ::close(ends[1]);

    // The pipe ends with the program itself: a server that it leaves behind has its own log.
    Finished finished;
    std::array<char, 4'096> buffer{};
    for (;;) {
        const auto size = ::read(ends[0], buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        finished.output.append(buffer.data(), static_cast<std::size_t>(size));
        if (finished.output.size() > kKeptOutput) finished.output.erase(0, finished.output.size() - kKeptOutput);
    }
    ::close(ends[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return finished;
}

}  // namespace tally::postgres
