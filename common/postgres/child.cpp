// SPDX-License-Identifier: Apache-2.0
// fork, change user, exec. Between fork and exec only async-signal-safe calls: the daemon has threads.
#include "common/postgres/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "common/error.hpp"

extern char** environ;

namespace tally::postgres {

namespace {

std::string why() { return std::generic_category().message(errno); }

std::optional<SystemUser> find_user(const char* name) {
    std::array<char, 16'384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;
    SystemUser user{.uid = entry.pw_uid, .gid = entry.pw_gid, .name = name, .groups = {}};
    int count = 64;
    user.groups.resize(static_cast<std::size_t>(count));
    if (getgrouplist(name, entry.pw_gid, user.groups.data(), &count) < 0) count = 1;
    user.groups.resize(static_cast<std::size_t>(count));
    return user;
}

std::string name_of(uid_t uid) {
    std::array<char, 16'384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        throw Error(Fault::config, fmt::format("the system knows no user with the id {}", uid),
                    "Add it to /etc/passwd, or set database.url: PostgreSQL needs a user with a name.");
    return entry.pw_name;
}

/// In the child. Returns only when it failed.
bool become(const SystemUser& user) noexcept {
    if (user.is_us()) return true;
    return setgroups(user.groups.size(), user.groups.data()) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

}  // namespace

SystemUser SystemUser::choose(const std::string& name) {
    if (geteuid() != 0) return {.uid = geteuid(), .gid = getegid(), .name = name_of(geteuid()), .groups = {}};
    if (!name.empty()) {
        auto user = find_user(name.c_str());
        if (!user || user->uid == 0)
            throw Error(Fault::config, fmt::format("PostgreSQL cannot run as the user '{}'", name),
                        "Name an existing user that is not root.");
        return *user;
    }
    for (const char* candidate : {"tally", "postgres", "nobody"}) {
        if (auto user = find_user(candidate); user && user->uid != 0) return *user;
    }
    throw Error(Fault::config, "there is no unprivileged system user to run PostgreSQL as", "Add a user 'tally'.");
}

bool SystemUser::is_us() const noexcept { return uid == geteuid(); }

pid_t start(const Child& child, const SystemUser& user) {
    std::vector<char*> arguments;
    for (const auto& argument : child.command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    std::vector<char*> environment;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        if (!std::string_view{*variable}.starts_with("PG")) environment.push_back(*variable);
    }
    environment.push_back(nullptr);
    const int output = open(child.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (output < 0) throw Error(Fault::failed, fmt::format("cannot write '{}': {}", child.output, why()));
    const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const auto starter = getpid();

    const pid_t process = fork();
    if (process == 0) {
        if (child.own_session) setsid();
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        signal(SIGPIPE, SIG_DFL);
        umask(0027);
        if (become(user) && chdir("/") == 0 && dup2(input, 0) >= 0 && dup2(output, 1) >= 0 && dup2(output, 2) >= 0) {
            close_range(3, ~0U, 0);
            // Only now: changing the user clears it. The starter may have ended in between.
            if (child.die_with_starter) {
                prctl(PR_SET_PDEATHSIG, SIGQUIT);
                if (getppid() != starter) _exit(127);
            }
            execve(arguments[0], arguments.data(), environment.data());
        }
        const char* message = strerrordesc_np(errno);
        if (message != nullptr && write(2, message, std::strlen(message)) < 0) _exit(126);
        _exit(127);
    }
    const int error = errno;
    close(output);
    if (input >= 0) close(input);
    if (process < 0) {
        errno = error;
        throw Error(Fault::failed, fmt::format("cannot start '{}': {}", child.command.front(), why()));
    }
    return process;
}

int wait_for(pid_t process) {
    int status = 0;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::optional<std::string> first_closed_directory(const std::string& path, const SystemUser& user) {
    std::vector<std::string> directories;
    for (std::size_t at = 0; (at = path.find('/', at)) != std::string::npos; ++at)
        directories.push_back(at == 0 ? "/" : path.substr(0, at));
    directories.push_back(path);
    // Only the kernel knows what groups, lists and mounts allow: ask it as that user.
    const pid_t process = fork();
    if (process < 0) throw Error(Fault::failed, fmt::format("cannot start a process: {}", why()));
    if (process == 0) {
        if (!become(user)) _exit(255);
        for (std::size_t i = 0; i < directories.size() && i < 254; ++i) {
            if (access(directories[i].c_str(), X_OK) != 0) _exit(static_cast<int>(i + 1));
        }
        _exit(0);
    }
    const int code = wait_for(process);
    if (code == 0) return std::nullopt;
    if (code == 255) throw Error(Fault::denied, fmt::format("cannot become the user '{}'", user.name));
    return directories[static_cast<std::size_t>(code - 1)];
}

}  // namespace tally::postgres
