// SPDX-License-Identifier: Apache-2.0
// Matches answers against the ordered rules of a platform file.
#include "daemon/platform/classify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/ascii.hpp"
#include "daemon/platform/redact.hpp"
#include "daemon/platform/retry_after.hpp"
#include "daemon/platform/usage.hpp"

namespace tally::platform {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

/// What the file's pointers find in an answer.
struct Parts {
    std::vector<std::string> codes, subcodes;
    std::string message, message_lower;
};

std::vector<std::string> texts_at(const std::vector<JsonPath>& paths, const json& document) {
    std::vector<std::string> result;
    for (const auto& path : paths) {
        for (const auto* found : path.all(document)) {
            if (auto text = scalar_text(*found); text && !text->empty()) result.push_back(*std::move(text));
        }
    }
    return result;
}

Parts read_parts(const Errors& errors, const json& document) {
    Parts parts{.codes = texts_at(errors.code, document),
                .subcodes = texts_at(errors.subcode, document),
                .message = {},
                .message_lower = {}};
    if (auto messages = texts_at(errors.message, document); !messages.empty())
        parts.message = std::move(messages.front());
    parts.message_lower = ascii::lower(parts.message);
    return parts;
}

bool any_contained(const Values& values, const std::vector<std::string>& found) {
    return std::any_of(found.begin(), found.end(), [&](const std::string& text) { return values.contain(text); });
}

bool place_matches(const ErrorRule& rule, const json& document) {
    const auto found = rule.at->all(document);
    if (rule.is.empty() && rule.is_not.empty()) return !found.empty();
    return std::any_of(found.begin(), found.end(), [&](const json* value) {
        const auto text = scalar_text(*value).value_or("");
        return rule.is.empty() ? !rule.is_not.contain(text) : rule.is.contain(text);
    });
}

bool matches(const ErrorRule& rule, int status, const Parts& parts, const json& document) {
    if (!rule.status.empty() && !rule.status.contain(static_cast<long>(status))) return false;
    if (!rule.code.empty() && !any_contained(rule.code, parts.codes)) return false;
    if (!rule.subcode.empty() && !any_contained(rule.subcode, parts.subcodes)) return false;
    if (!rule.texts.empty() && std::none_of(rule.texts.begin(), rule.texts.end(), [&](const std::string& text) {
            return parts.message_lower.find(text) != std::string::npos;
        }))
        return false;
    return !rule.at || place_matches(rule, document);
}

bool is_name(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_alnum(c) || c == '_'; });
}

/// The word between the two halves of the pattern; after "#" it is the metric's place in the request.
std::optional<std::string> name_in(std::string_view message, std::string_view pattern) {
    const auto star = pattern.find_first_of("*#");
    if (star == std::string_view::npos) return std::nullopt;
    const auto before = pattern.substr(0, star), after = pattern.substr(star + 1);
    for (auto at = message.find(before); at != std::string_view::npos; at = message.find(before, at + 1)) {
        const auto start = at + before.size();
        const auto end = message.find(after, start);
        if (end == std::string_view::npos) break;
        if (const auto name = message.substr(start, end - start); is_name(name)) return std::string{name};
    }
    return std::nullopt;
}

std::optional<std::size_t> parse_place(const std::string& text) {
    std::size_t place = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), place);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{place} : std::nullopt;
}

/// What the platform itself says about waiting; zero when it says nothing.
milliseconds told_wait(const Platform* platform, const HttpAnswer& answer, Instant now) {
    milliseconds wait{0};
    if (const auto* header = answer.header("retry-after")) wait = parse_retry_after(*header, now).value_or(wait);
    if (platform == nullptr) return wait;
    for (const auto& reading : read_usage(*platform, answer, now)) {
        const auto until = reading.blocked_until ? reading.blocked_until : reading.resets_at;
        if (until) wait = std::max(wait, std::chrono::ceil<milliseconds>(*until - now));
    }
    return wait;
}

milliseconds rule_wait(const Wait& wait, Instant now) {
    if (!wait.until_midnight) return wait.at_least;
    const auto midnight = wait.until_midnight->end_of(wait.until_midnight->day_of(now));
    return std::max(wait.at_least, std::chrono::ceil<milliseconds>(midnight - now));
}

constexpr bool is_success(int status) {
    return status >= 200 && status < 300;
}

/// What the HTTP status means where no rule says otherwise.
Outcome outcome_of(int status) {
    if (is_success(status)) return Outcome::retry;  // it says it went well, and the body says it did not
    if (status == 401) return Outcome::reauthorize;
    if (status == 403 || status == 404) return Outcome::forbidden;
    if (status == 408 || status == 429) return Outcome::wait;
    if (status >= 400 && status < 500) return Outcome::bug;
    return Outcome::retry;
}

constexpr milliseconds kDefaultWait{60'000};

std::string code_text(int status, const Parts& parts) {
    if (parts.codes.empty()) return fmt::format("http {}", status);
    auto code = parts.codes.front();
    if (!parts.subcodes.empty()) code += "/" + parts.subcodes.front();
    return redact(code, 60);
}

/// @param platform whose usage headers tell of waiting; null where there are none
Verdict judge(const Errors& errors, const Platform* platform, const HttpAnswer& answer, Instant now) {
    Verdict verdict;
    const auto& document = *answer.document();
    const bool readable = document.is_structured();
    const auto parts = readable ? read_parts(errors, document) : Parts{};
    const auto rule = std::find_if(errors.rules.begin(), errors.rules.end(), [&](const ErrorRule& candidate) {
        return matches(candidate, answer.status, parts, document);
    });
    const bool ruled = rule != errors.rules.end();
    if (!ruled && is_success(answer.status) && readable && parts.codes.empty()) return verdict;

    verdict.outcome = ruled ? rule->outcome : outcome_of(answer.status);
    verdict.code = is_success(answer.status) && !readable ? "not json" : code_text(answer.status, parts);
    verdict.message =
        redact(!parts.message.empty() ? parts.message
               : readable             ? fmt::format("http status {}", answer.status)
               : answer.body.empty()  ? fmt::format("http status {}, empty answer", answer.status)
                                      : fmt::format("http status {}, the answer is no JSON", answer.status));
    if (verdict.outcome == Outcome::wait || verdict.outcome == Outcome::retry) {
        verdict.wait = told_wait(platform, answer, now);
        if (ruled && (verdict.wait.count() == 0 || rule->wait.until_midnight))
            verdict.wait = std::max(verdict.wait, rule_wait(rule->wait, now));
        if (verdict.outcome == Outcome::wait && verdict.wait.count() == 0) verdict.wait = kDefaultWait;
    }
    if (ruled && verdict.outcome == Outcome::wait) verdict.wait_scope = rule->scope;
    if (ruled && verdict.outcome == Outcome::bad_metric) {
        auto named = name_in(parts.message, rule->names);
        if (rule->names.find('#') == std::string::npos)
            verdict.metric = std::move(named);
        else if (named)
            verdict.metric_place = parse_place(*named);
    }
    return verdict;
}

}  // namespace

bool Values::contain(const std::string& value) const {
    const auto same = [&](const std::string& text) { return ascii::lower(text) == ascii::lower(value); };
    if (std::any_of(texts.begin(), texts.end(), same)) return true;
    long number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return error == std::errc{} && end == value.data() + value.size() && contain(number);
}

bool Values::contain(long value) const {
    return std::any_of(ranges.begin(), ranges.end(),
                       [value](const auto& range) { return range.first <= value && value <= range.second; });
}

const std::shared_ptr<const json>& HttpAnswer::document() const {
    if (!parsed) parsed = std::make_shared<const json>(json::parse(body, nullptr, false));
    return parsed;
}

const std::string* HttpAnswer::header(std::string_view name) const noexcept {
    const auto same = [](char a, char b) { return ascii::to_lower(a) == ascii::to_lower(b); };
    for (const auto& [known, value] : headers) {
        if (std::equal(known.begin(), known.end(), name.begin(), name.end(), same)) return &value;
    }
    return nullptr;
}

Verdict classify(const Platform& platform, const HttpAnswer& answer, Instant now) {
    return classify(platform, answer, now, platform.api.version);
}

Verdict classify(const Platform& platform, const HttpAnswer& answer, Instant now, std::string_view asked_version) {
    auto verdict = judge(platform.errors, &platform, answer, now);
    if (!platform.api.version_header.empty() && asked_version == platform.api.version) {
        const auto* served = answer.header(platform.api.version_header);
        if (served != nullptr && *served != platform.api.version) verdict.served_version = redact(*served, 40);
    }
    return verdict;
}

Verdict classify(const Login& login, const HttpAnswer& answer, Instant now) {
    return judge(login.errors, nullptr, answer, now);
}

std::string_view to_text(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::ok:
            return "ok";
        case Outcome::retry:
            return "retry";
        case Outcome::wait:
            return "wait";
        case Outcome::reauthorize:
            return "reauthorize";
        case Outcome::forbidden:
            return "forbidden";
        case Outcome::bad_metric:
            return "bad_metric";
        case Outcome::gone:
            return "gone";
        case Outcome::bug:
            break;
    }
    return "bug";
}

}  // namespace tally::platform
