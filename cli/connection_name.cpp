// SPDX-License-Identifier: Apache-2.0
// Completes a connection's name.
#include "cli/connection_name.hpp"

#include <fmt/format.h>

#include "common/error.hpp"

namespace tally::cli {

std::string ConnectionName::path(const std::string& action) const {
    std::vector<std::string> parts{"users", user, "connections", platform, account};
    if (!action.empty()) parts.push_back(action);
    return api_path(parts);
}

std::string choose_account(const std::string& user, const std::string& platform,
                           const std::vector<std::string>& accounts) {
    if (accounts.empty())
        throw Error{Fault::missing, fmt::format("user '{}' has no connection to '{}'", user, platform),
                    fmt::format("'tallyctl connection list --user {}' shows what there is.", user)};
    if (accounts.size() > 1)
        throw Error{Fault::usage, fmt::format("user '{}' has {} accounts of '{}'", user, accounts.size(), platform),
                    fmt::format("Name one with --account: {}.", fmt::join(accounts, ", "))};
    return accounts.front();
}

ConnectionName read_connection(Context& context, const Arguments& arguments) {
    ConnectionName name{.user = arguments.at("USER"), .platform = arguments.at("PLATFORM"), .account = {}};
    if (auto account = arguments.find("account")) {
        name.account = std::move(*account);
        return name;
    }
    std::vector<std::string> accounts;
    context.each(api_path({"connections"}), {{"user", name.user}, {"platform", name.platform}}, "connections",
                 [&](const Json& connection) { accounts.push_back(text_of(connection, "account_id")); });
    name.account = choose_account(name.user, name.platform, accounts);
    return name;
}

}  // namespace tally::cli
