// SPDX-License-Identifier: Apache-2.0
// fork, drop privileges, exec, wait.
#include "common/postgres/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/error.hpp"

namespace tally::postgres {

namespace {

constexpr std::size_t kKeptOutput = 8'192;

/// In the child: only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* argv, const std::optional<Account>& as, int output) {
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
    ::execv(argv[0], argv);
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
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(Fault::failed, "out of file descriptors");
    const pid_t child = ::fork();
    if (child < 0) throw Error(Fault::failed, "cannot start a process");
    if (child == 0) become(argv.data(), as, ends[1]);
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
