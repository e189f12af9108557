// SPDX-License-Identifier: Apache-2.0
// A private PostgreSQL below the state directory, for installations that do not name a database.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tally::postgres {

/// Layout below STATE_DIR/postgres: data/ (the cluster), run/ (its socket), log/, local.conf (a sysadmin's own settings,
/// included last if there). It listens on that socket only. The superuser `tally` is the cluster's system user and root
/// (peer); `tally_reader` is anyone who may enter run/ (0750).
class PrivateCluster {
public:
    struct Options {
        std::string binaries;  ///< directory of initdb and postgres; empty: found, 15 or newer, matching existing data
        std::string run_as;    ///< system user when we are root; empty: tally, else postgres, else nobody
        std::vector<std::pair<std::string, std::string>> settings;  ///< further settings of this start
        bool die_with_starter = false;  ///< throw-away clusters end at once when the starting thread does
    };

    /// Makes the cluster if there is none, starts it or adopts the one that is running, and returns when it answers
    /// and has the database `tally`. Half-made clusters of a killed start are made again.
    /// @throws Error (config) for what a sysadmin has to change, (failed) with the tool's own words otherwise
    static PrivateCluster start(const std::string& state_dir, const Options& options);
    static PrivateCluster start(const std::string& state_dir) { return start(state_dir, Options{}); }

    /// The reader URL of a cluster that runs below `state_dir`; nullopt when there is none or it is down.
    static std::optional<std::string> find(const std::string& state_dir);
    /// The same for the superuser.
    static std::optional<std::string> find_admin(const std::string& state_dir);

    PrivateCluster(PrivateCluster&& other) noexcept;
    PrivateCluster& operator=(PrivateCluster&&) = delete;
    ~PrivateCluster();  ///< stops it

    /// A fast, clean shutdown: waits up to 60 s, then cuts it short (recovery follows at the next start). Idempotent.
    void stop() noexcept;
    /// Leaves it running; a later start() adopts it.
    void abandon() noexcept { process_ = 0; }

    bool is_running() noexcept;
    bool was_adopted() const noexcept { return adopted_; }
    pid_t process() const noexcept { return process_; }

    std::string url() const;         ///< superuser, database tally
    std::string url(const std::string& database) const;
    std::string reader_url() const;  ///< role tally_reader, database tally

private:
    PrivateCluster(std::string directory, pid_t process, bool adopted)
        : directory_(std::move(directory)), process_(process), adopted_(adopted) {}

    std::string directory_;  // STATE_DIR/postgres
    pid_t process_;          // the postmaster; 0: stopped or given away
    bool adopted_;           // not our child
};

}  // namespace tally::postgres
