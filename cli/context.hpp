// SPDX-License-Identifier: Apache-2.0
// What a command may use: the console, the configuration and the daemon, each made when first asked for.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/console.hpp"
#include "cli/daemon_client.hpp"
#include "cli/json_text.hpp"
#include "common/config/config.hpp"

namespace tally::cli {

class Context {
public:
    Context(Console& terminal, const CommandLine& line)
        : console(terminal), json(line.json), config_path_(line.config) {}
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    Console& console;
    const bool json;  ///< data is printed as JSON

    const std::optional<std::string>& config_path() const noexcept { return config_path_; }
    std::vector<std::string> platform_directories() const;  ///< also when the configuration has an error
    const config::Config& config();                         ///< @throws Error (config)
    DaemonClient& daemon();  ///< not connected yet. @throws Error (config) when it listens on TCP only

    void print(const Json& value) { console.out(render_json(value)); }

    using Query = std::vector<std::pair<std::string, std::string>>;
    /// Calls `visit` with every element of `list` over all pages of a listing; one page is held at a time.
    void each(const std::string& path, const Query& query, std::string_view list,
              const std::function<void(const Json&)>& visit);
    /// The same as one JSON array on stdout.
    void print_all(const std::string& path, const Query& query, std::string_view list);

private:
    std::optional<std::string> config_path_;
    std::optional<config::Config> config_;
    std::optional<DaemonClient> daemon_;
};

}  // namespace tally::cli
