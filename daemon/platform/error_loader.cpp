// SPDX-License-Identifier: Apache-2.0
// Reads the error rules of a platform file and finds rules that can never decide.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/ascii.hpp"
#include "daemon/platform/loader_parts.hpp"

namespace tally::platform::loader {

namespace {

std::optional<long> read_long(std::string_view text) {
    long number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// "190", "200-299" and texts, one or a list.
Values read_values(const YamlNode& node, bool only_numbers) {
    Values values;
    for (const auto& text : node.texts()) {
        const auto dash = text.find('-', 1);
        const auto first = read_long(text.substr(0, dash));
        const auto last = dash == std::string::npos ? first : read_long(text.substr(dash + 1));
        if (first && last && *first > *last) node.fail(fmt::format("'{}' runs backwards", text));
        if (first && last)
            values.ranges.emplace_back(*first, *last);
        else if (only_numbers)
            node.fail(fmt::format("not a number: '{}'", text), "Write 404 or 500-599.");
        else
            values.texts.push_back(text);
    }
    if (values.empty()) node.fail("names no value");  // it would count as a condition that is not there
    return values;
}

bool covers(const Values& wide, const Values& narrow) {
    const auto range_in = [&](const std::pair<long, long>& range) {
        return std::any_of(wide.ranges.begin(), wide.ranges.end(), [&](const auto& other) {
            return other.first <= range.first && range.second <= other.second;
        });
    };
    return std::all_of(narrow.texts.begin(), narrow.texts.end(),
                       [&](const std::string& text) { return wide.contain(text); }) &&
           std::all_of(narrow.ranges.begin(), narrow.ranges.end(), range_in);
}

/// A condition that is absent holds always.
bool covers_condition(const Values& wide, const Values& narrow) {
    return wide.empty() || (!narrow.empty() && covers(wide, narrow));
}

bool covers_texts(const ErrorRule& wide, const ErrorRule& narrow) {
    if (wide.texts.empty()) return true;
    return !narrow.texts.empty() && std::all_of(narrow.texts.begin(), narrow.texts.end(), [&](const std::string& text) {
        return std::any_of(wide.texts.begin(), wide.texts.end(),
                           [&](const std::string& part) { return text.find(part) != std::string::npos; });
    });
}

bool covers_place(const ErrorRule& wide, const ErrorRule& narrow) {
    if (!wide.at) return true;
    if (wide.at != narrow.at) return false;
    if (!wide.is.empty()) return !narrow.is.empty() && covers(wide.is, narrow.is);
    if (!wide.is_not.empty()) return !narrow.is_not.empty() && covers(narrow.is_not, wide.is_not);
    return true;
}

/// Whatever `narrow` matches, `wide` matches too.
bool covers(const ErrorRule& wide, const ErrorRule& narrow) {
    return covers_condition(wide.status, narrow.status) && covers_condition(wide.code, narrow.code) &&
           covers_condition(wide.subcode, narrow.subcode) && covers_texts(wide, narrow) && covers_place(wide, narrow);
}

void read_place(const YamlNode& node, ErrorRule& rule) {
    const auto at = node.find("at"), is = node.find("is"), is_not = node.find("is_not");
    if (at) rule.at = read_path(*at);
    if (is) rule.is = read_values(*is, false);
    if (is_not) rule.is_not = read_values(*is_not, false);
    if ((is || is_not) && !at) node.fail("'is' and 'is_not' need 'at'", "Say where the value is.");
    if (is && is_not) node.fail("has both 'is' and 'is_not'");
}

void read_wait(const YamlNode& node, ErrorRule& rule) {
    const auto wait = node.find("wait"), midnight = node.find("wait_until_midnight");
    if (wait) rule.wait.at_least = wait->duration();
    if (midnight) {
        rule.wait.until_midnight = TimeZone::find(midnight->text());
        if (!rule.wait.until_midnight)
            midnight->fail(fmt::format("unknown time zone: '{}'", midnight->text()),
                           "Write an IANA name such as America/Los_Angeles.");
    }
    const bool waits = rule.outcome == Outcome::wait || rule.outcome == Outcome::retry;
    if ((wait || midnight) && !waits) node.fail("only 'wait' and 'retry' take a time");
    if (rule.outcome == Outcome::wait && !wait && !midnight)
        node.fail("does not say how long", "Add 'wait: 5m'; what the platform itself says goes first.");
}

ErrorRule read_rule(const YamlNode& node, const Errors& errors) {
    node.allow({"status", "code", "subcode", "text", "at", "is", "is_not", "then", "wait", "wait_until_midnight",
                "scope", "names"});
    ErrorRule rule;
    if (const auto status = node.find("status")) {
        rule.status = read_values(*status, true);
        for (const auto& [first, last] : rule.status.ranges) {
            if (first < 100 || last > 599) status->fail("an HTTP status lies between 100 and 599");
        }
    }
    if (const auto code = node.find("code")) {
        rule.code = read_values(*code, false);
        if (errors.code.empty()) code->fail("nobody said where the code is", "Add a pointer as 'errors.code'.");
    }
    if (const auto subcode = node.find("subcode")) {
        rule.subcode = read_values(*subcode, false);
        if (errors.subcode.empty())
            subcode->fail("nobody said where the subcode is", "Add a pointer as 'errors.subcode'.");
    }
    if (const auto text = node.find("text")) {
        for (const auto& part : text->texts()) rule.texts.push_back(ascii::lower(part));
        if (rule.texts.empty()) text->fail("names no text");
    }
    read_place(node, rule);
    if (rule.status.empty() && rule.code.empty() && rule.subcode.empty() && rule.texts.empty() && !rule.at)
        node.fail("has no condition", "Add status, code, subcode, text or at.");
    constexpr std::array kOutcomes{Outcome::retry,      Outcome::wait, Outcome::reauthorize, Outcome::forbidden,
                                   Outcome::bad_metric, Outcome::gone, Outcome::bug};
    rule.outcome =
        kOutcomes[node.at("then").choice({"retry", "wait", "reauthorize", "forbidden", "bad_metric", "gone", "bug"})];
    read_wait(node, rule);
    if (const auto scope = node.find("scope")) {
        if (rule.outcome != Outcome::wait) scope->fail("only 'wait' concerns more than its account");
        rule.scope = read_scope(*scope);
    }
    if (const auto names = node.find("names")) {
        rule.names = names->text();
        const auto star = rule.names.find_first_of("*#");
        if (rule.outcome != Outcome::bad_metric) names->fail("only 'bad_metric' names a metric");
        if (star == std::string::npos || star == 0 || star + 1 == rule.names.size() ||
            rule.names.find_first_of("*#", star + 1) != std::string::npos)
            names->fail("must have one '*' or '#' between two texts",
                        "Write it like: \"metric (*)\", or \"metric[#]\" where the message counts from 0.");
    }
    return rule;
}

}  // namespace

Errors read_errors(const YamlNode& node) {
    node.allow({"code", "subcode", "message", "rules"});
    Errors errors;
    errors.code = read_or(node, "code", {}, read_paths);
    errors.subcode = read_or(node, "subcode", {}, read_paths);
    errors.message = read_paths(node.at("message"));
    std::vector<int> lines;
    for (const auto& item : node.at("rules").items()) {
        auto rule = read_rule(item, errors);
        for (std::size_t i = 0; i < errors.rules.size(); ++i) {
            if (covers(errors.rules[i], rule))
                item.fail(fmt::format("never decides: the rule of line {} matches whatever it matches", lines[i]),
                          "Put the narrower rule first.");
        }
        errors.rules.push_back(std::move(rule));
        lines.push_back(item.line());
    }
    return errors;
}

}  // namespace tally::platform::loader
