// SPDX-License-Identifier: Apache-2.0
// The composition root: owns every service of the daemon and runs its life from start to drained stop.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace tally {

class Daemon {
public:
    /// Reads the configuration. @throws Error (config)
    explicit Daemon(std::optional<std::string> config_file);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Starts everything, serves until SIGTERM or SIGINT, drains. @throws Error when it cannot start
    void run();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tally
