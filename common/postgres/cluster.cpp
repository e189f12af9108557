// SPDX-License-Identifier: Apache-2.0
// Makes, starts, adopts and stops the private cluster.
#include "common/postgres/cluster.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/error.hpp"
#include "common/postgres/child.hpp"
#include "common/postgres/session.hpp"

namespace tally::postgres {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr int kOldestMajor = 15;
constexpr std::size_t kMaxSocketPath = 107;  // sun_path less its NUL
constexpr auto kStartPatience = 10min;       // recovery after a crash may take its time
constexpr auto kStopPatience = 60s;
constexpr auto kPollInterval = 10ms;

std::string read_file(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Written beside and renamed, so that a reader or a crash never sees half of it.
void write_file(const fs::path& path, const std::string& text, const SystemUser& owner) {
    const auto fresh = path.string() + ".new";
    std::ofstream out{fresh, std::ios::binary | std::ios::trunc};
    out << text;
    out.close();
    if (!out || chmod(fresh.c_str(), 0640) != 0 ||
        (!owner.is_us() && chown(fresh.c_str(), owner.uid, owner.gid) != 0) ||
        rename(fresh.c_str(), path.c_str()) != 0)
        throw Error(Fault::failed, fmt::format("cannot write '{}'", path.string()), "Is the disk full?");
}

void make_directory(const fs::path& path, mode_t mode, const SystemUser& owner) {
    const bool made = mkdir(path.c_str(), mode) == 0;
    if (!made && errno != EEXIST)
        throw Error(Fault::failed,
                    fmt::format("cannot make '{}': {}", path.string(), std::generic_category().message(errno)));
    if (made && (chmod(path.c_str(), mode) != 0 || (!owner.is_us() && chown(path.c_str(), owner.uid, owner.gid) != 0)))
        throw Error(Fault::failed, fmt::format("cannot hand '{}' to the user '{}'", path.string(), owner.name));
}

int major_version_of(const fs::path& data) {
    const auto text = read_file(data / "PG_VERSION");
    int version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    return version;
}

/// Installed server programs by major version, from the places where Debian and the RPM packages put them.
std::vector<std::pair<int, fs::path>> installed_servers() {
    std::vector<std::pair<int, fs::path>> found;
    const auto consider = [&found](std::string_view version, const fs::path& binaries) {
        int major = 0;
        std::from_chars(version.data(), version.data() + version.size(), major);
        if (major >= kOldestMajor && fs::exists(binaries / "initdb") && fs::exists(binaries / "postgres"))
            found.emplace_back(major, binaries);
    };
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{"/usr/lib/postgresql", none})
        consider(entry.path().filename().string(), entry.path() / "bin");
    for (const auto& entry : fs::directory_iterator{"/usr", none}) {
        const auto name = entry.path().filename().string();
        if (name.starts_with("pgsql-")) consider(std::string_view{name}.substr(6), entry.path() / "bin");
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// Data can only be served by its own major version; a new cluster takes the newest one.
fs::path find_binaries(const fs::path& data, const std::string& wanted) {
    if (!wanted.empty()) return wanted;
    const auto servers = installed_servers();
    if (servers.empty())
        throw Error(Fault::config, "PostgreSQL 15 or newer is not installed",
                    "Install the package postgresql-15, or set database.url to a server elsewhere.");
    if (!fs::exists(data)) return servers.back().second;
    const int version = major_version_of(data);
    for (const auto& [major, binaries] : servers) {
        if (major == version) return binaries;
    }
    throw Error(Fault::config,
                fmt::format("the data in '{}' is of PostgreSQL {}, installed is {}", data.string(), version,
                            servers.back().first),
                fmt::format("Install postgresql-{} again, or move the data to {} with pg_upgrade (see its manual page) "
                            "while tallyd is stopped.",
                            version, servers.back().first));
}

/// The last lines of a tool's output that say what went wrong.
std::string last_words(const fs::path& file) {
    std::istringstream lines{read_file(file)};
    std::string line, last, fatal;
    while (std::getline(lines, line)) {
        if (line.empty()) continue;
        last = line;
        if (line.find("FATAL:") != std::string::npos || line.find("PANIC:") != std::string::npos ||
            line.find("error:") != std::string::npos)
            fatal = line;
    }
    return fatal.empty() ? last : fatal;
}

fs::path newest_log(const fs::path& directory) {
    fs::path newest;
    fs::file_time_type when{};
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{directory, none}) {
        const auto written = entry.last_write_time(none);
        if (newest.empty() || written > when) {
            newest = entry.path();
            when = written;
        }
    }
    return newest;
}

std::string conninfo(const fs::path& directory, std::string_view user, const std::string& database) {
    // key=value rather than a URL: a directory needs no percent-encoding there.
    std::string host;
    for (const char c : (directory / "run").string()) {
        if (c == '\'' || c == '\\') host += '\\';
        host += c;
    }
    return fmt::format("host='{}' port=5432 user={} dbname={}", host, user, database);
}

/// A postmaster's working directory is its data directory; nothing else tells it safely from a later process that
/// was given the same number.
bool serves(pid_t process, const fs::path& data) {
    std::error_code none;
    const auto where = fs::read_symlink(fmt::format("/proc/{}/cwd", process), none);
    return !none && fs::equivalent(where, data, none) && !none;
}

/// The running postmaster of this data, 0 when there is none.
pid_t running_postmaster(const fs::path& data) {
    const auto text = read_file(data / "postmaster.pid");
    pid_t process = 0;
    std::from_chars(text.data(), text.data() + text.size(), process);
    return process > 0 && serves(process, data) ? process : 0;
}

/// A postmaster that was killed leaves its file, and a process that now has its number keeps a new one from starting.
/// The file also guards against server processes that outlived it, so it goes only when there are none.
void clear_stale_file(const fs::path& data) {
    const auto file = data / "postmaster.pid";
    if (!fs::exists(file)) return;
    const auto any_left = [&data] {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator{"/proc", none}) {
            const auto name = entry.path().filename().string();
            pid_t process = 0;
            const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
            if (error == std::errc{} && *end == '\0' && serves(process, data)) return true;
        }
        return false;
    };
    // They notice within moments that their postmaster is gone.
    for (int i = 0; any_left(); ++i) {
        if (i == 500)
            throw Error(Fault::temporary, fmt::format("server processes of a killed PostgreSQL still use '{}'", data.string()),
                        "Wait a moment, or end them.");
        std::this_thread::sleep_for(kPollInterval);
    }
    fs::remove(file);
}

void write_settings(const fs::path& directory, const SystemUser& user) {
    const auto data = directory / "data";
    const auto quoted = [](const fs::path& path) { return quote_literal(path.string()); };
    write_file(data / "postgresql.conf",
               fmt::format("# Written by tally at every start. Your own settings go to {}.\n"
                           "listen_addresses = ''\n"
                           "unix_socket_directories = {}\n"
                           "port = 5432\n"
                           "max_connections = 50\n"
                           "shared_buffers = 128MB\n"
                           "max_wal_size = 2GB\n"
                           "wal_compression = on\n"
                           "jit = off  # needs writable and executable memory, which the unit forbids\n"
                           "synchronous_commit = on\n"
                           "timezone = 'UTC'\n"
                           "log_timezone = 'UTC'\n"
                           "logging_collector = on\n"
                           "log_directory = {}\n"
                           "log_filename = 'postgres-%a.log'  # a week, each day over the one of last week\n"
                           "log_rotation_age = 1d\n"
                           "log_rotation_size = 0\n"
                           "log_truncate_on_rotation = on\n"
                           "log_checkpoints = off\n"
                           "log_line_prefix = '%m [%p] %q%a '\n"
                           "include_if_exists = {}\n",
                           (directory / "local.conf").string(), quoted(directory / "run"), quoted(directory / "log"),
                           quoted(directory / "local.conf")),
               user);
    write_file(data / "pg_hba.conf",
               "# Written by tally at every start. Who may enter the socket's directory may read numbers.\n"
               "local all tally_reader trust\n"
               "local all tally peer map=tally\n",
               user);
    write_file(data / "pg_ident.conf",
               fmt::format("# Written by tally at every start.\ntally \"{}\" tally\n{}", user.name,
                           user.name == "root" ? "" : "tally root tally\n"),
               user);
}

void make_cluster(const fs::path& directory, const fs::path& binaries, const SystemUser& user) {
    // Made under another name: a directory called `data` is complete, whenever we are killed.
    const auto fresh = directory / "data.new", output = directory / "initdb.log";
    fs::remove_all(fresh);
    const auto process = start({.command = {binaries / "initdb", "--pgdata=" + fresh.string(), "--username=tally",
                                            "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
                                            "--auth-local=peer", "--auth-host=reject", "--no-instructions"},
                                .output = output,
                                .own_session = true},
                               user);
    if (wait_for(process) != 0)
        throw Error(Fault::failed, fmt::format("initdb failed: {}", last_words(output)),
                    fmt::format("Its whole output is in '{}'.", output.string()));
    fs::rename(fresh, directory / "data");
}

bool answers(const fs::path& directory) {
    return PQping(conninfo(directory, "tally", "template1").c_str()) == PQPING_OK;
}

/// Waits until the postmaster takes connections.
void await_ready(const fs::path& directory, pid_t process, bool child) {
    const auto end = std::chrono::steady_clock::now() + kStartPatience;
    while (!answers(directory)) {
        const bool gone = child ? waitpid(process, nullptr, WNOHANG) != 0 : kill(process, 0) != 0 && errno == ESRCH;
        if (gone) {
            auto words = last_words(directory / "start.log");
            if (words.find("FATAL") == std::string::npos) {
                if (const auto log = newest_log(directory / "log"); !log.empty()) words = last_words(log);
            }
            throw Error(Fault::failed, fmt::format("PostgreSQL did not start: {}", words),
                        fmt::format("Its log is in '{}'.", (directory / "log").string()));
        }
        if (std::chrono::steady_clock::now() > end)
            throw Error(Fault::temporary, "PostgreSQL is still starting after 10 minutes",
                        fmt::format("Its log is in '{}'.", (directory / "log").string()));
        std::this_thread::sleep_for(kPollInterval);
    }
}

void make_database(const PrivateCluster& cluster) {
    Session session{{.url = cluster.url("postgres"), .application_name = "tally start", .role = {}}};
    const auto exists = [&session](const std::string& query) {
        auto transaction = session.begin_read_only();
        return !transaction.exec_text(query).empty();
    };
    if (!exists("SELECT FROM pg_database WHERE datname = 'tally'")) session.exec_alone("CREATE DATABASE tally");
    if (!exists("SELECT FROM pg_roles WHERE rolname = 'tally_reader'"))
        session.exec_alone("CREATE ROLE tally_reader LOGIN");
    else if (!exists("SELECT FROM pg_roles WHERE rolname = 'tally_reader' AND rolcanlogin"))
        session.exec_alone("ALTER ROLE tally_reader LOGIN");
}

/// STATE_DIR/postgres and what is below it, open for the cluster's user.
fs::path make_directories(const std::string& state_dir, const SystemUser& user) {
    const auto directory = fs::absolute(state_dir) / "postgres";
    if (const auto socket = directory / "run" / ".s.PGSQL.5432"; socket.string().size() > kMaxSocketPath)
        throw Error(Fault::config, fmt::format("the socket's path '{}' is longer than {} bytes", socket.string(), kMaxSocketPath),
                    "Choose a shorter state_dir.");
    std::error_code error;
    fs::create_directories(state_dir, error);
    if (error) throw Error(Fault::config, fmt::format("cannot make '{}': {}", state_dir, error.message()));
    if (const auto closed = first_closed_directory(fs::absolute(state_dir).lexically_normal(), user))
        throw Error(Fault::config,
                    fmt::format("PostgreSQL runs as the user '{}', which may not pass through '{}'", user.name, *closed),
                    fmt::format("Allow it with 'chmod o+x {}', or choose another state_dir.", *closed));
    make_directory(directory, 0750, user);
    make_directory(directory / "run", 0750, user);
    make_directory(directory / "log", 0750, user);
    return directory;
}

}  // namespace

PrivateCluster PrivateCluster::start(const std::string& state_dir, const Options& options) {
    const auto user = SystemUser::choose(options.run_as);
    const auto directory = make_directories(state_dir, user);
    const auto data = directory / "data";
    const auto binaries = find_binaries(data, options.binaries);
    if (!fs::exists(data)) make_cluster(directory, binaries, user);

    if (const auto process = running_postmaster(data); process != 0) {
        PrivateCluster adopted{directory, process, true};
        try {
            await_ready(directory, process, false);
            make_database(adopted);
        } catch (...) {
            adopted.abandon();  // not ours to stop
            throw;
        }
        return adopted;
    }
    clear_stale_file(data);
    write_settings(directory, user);
    Child child{.command = {binaries / "postgres", "-D", data},
                .output = directory / "start.log",
                .own_session = true,
                .die_with_starter = options.die_with_starter};
    for (const auto& [name, value] : options.settings) {
        child.command.push_back("-c");
        child.command.push_back(name + "=" + value);
    }
    const auto process = postgres::start(child, user);
    try {
        await_ready(directory, process, true);
    } catch (...) {
        if (kill(process, SIGINT) == 0) waitpid(process, nullptr, 0);
        throw;
    }
    PrivateCluster cluster{directory, process, false};
    make_database(cluster);
    return cluster;
}

std::optional<std::string> PrivateCluster::find(const std::string& state_dir) {
    const auto directory = fs::absolute(state_dir) / "postgres";
    // A reader may not look into the data directory, but may knock at the socket.
    if (PQping(conninfo(directory, "tally_reader", "tally").c_str()) != PQPING_OK) return std::nullopt;
    return conninfo(directory, "tally_reader", "tally");
}

std::optional<std::string> PrivateCluster::find_admin(const std::string& state_dir) {
    if (!find(state_dir)) return std::nullopt;
    return conninfo(fs::absolute(state_dir) / "postgres", "tally", "tally");
}

PrivateCluster::PrivateCluster(PrivateCluster&& other) noexcept
    : directory_(std::move(other.directory_)), process_(std::exchange(other.process_, 0)), adopted_(other.adopted_) {}

PrivateCluster::~PrivateCluster() { stop(); }

bool PrivateCluster::is_running() noexcept {
    if (process_ == 0) return false;
    const bool gone =
        adopted_ ? kill(process_, 0) != 0 && errno == ESRCH : waitpid(process_, nullptr, WNOHANG) == process_;
    if (gone) process_ = 0;
    return !gone;
}

void PrivateCluster::stop() noexcept {
    if (!is_running()) return;
    kill(process_, SIGINT);
    const auto end = std::chrono::steady_clock::now() + kStopPatience;
    bool cut_short = false;
    while (is_running()) {
        if (!cut_short && std::chrono::steady_clock::now() > end) {
            kill(process_, SIGQUIT);
            cut_short = true;
        }
        std::this_thread::sleep_for(kPollInterval);
    }
}

std::string PrivateCluster::url() const { return url("tally"); }
std::string PrivateCluster::url(const std::string& database) const { return conninfo(directory_, "tally", database); }
std::string PrivateCluster::reader_url() const { return conninfo(directory_, "tally_reader", "tally"); }

}  // namespace tally::postgres
