// SPDX-License-Identifier: Apache-2.0
// What a well-behaved client never does: calls while told to wait, uses a refresh token twice, insists on a dead token.
#include "violations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

/// What arrives this soon after the refusal was sent, was sent before it was read.
constexpr std::chrono::milliseconds kInFlight{250};
constexpr std::uint64_t kTriesWithDeadToken = 3;
constexpr std::size_t kMostExamples = 20;
/// More waits than this and the ended ones are thrown away.
constexpr std::size_t kManyWaits = 10'000;

Json parse_object(std::string_view text) {
    auto body = Json::parse(text, nullptr, false);
    return body.is_object() ? body : Json::object();
}

Json error_of(const Json& body) {
    const auto error = body.find("error");
    return error != body.end() && error->is_object() ? *error : Json::object();
}

std::int64_t integer(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string text(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<LimitScope> graph_scope(const Json& error) {
    switch (integer(error, "code")) {
        case 4:
        case 341:
        case 613:
            return LimitScope::app;
        case 17:
        case 32:
            return LimitScope::token;
        case 80001:
        case 80002:
            return LimitScope::account;
        default:
            return std::nullopt;
    }
}

std::string google_reason(const Json& error) {
    const auto errors = error.find("errors");
    if (errors == error.end() || !errors->is_array() || errors->empty() || !errors->front().is_object()) return {};
    return text(errors->front(), "reason");
}

std::optional<LimitScope> google_scope(unsigned status, const Json& error) {
    const auto reason = google_reason(error);
    if (reason == "userRateLimitExceeded") return LimitScope::account;
    if (status == 429 || reason == "quotaExceeded" || reason == "dailyLimitExceeded" || reason == "rateLimitExceeded")
        return LimitScope::app;
    return std::nullopt;
}

/// The longest time of the account's entries in the business header, 0 if there is none.
std::int64_t regain_minutes(const Reply& reply, const std::string& account) {
    const auto* header = reply.find("X-Business-Use-Case-Usage");
    const auto usage = header != nullptr ? parse_object(*header) : Json::object();
    const auto entries = usage.find(account);
    std::int64_t minutes = 0;
    if (entries != usage.end())
        for (const auto& entry : *entries)
            minutes = std::max(minutes, integer(entry, "estimated_time_to_regain_access"));
    return minutes;
}

Moment stated_time(const Caller& caller, const Reply& reply, const Json& error, Moment now) {
    if (caller.dialect == Dialect::graph)
        if (const auto minutes = regain_minutes(reply, caller.account); minutes > 0)
            return now + std::chrono::minutes{minutes};
    if (const auto* reset = reply.find("Ratelimit-Reset"))
        if (const auto at = parse_integer(*reset)) return Instant{std::chrono::seconds{*at}};
    if (const auto* after = reply.find("Retry-After"))
        if (const auto seconds = parse_integer(*after)) return now + std::chrono::seconds{*seconds};
    if (caller.dialect == Dialect::google) {
        const auto reason = google_reason(error);
        const bool daily = reason == "quotaExceeded" || reason == "dailyLimitExceeded" ||
                           text(error, "message").find("per day") != std::string::npos;
        const auto today = day_of(pacific(), date::floor<std::chrono::seconds>(now));
        if (daily) return midnight(pacific(), today + date::days{1});
    }
    return now + std::chrono::seconds{1};
}

/// The refresh token of a request for new tokens, which comes as a form or in the query; empty for other requests.
std::string refresh_token_of(const Request& request) {
    if (request.method != "POST") return {};
    const auto form = make_request("POST", "/?" + request.body, "", "").query;
    for (const auto* values : {&form, &request.query})
        if (values->is("grant_type", "refresh_token")) return std::string{values->get("refresh_token")};
    return {};
}

/// Without query: no token gets into an example.
std::string describe(const Call& call, const Caller& caller) {
    return fmt::format("{} {} ({} account '{}')", call.request.method, call.request.path,
                       caller.platform ? platform_name(*caller.platform) : "no", caller.account);
}

std::string show_moment(Moment at) {
    return render_utc_time(date::floor<std::chrono::seconds>(at), false);
}

}  // namespace

std::optional<ToldToWait> read_refusal(const Caller& caller, const Reply& reply, Moment now) {
    if (!caller.platform || reply.status < 400) return std::nullopt;
    const auto error = error_of(parse_object(reply.body));
    std::optional<LimitScope> scope;
    if (caller.dialect == Dialect::graph)
        scope = graph_scope(error);
    else if (caller.dialect == Dialect::google)
        scope = google_scope(reply.status, error);
    else if (reply.status == 429)
        scope = LimitScope::account;  // these two do not tell; what they count for certain is the account's token
    if (!scope) return std::nullopt;
    return ToldToWait{*scope, stated_time(caller, reply, error, now)};
}

void Violations::arrive(const Call& call, const Caller& caller, Moment now) {
    check_wait(call, caller, now);
    check_token(call, caller);
    const auto refresh_token = refresh_token_of(call.request);
    if (refresh_token.empty() || !spent_refresh_tokens_.contains(refresh_token)) return;
    ++refresh_reused_;
    remember(fmt::format("a refresh token that was replaced came again: {}", describe(call, caller)));
}

void Violations::check_wait(const Call& call, const Caller& caller, Moment now) {
    if (waits_.empty()) return;
    for (const auto scope : kLimitScopes) {
        const auto wait = waits_.find(scope_key(caller, scope));
        if (wait == waits_.end() || now >= wait->second.until || now <= wait->second.told + kInFlight) continue;
        ++while_told_to_wait_;
        remember(fmt::format("{} ms after the {} was told to wait until {}: {}", (now - wait->second.told).count(),
                             scope_name(scope), show_moment(wait->second.until), describe(call, caller)));
        return;
    }
}

void Violations::check_token(const Call& call, const Caller& caller) {
    if (caller.token_state == TokenState::valid) {
        if (!dead_tokens_.empty()) dead_tokens_.erase(caller.token);  // a revocation may be taken back
        return;
    }
    if (caller.token_state != TokenState::expired && caller.token_state != TokenState::revoked) return;
    const auto count = ++dead_tokens_[caller.token];
    if (count <= kTriesWithDeadToken) return;
    ++with_dead_token_;
    remember(fmt::format("request {} with the same {} token: {}", count,
                         caller.token_state == TokenState::expired ? "expired" : "revoked", describe(call, caller)));
}

void Violations::answered(const Call& call, const Caller& caller, const Reply& reply, std::optional<LimitScope> meant,
                          Moment now, std::chrono::milliseconds delay) {
    // Half an answer tells nothing, and a client that never saw its new refresh token can only use the old one.
    if (reply.delivery == Delivery::hang || reply.delivery == Delivery::cut) return;
    if (const auto used = refresh_token_of(call.request); !used.empty() && reply.status == 200) {
        const auto given = text(parse_object(reply.body), "refresh_token");
        if (!given.empty() && given != used) spent_refresh_tokens_.insert(used);
    }
    const auto received = now + delay;
    const auto refusal = read_refusal(caller, reply, received);
    if (!refusal) return;
    const auto key = scope_key(caller, meant.value_or(refusal->scope));
    if (key.empty()) return;
    if (waits_.size() > kManyWaits) std::erase_if(waits_, [now](const auto& w) { return w.second.until <= now; });
    const auto [wait, fresh] = waits_.try_emplace(key, Wait{received, refusal->until});
    if (fresh) return;
    // Who goes on calling does not get another quarter of a second with each refusal.
    const bool standing = wait->second.told <= received && now < wait->second.until;
    wait->second = standing ? Wait{wait->second.told, std::max(wait->second.until, refusal->until)}
                            : Wait{received, refusal->until};
}

Json Violations::show() const {
    return Json{{"requests_while_told_to_wait", while_told_to_wait_},
                {"refresh_tokens_reused", refresh_reused_},
                {"requests_with_dead_token", with_dead_token_},
                {"examples", examples_}};
}

void Violations::remember(std::string example) {
    if (examples_.size() < kMostExamples) examples_.push_back(std::move(example));
}

}  // namespace sim
