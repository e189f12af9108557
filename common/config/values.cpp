// SPDX-License-Identifier: Apache-2.0
// How each type of option is read, checked, named and shown.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "common/config/options.hpp"
#include "common/config/readers.hpp"

namespace tally::config {

using namespace std::chrono;
using Json = nlohmann::json;

namespace {

constexpr std::string_view kForever = "forever";

constexpr std::array<std::string_view, 2> words_of(Migrate) {
    return {"auto", "check"};
}
constexpr std::array<std::string_view, 4> words_of(LogLevel) {
    return {"error", "warning", "info", "debug"};
}
constexpr std::array<std::string_view, 3> words_of(LogFormat) {
    return {"auto", "text", "json"};
}
constexpr std::array<std::string_view, 2> words_of(WebhookFormat) {
    return {"slack", "plain"};
}

template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;

/// An absent number of days is a word, not an absence.
template <class T>
constexpr bool kHasForever = std::is_same_v<T, std::optional<days>>;

template <class Duration>
Duration read_duration(const Option& option, const YamlNode& node) {
    const auto value = node.duration();
    if (value.count() < option.min || value.count() > option.max)
        node.fail(fmt::format("{} is outside {}", render_duration(value), range_text(option)));
    const auto whole = duration_cast<Duration>(value);
    if (whole != value)
        node.fail(
            fmt::format("'{}' is not in whole {}", node.text(), std::is_same_v<Duration, days> ? "days" : "seconds"));
    return whole;
}

SecretRef read_secret(const Option& option, const YamlNode& node) {
    SecretRef ref{option.plain ? node.text_or_empty() : node.text(), node.path()};
    if (!option.plain && !is_reference(ref.text))
        node.fail("a secret does not stand in the file itself",
                  "Write credential:NAME, file:PATH or env:NAME, and keep the secret there.");
    return ref;
}

std::vector<ListenAddress> read_addresses(const YamlNode& node) {
    std::vector<ListenAddress> addresses;
    for (const auto& item : node.is_list() ? node.items() : std::vector{node}) {
        auto address = read_listen(item);
        if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) item.fail("listed twice");
        addresses.push_back(std::move(address));
    }
    if (addresses.empty()) node.fail("must name at least one address");
    return addresses;
}

template <class T>
T read(const Option& option, const YamlNode& node) {
    if constexpr (kIsOptional<T>) {
        if (kHasForever<T> && node.text() == kForever) return std::nullopt;
        return read<typename T::value_type>(option, node);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return option.read != nullptr ? option.read(node) : node.text();
    } else if constexpr (std::is_same_v<T, bool>) {
        return node.boolean();
    } else if constexpr (std::is_same_v<T, unsigned>) {
        return static_cast<unsigned>(node.integer(option.min, option.max));
    } else if constexpr (std::is_same_v<T, SecretRef>) {
        return read_secret(option, node);
    } else if constexpr (std::is_enum_v<T>) {
        return static_cast<T>(node.choice(words_of(T{})));
    } else if constexpr (std::is_same_v<T, std::vector<ListenAddress>>) {
        return read_addresses(node);
    } else {
        return read_duration<T>(option, node);
    }
}

template <class T>
Json show(const T& value, Plain plain) {
    if constexpr (kIsOptional<T>) {
        if (value) return show(*value, plain);
        return kHasForever<T> ? Json(kForever) : Json{};
    } else if constexpr (std::is_same_v<T, SecretRef>) {
        return plain == Plain::whole || is_reference(value.text) ? value.text : without_password(value.text);
    } else if constexpr (std::is_enum_v<T>) {
        return words_of(value)[static_cast<std::size_t>(value)];
    } else if constexpr (std::is_same_v<T, std::vector<ListenAddress>>) {
        auto list = Json::array();
        for (const auto& address : value) list.push_back(address.text());
        return list;
    } else if constexpr (std::is_constructible_v<Json, T>) {
        return value;
    } else {
        return render_duration(value);
    }
}

/// What people call the type of a value.
template <class T>
std::string name_of(const Option& option) {
    if constexpr (kIsOptional<T>) {
        return name_of<typename T::value_type>(option) + (kHasForever<T> ? fmt::format(" or {}", kForever) : "");
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (option.read == read_cron) return "cron line";
        if (option.read == read_zone) return "time zone";
        if (option.read == read_path) return "path";
        return option.read == read_base_url ? "URL" : "text";
    } else if constexpr (std::is_same_v<T, bool>) {
        return "true or false";
    } else if constexpr (std::is_same_v<T, unsigned>) {
        return "number";
    } else if constexpr (std::is_same_v<T, SecretRef>) {
        return option.plain ? "text or secret" : "secret";
    } else if constexpr (std::is_enum_v<T>) {
        return fmt::format("{}", fmt::join(words_of(T{}), ", "));
    } else if constexpr (std::is_same_v<T, std::vector<ListenAddress>>) {
        return "list of addresses";
    } else {
        return "duration";
    }
}

}  // namespace

std::string type_text(const Option& option) {
    Config scratch;
    return std::visit([&]<class T>(const T*) { return name_of<T>(option); }, option.slot(scratch, {"<name>", "<app>"}));
}

std::string range_text(const Option& option) {
    if (option.max == 0) return {};
    if (type_text(option) == "number") return fmt::format("{} to {}", option.min, option.max);
    return fmt::format("{} to {}", render_duration(milliseconds{option.min}),
                       render_duration(milliseconds{option.max}));
}

void apply(const Option& option, const YamlNode& value, Config& config, const Names& names) {
    std::visit([&]<class T>(T* slot) { *slot = read<T>(option, value); }, option.slot(config, names));
}

Json value_of(const Option& option, const Config& config, const Names& names, Plain plain) {
    Config scratch = config;  // a slot is writable, and asking for an absent name makes it
    return std::visit([&](const auto* slot) { return show(*slot, plain); }, option.slot(scratch, names));
}

}  // namespace tally::config
