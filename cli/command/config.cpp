// SPDX-License-Identifier: Apache-2.0
// tallyctl config
#include <fmt/format.h>

#include <variant>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/yaml_text.hpp"
#include "common/config/options.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

const config::SecretRef* secret_in(const config::Slot& slot) {
    if (const auto* plain = std::get_if<config::SecretRef*>(&slot)) return *plain;
    if (const auto* optional = std::get_if<std::optional<config::SecretRef>*>(&slot))
        return (*optional)->has_value() ? &(*optional)->value() : nullptr;
    return nullptr;
}

/// What each secret that cannot be read from here says.
std::vector<std::string> unreadable_secrets(config::Config config) {
    std::vector<std::string> complaints;
    for (const auto& option : config::options()) {
        for (const auto& names : config::names_of(option, config)) {
            const auto* secret = secret_in(option.slot(config, names));
            if (secret == nullptr || secret->empty()) continue;
            try {
                config::resolve(*secret);
            } catch (const Error& error) {
                complaints.push_back(describe_line(error));
            }
        }
    }
    return complaints;
}

}  // namespace

int check_config(Context& context, const Arguments& arguments) {
    const auto file = arguments.find("FILE");
    const auto config = config::load(file ? file : context.config_path());
    const auto complaints = unreadable_secrets(config);
    if (context.json) {
        context.print({{"ok", true}, {"file", config.source_file}, {"warnings", complaints}});
        return kExitDone;
    }
    for (const auto& complaint : complaints) context.console.say(fmt::format("warning: {}", printable(complaint)));
    context.console.out(
        fmt::format("{}: ok\n", config.source_file.empty() ? "no file, all defaults" : config.source_file));
    return kExitDone;
}

int show_config(Context& context, const Arguments&) {
    const auto values = config::to_json(context.config());
    context.console.out(context.json ? render_json(values) : render_yaml(values));
    return kExitDone;
}

}  // namespace tally::cli
