// SPDX-License-Identifier: Apache-2.0
// Reads the answers of look-ups: facts about the account and tokens for it.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/secret.hpp"
#include "daemon/platform/platform.hpp"
#include "daemon/platform/target.hpp"

namespace tally::platform {

struct LookupResult {
    std::map<std::string, std::string> attributes;
    std::map<std::string, Secret> derived_tokens;
};

/// What an optional look-up does not find is left out. @throws Error (failed) when another one does not find something.
LookupResult read_lookup(const Lookup& lookup, const nlohmann::json& answer);

/// Whether something that the look-up would tell is not known yet.
bool lookup_due(const Lookup& lookup, const Target& target);

}  // namespace tally::platform
