// SPDX-License-Identifier: Apache-2.0
// Texts made from the table of options: the sample file, the man page's section, the effective configuration.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/config/options.hpp"

namespace tally::config {

using Json = nlohmann::json;

namespace {

constexpr std::size_t kCommentWidth = 100;
constexpr std::string_view kSampleHead = R"(# tallyd.yaml: the configuration of tallyd and tallyctl; see tallyd.yaml(5).
# Every option is here with its default, commented out; tally works without changing any of them.
# Durations: 250ms, 30s, 15m, 4h, 90d, 2w, or sums such as 1h30m.
# Secrets never stand here themselves: credential:NAME (systemd), file:PATH or env:NAME.
# Check with "tallyctl config check", then "systemctl reload tallyd"; (restart) marks what needs a restart.
)";

constexpr std::string_view kPlaceholders[] = {"<name>", "<app>"};

/// Whose options the sample file shows.
std::vector<Names> sample_names(std::string_view section) {
    if (section == "tiers") return {{"premium"}, {"free"}};
    if (section == "platforms") return {{"instagram", "login"}};
    if (section == "alerts") return {{"chat"}, {"mail"}, {"pager"}};
    return {{}};
}

bool is_named(const Option& option) {
    return option.path.find('<') != std::string_view::npos;
}

std::string section_of(const Option& option) {
    return segments(option.path).front();
}

/// The defaults that do not depend on the environment.
Config plain_defaults() {
    auto config = defaults();
    config.state_dir.clear();
    config.listen.clear();
    return config;
}

/// A scalar or list as YAML; quoted unless it is surely plain.
std::string yaml_text(const Json& value) {
    if (!value.is_string()) return value.dump();
    const auto& text = value.get_ref<const std::string&>();
    const bool plain = !text.empty() && text.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789/._-") == std::string::npos;
    return plain ? text : value.dump();
}

std::string wrapped(std::string_view text, const std::string& prefix) {
    std::string result, line = prefix;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (line.size() > prefix.size() && line.size() + 1 + end > kCommentWidth) {
            result += line + "\n";
            line = prefix;
        }
        line += fmt::format(" {}", text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result + line + "\n";
}

class Sample {
public:
    std::string render() {
        for (const auto& option : options()) {
            const auto section = section_of(option);
            if (section == section_) continue;
            section_ = section;
            documented_.clear();
            parents_.clear();
            for (const auto& names : sample_names(section))
                for (const auto& member : options())
                    if (section_of(member) == section && is_named(member)) add(member, names);
            for (const auto& member : options())
                if (section_of(member) == section && !is_named(member)) add(member, {});
        }
        return text_;
    }

private:
    void add(const Option& option, const Names& names) {
        const auto value = value_of(option, defaults_, names);
        const bool is_shown = option.example.empty() ? !value.is_null() : true;
        const bool is_new = std::find(documented_.begin(), documented_.end(), option.path) == documented_.end();
        if (!is_shown || (!option.sample.empty() && names.front() != option.sample)) return;
        const auto path = segments(concrete_path(option.path, names));
        open_parents(path);
        const std::string indent((path.size() - 1) * 2, ' ');
        if (path.size() == 1) text_ += "\n";
        if (is_new)
            text_ += wrapped(fmt::format("{}{}", option.doc, option.reloadable ? "" : " (restart)"), indent + "#");
        documented_.push_back(option.path);
        text_ += fmt::format("{}#{}: {}\n", indent, path.back(),
                             option.example.empty() ? yaml_text(value) : std::string{option.example});
    }

    /// Writes the keys above a leaf. Only sections and tiers stand uncommented: a platform would come into being.
    void open_parents(const std::vector<std::string>& path) {
        for (std::size_t depth = 0; depth + 1 < path.size(); ++depth) {
            const std::vector<std::string> parent(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth) + 1);
            if (std::find(parents_.begin(), parents_.end(), parent) != parents_.end()) continue;
            parents_.push_back(parent);
            const bool live = depth == 0 || path.front() == "tiers";
            text_ += fmt::format("{}{}{}{}:\n", depth == 0 ? "\n" : "", std::string(depth * 2, ' '), live ? "" : "#",
                                 parent.back());
        }
    }

    Config defaults_ = plain_defaults();
    std::string text_{kSampleHead}, section_;
    std::vector<std::string_view> documented_;
    std::vector<std::vector<std::string>> parents_;
};

/// Text for mdoc: nothing in it is taken for a request or an escape.
std::string mdoc(std::string_view text) {
    std::string result;
    for (const char c : text) result += c == '\\' ? "\\e" : std::string(1, c);
    return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

/// mdoc wants every sentence on a line of its own.
std::string mdoc_sentences(std::string_view doc) {
    std::string result;
    for (std::size_t end = 0; !doc.empty(); doc.remove_prefix(std::min(end + 2, doc.size()))) {
        end = doc.find(". ");
        result += mdoc(doc.substr(0, end == std::string_view::npos ? end : end + 1)) + "\n";
        if (end == std::string_view::npos) break;
    }
    return result;
}

std::string default_of(const Option& option, const Config& defaults) {
    if (!option.default_text.empty()) return std::string{option.default_text};
    const auto value = value_of(option, defaults, Names(std::begin(kPlaceholders), std::end(kPlaceholders)));
    if (value.is_null()) return "none";
    const auto text = value.is_string() ? value.get<std::string>() : value.dump();
    return text.empty() ? "empty" : text;
}

}  // namespace

std::vector<std::string> segments(std::string_view path) {
    std::vector<std::string> words{""};
    for (const char c : path) {
        if (c == '.') {
            words.emplace_back();
        } else {
            words.back() += c;
        }
    }
    return words;
}

std::string concrete_path(std::string_view path, const Names& names) {
    auto words = segments(path);
    auto name = names.begin();
    for (auto& word : words)
        if (word.starts_with('<') && name != names.end()) word = *name++;
    return fmt::format("{}", fmt::join(words, "."));
}

std::vector<Names> names_of(const Option& option, const Config& config) {
    if (!is_named(option)) return {{}};
    std::vector<Names> result;
    if (option.path.starts_with("alerts.")) {
        for (const auto& [name, channel] : config.alerts.channels) result.push_back({name});
        return result;
    }
    if (option.path.starts_with("tiers.")) {
        for (const auto& [name, tier] : config.tiers) result.push_back({name});
        return result;
    }
    const bool of_app = option.path.find("<app>") != std::string_view::npos;
    for (const auto& [name, settings] : config.platforms) {
        if (!of_app) result.push_back({name});
        if (of_app)
            for (const auto& [app, pair] : settings.apps) result.push_back({name, app});
    }
    return result;
}

std::string render_sample() {
    return Sample{}.render();
}

std::string render_man_options() {
    const auto defaults = plain_defaults();
    std::string text = ".Sh OPTIONS\n", section;
    for (const auto& option : options()) {
        const auto words = segments(option.path);
        if (const auto next = words.size() == 1 ? "general" : words.front(); next != section) {
            text += fmt::format("{}.Ss {}\n.Bl -tag -width Ds\n", section.empty() ? "" : ".El\n", next);
            section = next;
        }
        text += fmt::format(".It Cm {}\n{}", option.path, mdoc_sentences(option.doc));
        text += fmt::format("Type: {}", mdoc(type_text(option)));
        if (const auto range = range_text(option); !range.empty()) text += fmt::format(", {}", range);
        text += fmt::format(".\nDefault: {}.\n", mdoc(default_of(option, defaults)));
        if (!option.reloadable) text += "A change needs a restart.\n";
    }
    return text + ".El\n";
}

Json to_json(const Config& config) {
    Json result = Json::object();
    for (const auto& option : options()) {
        for (const auto& names : names_of(option, config)) {
            auto value = value_of(option, config, names);
            if (value.is_null()) continue;
            auto* place = &result;
            for (const auto& word : segments(concrete_path(option.path, names))) place = &(*place)[word];
            *place = std::move(value);
        }
    }
    return result;
}

}  // namespace tally::config
