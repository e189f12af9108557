// SPDX-License-Identifier: Apache-2.0
// The private PostgreSQL of a tallyd without database.url: made on first start, stopped with the daemon.
#pragma once

#include <optional>
#include <string>

#include "common/postgres/process.hpp"

namespace tally::postgres {

/// Where a private cluster under a state directory lives, and how to reach it; says nothing of whether it runs.
struct ClusterPlace {
    explicit ClusterPlace(const std::string& state_dir);

    std::string root;        ///< <state_dir>/postgres
    std::string data;        ///< the data directory
    std::string socket_dir;  ///< the only way in: no TCP
    std::string log_dir;
    std::string url;         ///< as superuser `tally`: for root and the cluster's own system user
    std::string reader_url;  ///< as `tally_reader`: for whoever may enter the socket directory
    bool answers() const;    ///< somebody listens on the socket
};

/// The major version of PostgreSQL that the private cluster is of, or would be made with.
/// @throws Error (config) when that is not installed
int private_version(const ClusterPlace& place);

class PrivateCluster {
public:
    /// Makes the cluster when there is none, adopts one that an earlier daemon left running, starts it otherwise.
    /// As root it runs as the system user `tally`, else `postgres`, else `nobody`. Blocks until it answers.
    /// @throws Error (config or failed) in the words of initdb or PostgreSQL, with what to do
    static PrivateCluster start(const std::string& state_dir);

    PrivateCluster(PrivateCluster&&) noexcept = default;
    PrivateCluster& operator=(PrivateCluster&&) = delete;

    const ClusterPlace& place() const noexcept { return place_; }
    bool adopted() const noexcept { return adopted_; }  ///< it ran already
    /// Stops it and waits; open sessions are ended. Blocks.
    void stop();

private:
    PrivateCluster(ClusterPlace place, std::optional<Account> account, std::string binaries)
        : place_(std::move(place)), account_(std::move(account)), binaries_(std::move(binaries)) {}
    Finished control(const std::vector<std::string>& arguments) const;
    void initialise() const;
    void write_settings() const;

    ClusterPlace place_;
    std::optional<Account> account_;  ///< whom it runs as; nullopt: as ourselves
    std::string binaries_;
    bool adopted_ = false;
};

}  // namespace tally::postgres
