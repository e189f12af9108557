// SPDX-License-Identifier: Apache-2.0
// Reads a configuration: defaults, then the file against the table of options, then what concerns several options.
#include "common/config/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/config/options.hpp"
#include "common/config/readers.hpp"
#include "common/error.hpp"
#include "common/url.hpp"

namespace tally::config {

using namespace std::chrono;

namespace {

constexpr std::string_view kSocketName = "tallyd.sock";
constexpr const char* kServiceSocket = "/run/tally/tallyd.sock";  // what systemd/tallyd.service makes

/// An environment variable; empty when it is unset.
std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// The first directory of a systemd variable such as $STATE_DIRECTORY, which may hold several.
std::string service_directory(const char* name) {
    const auto value = environment(name);
    return value.substr(0, value.find(':'));
}

std::string home_directory() {
    if (auto home = environment("HOME"); home.starts_with('/')) return home;
    if (const auto* user = ::getpwuid(::geteuid()); user != nullptr && user->pw_dir != nullptr && *user->pw_dir == '/')
        return user->pw_dir;
    throw Error(Fault::config, "no home directory for the state of tally", "Set state_dir in the configuration.");
}

std::string default_state_dir() {
    if (auto directory = service_directory("STATE_DIRECTORY"); !directory.empty()) return directory;
    if (::geteuid() == 0) return "/var/lib/tally";
    if (auto directory = environment("XDG_STATE_HOME"); directory.starts_with('/')) return directory + "/tally";
    return home_directory() + "/.local/state/tally";
}

ListenAddress default_listen(const std::string& state_dir) {
    auto directory = service_directory("RUNTIME_DIRECTORY");
    if (directory.empty()) directory = state_dir;
    auto path = fmt::format("{}/{}", directory, kSocketName);
    if (path.size() > kMaxSocketPath)
        throw Error(Fault::config,
                    fmt::format("the socket path '{}' has {} bytes; {} is the most", path, path.size(), kMaxSocketPath),
                    "Set listen to a shorter path, such as unix:/run/tally/tallyd.sock.");
    return {.unix_path = std::move(path), .host = {}, .port = 0};
}

std::map<std::string, Tier> default_tiers() {
    Tier premium{.name = "premium", .every = minutes{15}, .cron = {}};
    Tier free{.name = "free", .every = {}, .cron = "0 2 * * *", .spread = hours{4}, .retention = days{30}};
    return {{"free", std::move(free)}, {"premium", std::move(premium)}};
}

/// A tier that the file gives a clock loses its default one. A spread made for a day does not fit an `every`,
/// nor slots from outside.
void begin_tier(Tier& tier, const YamlNode& node) {
    const auto every = node.find("every"), cron = node.find("cron");
    if (every && cron) cron->fail("'every' and 'cron' exclude each other", "Remove one of them.");
    if (every || cron) {
        tier.every.reset();
        tier.cron.reset();
    }
    if (every || (cron && cron->text() == kExternalCron)) tier.spread = seconds{0};
}

void check_tier(const Tier& tier, const YamlNode& node) {
    if (!tier.every && !tier.cron) node.fail("has no schedule", "Add every, such as 1h, or cron, such as 0 2 * * *.");
    if (tier.is_external() && tier.spread > seconds{0})
        node.at("spread").fail("a tier whose slots come from outside has no spread of its own",
                               "Give it to tally_trigger() instead, see sql/pg_cron.sql.");
    if (tier.every && tier.spread >= *tier.every)
        node.at("spread").fail(fmt::format("a spread of {} does not fit into every {}", render_duration(tier.spread),
                                           render_duration(*tier.every)),
                               "Make it shorter than every.");
}

void check_channel(const AlertChannel& channel, const YamlNode& node) {
    const int ways = channel.webhook.has_value() + channel.email.has_value() + channel.command.has_value();
    if (ways != 1) node.fail("a channel is exactly one of webhook, email and command", "Make a channel for each.");
    if (!channel.webhook || is_reference(channel.webhook->text)) return;
    const auto url = parse_url(channel.webhook->text);
    // The URL is not shown: whoever knows it may write there.
    if (!url || !url->is_confidential())
        node.at("webhook").fail("not the URL of a webhook", "Write https://…, or http://… to this machine only.");
}

/// Mail needs a server; a reference is read when the first mail goes out.
void check_mail(const Config& config, const YamlNode& root) {
    for (const auto& [name, channel] : config.alerts.channels) {
        if (!channel.email || (config.smtp.url && config.smtp.from)) continue;
        root.at("alerts").at("channels").at(name).fail("mail needs smtp.url and smtp.from", "Set them both.");
    }
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && text.front() != '-' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

std::string join(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
}

/// Walks the document and the table of options side by side.
class Reader {
public:
    explicit Reader(Config& config) : config_(config) {}

    /// @param pattern the node's path as the table writes it, such as "tiers.<name>"
    void walk(const YamlNode& node, const std::string& pattern, const Names& names) {
        if (node.is_null()) return;  // a section whose options are all commented out
        const auto words = words_below(pattern);
        const bool named = words.front().starts_with('<');
        for (const auto& [key, value] : node.entries()) {
            if (named) {
                named_entry(value, key, join(pattern, words.front()), names);
            } else if (std::find(words.begin(), words.end(), key) == words.end()) {
                const auto near = nearest(key, words);
                value.fail("unknown key", near ? fmt::format("Did you mean '{}'?", *near)
                                               : fmt::format("Known here: {}.", fmt::join(words, ", ")));
            } else {
                entry(value, join(pattern, key), names);
            }
        }
    }

private:
    static std::vector<std::string> words_below(const std::string& pattern) {
        const auto depth = pattern.empty() ? 0 : segments(pattern).size();
        std::vector<std::string> words;
        for (const auto& option : options()) {
            if (!pattern.empty() && !option.path.starts_with(pattern + ".")) continue;
            auto word = segments(option.path)[depth];
            if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(std::move(word));
        }
        return words;
    }

    void entry(const YamlNode& value, const std::string& path, const Names& names) {
        const auto all = options();
        const auto option = std::find_if(all.begin(), all.end(), [&](const Option& o) { return o.path == path; });
        if (option == all.end()) return walk(value, path, names);
        apply(*option, value, config_, names);
    }

    void named_entry(const YamlNode& value, const std::string& key, const std::string& pattern, Names names) {
        if (!is_name(key))
            value.fail("not a name", "Names have lower-case letters, digits, '-' and '_', at most 64 of them.");
        names.push_back(key);
        if (pattern == "tiers.<name>") {
            tier_entry(value, pattern, names);
            return;
        }
        walk(value, pattern, names);
        if (pattern == "alerts.channels.<name>") check_channel(config_.alerts.channels[names.front()], value);
    }

    void tier_entry(const YamlNode& value, const std::string& pattern, const Names& names) {
        auto& tier = config_.tiers[names.front()];
        tier.name = names.front();
        if (!value.is_null()) begin_tier(tier, value);
        walk(value, pattern, names);
        check_tier(tier, value);
    }

    Config& config_;
};

/// What follows from other options once the file is read.
void complete(Config& config) {
    if (config.listen.empty()) config.listen.push_back(default_listen(config.state_dir));
    for (auto& [name, tier] : config.tiers)
        if (tier.slack == seconds{0}) tier.slack = tier.every.value_or(hours{24});
}

Config blank() {
    Config config;
    config.tiers = default_tiers();
    return config;
}

}  // namespace

const PlatformSettings& Config::platform(const std::string& name) const {
    static const PlatformSettings kDefault;
    const auto found = platforms.find(name);
    return found != platforms.end() ? found->second : kDefault;
}

Config defaults() {
    auto config = blank();
    config.state_dir = default_state_dir();
    complete(config);
    return config;
}

Config parse(const YamlNode& root) {
    auto config = blank();
    config.source_file = root.file();
    Reader{config}.walk(root, "", {});
    if (config.collect.retry_base > config.collect.retry_ceiling)
        root.at("collect").fail(
            fmt::format("retry_base ({}) is above retry_ceiling ({})", render_duration(config.collect.retry_base),
                        render_duration(config.collect.retry_ceiling)),
            "Raise retry_ceiling or lower retry_base.");
    check_mail(config, root);
    const bool named = !config.state_dir.empty();
    if (!named) config.state_dir = default_state_dir();
    try {
        complete(config);
    } catch (const Error& error) {
        if (named) root.at("state_dir").fail(error.what(), error.hint());
        throw;
    }
    return config;
}

std::string file_in_use(const std::optional<std::string>& path) {
    if (path) return *path;
    if (auto named = environment("TALLY_CONFIG"); !named.empty()) return named;
    const std::string standard = TALLY_CONFIG_DIR "/tallyd.yaml";
    std::error_code error;
    const auto status = std::filesystem::status(standard, error);
    return status.type() == std::filesystem::file_type::not_found ? "" : standard;
}

Config load(const std::optional<std::string>& path) {
    const auto file = file_in_use(path);
    return file.empty() && !path ? defaults() : parse(YamlNode::load(file));
}

std::optional<std::string> control_socket(const Config& config) {
    const auto own =
        std::find_if(config.listen.begin(), config.listen.end(), [](const auto& a) { return a.is_unix(); });
    if (own == config.listen.end()) return std::nullopt;
    std::error_code error;
    // A client outside the service has not its $RUNTIME_DIRECTORY. Who may not look there is told so by the connection.
    if (!std::filesystem::exists(own->unix_path, error) &&
        (std::filesystem::exists(kServiceSocket, error) || error == std::errc::permission_denied))
        return kServiceSocket;
    return own->unix_path;
}

std::vector<std::string> changed_unreloadable(const Config& old, const Config& fresh) {
    std::vector<std::string> changed;
    for (const auto& option : options()) {
        if (option.reloadable) continue;
        for (const auto& names : names_of(option, fresh))
            if (value_of(option, old, names, Plain::whole) != value_of(option, fresh, names, Plain::whole))
                changed.push_back(concrete_path(option.path, names));
    }
    return changed;
}

}  // namespace tally::config
