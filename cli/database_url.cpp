// SPDX-License-Identifier: Apache-2.0
// Chooses between the configured databases and the private cluster, which is used but never started here.
#include "cli/database_url.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "common/config/secret_ref.hpp"
#include "common/error.hpp"
#include "common/postgres/cluster.hpp"

namespace tally::cli {

namespace {

constexpr const char* kServiceState = "/var/lib/tally";  // what systemd/tallyd.service makes

postgres::ClusterPlace running_cluster(const config::Config& config) {
    postgres::ClusterPlace place{config.state_dir};
    if (place.answers()) return place;
    // A client outside the service has not its $STATE_DIRECTORY. A directory that the configuration names is meant.
    if (config.state_dir == config::defaults().state_dir) place = postgres::ClusterPlace{kServiceState};
    if (place.answers()) return place;
    if (::access(place.socket_dir.c_str(), X_OK) != 0 && errno == EACCES)
        throw Error{Fault::denied, fmt::format("not allowed to use tallyd's database (\"{}\")", place.socket_dir),
                    "Become root or a member of the group 'tally' (usermod -aG tally NAME, then log in again)."};
    throw Error{Fault::unreachable, fmt::format("tallyd's database is not running (\"{}\")", place.socket_dir),
                "It runs while tallyd does: systemctl start tallyd. If the database is elsewhere, give --config."};
}

}  // namespace

std::string reader_url(const config::Config& config) {
    for (const auto* option : {&config.database.reader_url, &config.database.url}) {
        if (!option->empty()) return config::resolve(*option).reveal();
    }
    return running_cluster(config).reader_url;
}

std::string admin_url(const config::Config& config) {
    if (!config.database.url.empty()) return config::resolve(config.database.url).reveal();
    return running_cluster(config).url;
}

}  // namespace tally::cli
