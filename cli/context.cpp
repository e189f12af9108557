// SPDX-License-Identifier: Apache-2.0
// Makes the collaborators of a command and walks paged listings.
#include "cli/context.hpp"

#include <string>

#include "common/config/data_files.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {
constexpr const char* kPageSize = "1000";
}

const config::Config& Context::config() {
    if (!config_) config_ = config::load(config_path_);
    return *config_;
}

std::vector<std::string> Context::platform_directories() const {
    return config::platform_directories(config::file_in_use(config_path_));
}

DaemonClient& Context::daemon() {
    if (!daemon_) {
        const auto socket = config::control_socket(config());
        if (!socket)
            throw Error{Fault::config, "'listen' has no Unix socket, and tallyctl speaks to tallyd only through one",
                        "Add 'unix:/run/tally/tallyd.sock' to 'listen'."};
        daemon_.emplace(*socket);
    }
    return *daemon_;
}

void Context::each(const std::string& path, const Query& query, std::string_view list,
                   const std::function<void(const Json&)>& visit) {
    std::string after;
    for (;;) {
        auto page_query = query;
        page_query.emplace_back("limit", kPageSize);
        page_query.emplace_back("after", after);
        const auto page = daemon().get(with_query(path, page_query));
        for (const auto& item : member(page, list)) visit(item);
        auto next = text_of(page, "next");
        if (next.empty() || next == after) return;
        after = std::move(next);
    }
}

void Context::print_all(const std::string& path, const Query& query, std::string_view list) {
    bool first = true;
    each(path, query, list, [&](const Json& item) {
        console.out(first ? "[\n" : ",\n");
        console.out(item.dump(-1, ' ', false, Json::error_handler_t::replace));
        first = false;
    });
    console.out(first ? "[]\n" : "\n]\n");
}

}  // namespace tally::cli
