// SPDX-License-Identifier: Apache-2.0
// Walks the table of options for references to secrets.
#include "cli/secrets.hpp"

#include <variant>

#include "common/config/options.hpp"

namespace tally::cli {

namespace {

const config::SecretRef* secret_in(const config::Slot& slot) {
    if (const auto* plain = std::get_if<config::SecretRef*>(&slot)) return *plain;
    if (const auto* optional = std::get_if<std::optional<config::SecretRef>*>(&slot))
        return (*optional)->has_value() ? &(*optional)->value() : nullptr;
    return nullptr;
}

}  // namespace

std::vector<config::SecretRef> secrets_of(const config::Config& config) {
    auto copy = config;  // the table points into what may be written
    std::vector<config::SecretRef> secrets;
    for (const auto& option : config::options()) {
        for (const auto& names : config::names_of(option, copy)) {
            const auto* secret = secret_in(option.slot(copy, names));
            if (secret != nullptr && !secret->empty()) secrets.push_back(*secret);
        }
    }
    return secrets;
}

}  // namespace tally::cli
