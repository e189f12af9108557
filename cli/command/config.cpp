// SPDX-License-Identifier: Apache-2.0
// tallyctl config
#include <fmt/format.h>

#include <cmath>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "cli/secrets.hpp"
#include "cli/yaml_text.hpp"
#include "common/config/data_files.hpp"
#include "common/config/options.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "daemon/collect/load.hpp"
#include "daemon/report/page.hpp"

namespace tally::cli {

namespace {

/// What each secret that cannot be read from here says.
std::vector<std::string> unreadable_secrets(const config::Config& config) {
    std::vector<std::string> complaints;
    for (const auto& secret : secrets_of(config)) {
        try {
            config::resolve(secret);
        } catch (const Error& error) {
            complaints.push_back(describe_line(error));
        }
    }
    return complaints;
}

using Counts = std::vector<store::ConnectionCount>;

constexpr std::chrono::milliseconds kCountTimeout{5'000};

/// Asks the daemon that this configuration is for. nullopt, and why in `trouble`, when that gives nothing.
std::optional<Counts> count_connections(const config::Config& config, std::string& trouble) {
    const auto socket = config::control_socket(config);
    if (!socket) {
        trouble = "'listen' has no Unix socket";
        return std::nullopt;
    }
    try {
        DaemonClient daemon{*socket};
        daemon.set_timeout(kCountTimeout);
        const auto data = daemon.get(api_path({"load"}));
        Counts counts;
        for (const auto& count : member(data, "connections"))
            counts.push_back({text_of(count, "platform"), text_of(count, "app"), text_of(count, "tier"),
                              number_of(count, "connections")});
        return counts;
    } catch (const Error& error) {
        trouble = error.what();
        return std::nullopt;
    }
}

Json load_json(const collect::LimitLoad& load, bool counted) {
    const bool known = counted || load.scope != platform::BudgetScope::app;
    Json object{{"platform", load.platform},
                {"limit", load.limit},
                {"scope", platform::to_text(load.scope)},
                {"app", load.app.empty() ? Json{} : Json(load.app)},
                {"per_seconds", std::chrono::duration<double>(load.per).count()},
                {"needed", known ? Json(load.needed) : Json{}},
                {"allowed", load.allowed},
                {"percent", known ? Json(load.percent()) : Json{}},
                {"verdict", known ? Json(collect::to_text(load.verdict())) : Json{}},
                {"tiers", Json::array()}};
    for (const auto& tier : load.tiers)
        object["tiers"].push_back({{"tier", tier.tier},
                                   {"connections", tier.connections ? Json(*tier.connections) : Json{}},
                                   {"needed_each", tier.each.needed},
                                   {"most", tier.most ? Json(*tier.most) : Json{}}});
    return object;
}

/// "premium 12 of 104, free 3 of 9,000"; without counts "premium up to 104, free up to 10,000"
std::string tiers_text(const collect::LimitLoad& load) {
    std::string text;
    for (const auto& tier : load.tiers) {
        if (!tier.most) continue;
        if (!text.empty()) text += ", ";
        text += tier.connections ? fmt::format("{} {} of {}", tier.tier, with_separators(*tier.connections),
                                               with_separators(*tier.most))
                                 : fmt::format("{} up to {}", tier.tier, with_separators(*tier.most));
    }
    return text;
}

/// "9,600" or, where it matters, "0.4"
std::string amount_text(double amount) {
    if (amount > 0 && amount < 10 && amount != std::floor(amount)) return fmt::format("{:.1f}", amount);
    return with_separators(static_cast<std::int64_t>(std::ceil(amount)));
}

void print_loads(Context& context, const std::vector<collect::LimitLoad>& loads, bool counted) {
    if (loads.empty()) return;
    context.console.out("\n");
    auto table = make_table(context, {{"PLATFORM"},
                                      {"LIMIT"},
                                      {"OF"},
                                      {"PER"},
                                      {"NEEDED", true},
                                      {"ALLOWED", true},
                                      {"PER CENT", true},
                                      {"VERDICT"},
                                      {"CONNECTIONS THAT FIT"}});
    for (const auto& load : loads) {
        const bool of_app = load.scope == platform::BudgetScope::app;
        const bool known = counted || !of_app;
        const auto verdict = load.verdict();
        table.add({load.platform, load.limit,
                   of_app ? fmt::format("app {}", load.app) : fmt::format("each {}", platform::to_text(load.scope)),
                   render_duration(load.per), known ? amount_text(load.needed) : "", amount_text(load.allowed),
                   known ? fmt::format("{:.0f}", load.percent()) : "",
                   known ? std::string{collect::to_text(verdict)} : "", tiers_text(load)},
                  !known || verdict == collect::LoadVerdict::fits ? Tone::plain
                  : verdict == collect::LoadVerdict::tight        ? Tone::warning
                                                                  : Tone::bad);
    }
    table.finish();
}

}  // namespace

int check_config(Context& context, const Arguments& arguments) {
    const auto file = arguments.find("FILE");
    const auto config = config::load(file ? file : context.config_path());
    auto complaints = unreadable_secrets(config);
    const auto catalog = platform::Catalog::load(config::platform_directories(config.source_file));
    report::load_templates(config::template_directories(config.source_file));
    std::string trouble;
    auto connections = count_connections(config, trouble);
    const bool counted = connections.has_value();
    const auto loads =
        collect::load_of({.catalog = catalog, .config = config, .connections = std::move(connections), .now = now()});
    for (const auto& load : loads) {
        if (load.verdict() == collect::LoadVerdict::too_much) complaints.push_back(collect::advice(load));
    }
    if (context.json) {
        auto list = Json::array();
        for (const auto& load : loads) list.push_back(load_json(load, counted));
        context.print({{"ok", true},
                       {"file", config.source_file},
                       {"warnings", complaints},
                       {"counted", counted},
                       {"load", std::move(list)}});
        return kExitDone;
    }
    for (const auto& complaint : complaints) context.console.say(fmt::format("warning: {}", printable(complaint)));
    context.console.out(
        fmt::format("{}: ok\n", config.source_file.empty() ? "no file, all defaults" : config.source_file));
    if (!counted)
        context.console.say(fmt::format("connections could not be counted ({}): shown is how many each limit carries",
                                        printable(trouble)));
    print_loads(context, loads, counted);
    return kExitDone;
}

int show_config(Context& context, const Arguments&) {
    const auto values = config::to_json(context.config());
    context.console.out(context.json ? render_json(values) : render_yaml(values));
    return kExitDone;
}

}  // namespace tally::cli
