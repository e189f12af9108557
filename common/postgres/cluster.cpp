// SPDX-License-Identifier: Apache-2.0
// initdb, pg_ctl and the settings of the private cluster.
#include "common/postgres/cluster.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "common/error.hpp"
#include "common/postgres/session.hpp"

namespace tally::postgres {

namespace fs = std::filesystem;

namespace {

constexpr int kOldestMajor = 15;
constexpr const char* kInstallations = "/usr/lib/postgresql";
constexpr std::size_t kSocketName = sizeof "/.s.PGSQL.5432";

std::string binaries_of(int major) {
    return fmt::format("{}/{}/bin", kInstallations, major);
}

bool installed(int major) {
    return ::access((binaries_of(major) + "/initdb").c_str(), X_OK) == 0;
}

int newest_major() {
    int newest = 0;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator{kInstallations, ignored}) {
        const auto name = entry.path().filename().string();
        int major = 0;
        std::from_chars(name.data(), name.data() + name.size(), major);
        if (major >= kOldestMajor && installed(major)) newest = std::max(newest, major);
    }
    return newest;
}

/// The major version of existing data; 0 when there is none.
int data_major(const std::string& data) {
    std::ifstream file{data + "/PG_VERSION"};
    int major = 0;
    file >> major;
    return major;
}

int choose_major(const std::string& data) {
    const int newest = newest_major();
    const int present = data_major(data);
    if (present == 0) {
        if (newest == 0)
            throw Error(Fault::config, fmt::format("no PostgreSQL server {} or newer is installed", kOldestMajor),
                        "Install it (apt-get install postgresql-15), or set database.url to a server that you run.");
        return newest;
    }
    if (!installed(present))
        throw Error(
            Fault::config,
            fmt::format("the private cluster '{}' was made by PostgreSQL {}, which is not installed", data, present),
            newest == 0 ? fmt::format("Install postgresql-{}.", present)
                        : fmt::format("Install postgresql-{0}, or convert the data with pg_upgrade -b {1} -B {2}.",
                                      present, binaries_of(present), binaries_of(newest)));
    return present;
}

std::optional<Account> account_to_use() {
    if (::geteuid() != 0) return std::nullopt;
    for (const auto* name : {"tally", "postgres", "nobody"}) {
        if (auto account = find_account(name)) return account;
    }
    throw Error(Fault::config, "PostgreSQL refuses to run as root, and there is no user to run it as",
                "Add a system user 'tally'.");
}

std::string own_name() {
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        throw Error(Fault::config, fmt::format("user id {} has no name", ::geteuid()),
                    "PostgreSQL needs one: add it to /etc/passwd.");
    return entry.pw_name;
}

/// PostgreSQL must be able to walk to its data: names the directory that forbids it.
void require_path_for(const Account& account, const std::string& root) {
    for (auto directory = fs::path{root}; directory.has_relative_path(); directory = directory.parent_path()) {
        const auto parent = directory.parent_path().string();
        if (run_program({"/usr/bin/test", "-x", parent}, account).status == 0) continue;
        // Report the topmost one: the others are only hidden behind it.
        std::string culprit = parent;
        for (auto above = fs::path{parent}; above.has_relative_path(); above = above.parent_path()) {
            if (run_program({"/usr/bin/test", "-x", above.string()}, account).status != 0) culprit = above.string();
        }
        throw Error(Fault::config,
                    fmt::format("the user '{}', whom the private PostgreSQL runs as, may not enter '{}'", account.name,
                                culprit),
                    "Choose a state_dir elsewhere (such as /var/lib/tally), or let others pass with chmod o+x.");
    }
}

void make_directory(const std::string& path, mode_t mode, const std::optional<Account>& owner) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) throw Error(Fault::config, fmt::format("cannot make the directory '{}': {}", path, error.message()));
    if (owner && ::chown(path.c_str(), owner->uid, owner->gid) != 0)
        throw Error(Fault::config,
                    fmt::format("cannot give '{}' to '{}': {}", path, owner->name, std::strerror(errno)));
    if (::chmod(path.c_str(), mode) != 0)
        throw Error(Fault::config, fmt::format("cannot set the mode of '{}': {}", path, std::strerror(errno)));
}

/// Whoever may enter this directory may read the numbers: us, the cluster's user and the group `tally`.
void make_socket_directory(const std::string& path, const std::optional<Account>& owner) {
    make_directory(path, 0700, owner);
    std::vector<char> buffer(16'384);
    group entry{};
    group* found = nullptr;
    if (getgrnam_r("tally", &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return;
    // As the service it is the group's from the beginning, and the unit's filter knows no chown.
    struct stat directory {};
    const bool shared = (::stat(path.c_str(), &directory) == 0 && directory.st_gid == entry.gr_gid) ||
                        ::chown(path.c_str(), static_cast<uid_t>(-1), entry.gr_gid) == 0;
    if (shared && ::chmod(path.c_str(), 0750) != 0)
        throw Error(Fault::config, fmt::format("cannot set the mode of '{}'", path));
}

std::string url_for(const std::string& socket_dir, std::string_view user) {
    std::string host;
    for (const char c : socket_dir) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.')
            host += c;
        else
            host += fmt::format("%{:02X}", byte);
    }
    return fmt::format("postgresql://{}@{}/tally", user, host);
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file{path, std::ios::trunc};
    file << text;
    file.close();
    if (!file) throw Error(Fault::failed, fmt::format("cannot write '{}'", path), "Is the disk full?");
}

[[noreturn]] void fail(const std::string& what, const Finished& finished, const std::string& hint) {
    auto words = make_storable(finished.output, 2'000);
    std::replace(words.begin(), words.end(), '\n', ' ');
    throw Error(Fault::failed, fmt::format("{} ({}): {}", what, finished.status, words), hint);
}

}  // namespace

ClusterPlace::ClusterPlace(const std::string& state_dir)
    : root(state_dir + "/postgres"),
      data(root + "/data"),
      socket_dir(root + "/run"),
      log_dir(root + "/log"),
      url(url_for(socket_dir, "tally")),
      reader_url(url_for(socket_dir, "tally_reader")) {}

bool ClusterPlace::answers() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = socket_dir + "/.s.PGSQL.5432";
    if (path.size() >= sizeof address.sun_path) return false;
    path.copy(address.sun_path, path.size());
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected =
        probe >= 0 && ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (probe >= 0) ::close(probe);
    return connected;
}

int private_version(const ClusterPlace& place) {
    return choose_major(place.data);
}

PrivateCluster PrivateCluster::start(const std::string& state_dir) {
    ClusterPlace place{state_dir};
    if (place.socket_dir.size() + kSocketName > sizeof(sockaddr_un::sun_path))
        throw Error(Fault::config, fmt::format("the path '{}' is too long for PostgreSQL's socket", place.socket_dir),
                    "Choose a shorter state_dir.");
    auto account = account_to_use();
    const int major = choose_major(place.data);
    make_directory(place.root, 0711, account);
    if (account) require_path_for(*account, place.root);
    make_socket_directory(place.socket_dir, account);
    make_directory(place.log_dir, 0700, account);

    PrivateCluster cluster{std::move(place), std::move(account), binaries_of(major)};
    if (data_major(cluster.place_.data) == 0) cluster.initialise();
    cluster.adopted_ = cluster.control({"status"}).status == 0;
    if (!cluster.adopted_) {
        cluster.write_settings();
        // A server that is still recovering answers later; one that cannot start says why in its log.
        const auto started =
            cluster.control({"start", "-w", "-t", "120", "-s", "-l", cluster.place_.log_dir + "/start.log"});
        if (started.status != 0)
            fail("the private PostgreSQL does not start", started,
                 fmt::format("See the newest file in {}.", cluster.place_.log_dir));
    }
    auto maintenance = cluster.place_.url;
    maintenance.replace(maintenance.rfind('/'), std::string::npos, "/postgres");
    Session session{{.url = maintenance, .application_name = "tallyd"}};
    if (session.begin().exec_text("SELECT 1 FROM pg_database WHERE datname = 'tally'").empty())
        session.exec_alone("CREATE DATABASE tally");
    return cluster;
}

Finished PrivateCluster::control(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command{binaries_ + "/pg_ctl", "-D", place_.data};
    command.insert(command.begin() + 1, arguments.begin(), arguments.end());
    return run_program(command, account_);
}

/// Made beside and renamed when whole, so that a crash in the middle leaves nothing that looks like a cluster.
void PrivateCluster::initialise() const {
    const auto fresh = place_.data + ".new";
    std::error_code error;
    fs::remove_all(fresh, error);
    make_directory(place_.root, 0711, account_);
    const auto made = run_program({binaries_ + "/initdb", "-D", fresh, "-U", "tally", "-E", "UTF8", "--locale=C.UTF-8",
                                   "--data-checksums", "--auth=peer", "--no-instructions"},
                                  account_);
    if (made.status != 0) fail("initdb failed", made, "Is there room on the disk? See also 'df -h'.");
    std::ofstream{fresh + "/postgresql.conf", std::ios::app} << "\ninclude 'tally.conf'\n";
    fs::rename(fresh, place_.data, error);
    if (error) throw Error(Fault::failed, fmt::format("cannot rename '{}': {}", fresh, error.message()));
}

void PrivateCluster::write_settings() const {
    write_file(
        place_.data + "/tally.conf",
        fmt::format(
            R"(# Written by tallyd at every start. Your own settings go into postgresql.conf, below the include of this file.
listen_addresses = ''
unix_socket_directories = '{}'
max_connections = 50
shared_buffers = 128MB
jit = off
logging_collector = on
log_directory = '{}'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
)",
            place_.socket_dir, place_.log_dir));
    write_file(place_.data + "/pg_hba.conf",
               "# Written by tallyd at every start. The socket directory decides who may come this far.\n"
               "local all   tally        peer map=tally\n"
               "local tally tally_reader trust\n");
    write_file(
        place_.data + "/pg_ident.conf",
        fmt::format(
            "# Written by tallyd at every start: who may be the superuser.\ntally root tally\ntally \"{}\" tally\n",
            account_ ? account_->name : own_name()));
    for (const auto* name : {"/tally.conf", "/pg_hba.conf", "/pg_ident.conf"}) {
        const auto path = place_.data + name;
        if (account_ && ::chown(path.c_str(), account_->uid, account_->gid) != 0)
            throw Error(Fault::failed, fmt::format("cannot give '{}' to '{}'", path, account_->name));
    }
}

void PrivateCluster::stop() {
    const auto stopped = control({"stop", "-m", "fast", "-w", "-t", "60", "-s"});
    if (stopped.status != 0 && control({"status"}).status == 0)
        fail("the private PostgreSQL does not stop", stopped, "");
}

}  // namespace tally::postgres
