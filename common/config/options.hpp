// SPDX-License-Identifier: Apache-2.0
// The table of all options: parser, `config check`, sample file and man page are made from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/config.hpp"

namespace tally::config {

/// Where an option's value lives. The type decides how it is read, checked and shown.
using Slot = std::variant<std::string*, std::optional<std::string>*, bool*, unsigned*, std::chrono::milliseconds*,
                          std::chrono::seconds*, std::optional<std::chrono::seconds>*, std::chrono::days*,
                          std::optional<std::chrono::days>*, SecretRef*, std::optional<SecretRef>*, Migrate*, LogLevel*,
                          LogFormat*, WebhookFormat*, std::vector<ListenAddress>*>;

/// The names that stand for the `<…>` of a path, in order.
using Names = std::vector<std::string>;

struct Option {
    std::string_view path;  ///< "collect.timeout", "tiers.<name>.every"
    std::string_view doc;   ///< sentences; the first one is enough to use the option
    Slot (*slot)(Config&, const Names&);
    std::int64_t min = 0, max = 0;       ///< of a number, or of a duration in milliseconds
    std::string_view default_text = {};  ///< where the default depends on something; otherwise it is taken from Config
    std::string_view example = {};       ///< for the sample file, where there is no plain default
    std::string_view sample = {};        ///< the only name under which the sample file shows it
    bool plain = false;                  ///< a SecretRef that may also be plain text
    bool reloadable = true;              ///< false: a change needs a restart
    std::string (*read)(const YamlNode&) = nullptr;  ///< reads and checks a text; nullptr: any text that is not empty
};

/// All options; those of one section stand together.
std::span<const Option> options();

/// What a value looks like, for people: "duration", "number", "auto or check".
std::string type_text(const Option& option);

/// "1 to 4096", "1m to 366d"; empty without a range.
std::string range_text(const Option& option);

/// Reads and checks one value. @throws Error (config) "FILE:LINE: path: message"
void apply(const Option& option, const YamlNode& value, Config& config, const Names& names);

/// Plain text of an option that may hold a password: masked for people, whole for comparison. References are never
/// followed.
enum class Plain { masked, whole };

/// One value as text, number, truth, list or null.
nlohmann::json value_of(const Option& option, const Config& config, const Names& names, Plain plain = Plain::masked);

/// All names under which an option occurs in this configuration; one empty list for an option without `<…>`.
std::vector<Names> names_of(const Option& option, const Config& config);

/// "tiers.<name>.every" with {"free"} is "tiers.free.every".
std::string concrete_path(std::string_view path, const Names& names);

/// The words of a path: "a.b" is {"a", "b"}.
std::vector<std::string> segments(std::string_view path);

/// etc/tallyd.yaml: every option with its default, commented out.
std::string render_sample();

/// The section OPTIONS of man/tallyd.yaml.5, in mdoc, from its ".Sh" line to the end of the section.
std::string render_man_options();

/// The effective configuration, secrets as references only and passwords masked; what is not set is left out. It is
/// itself a configuration file (JSON is YAML).
nlohmann::json to_json(const Config& config);

}  // namespace tally::config
