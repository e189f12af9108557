// SPDX-License-Identifier: Apache-2.0
// Connections over HTTP.
#include "daemon/api/connection_routes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>

#include <array>
#include <exception>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "daemon/api/input.hpp"
#include "daemon/collect/why.hpp"
#include "daemon/lease/lease_repository.hpp"
#include "daemon/schedule/describe.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

store::ConnectionName name_of(const Request& request) {
    return {.user_id = request.params.at("user"),
            .platform = request.params.at("platform"),
            .account_id = request.params.at("account")};
}

constexpr const char* kRedirect = "http://localhost";  // nothing need listen there: its address is pasted

/// 256 random bits that may stand in a URL; long enough for a PKCE verifier.
std::string random_text() {
    std::array<unsigned char, 32> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    std::array<char, sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)> text{};
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return text.data();
}

collect::Provider login_provider(const collect::Rules& rules, const std::string& platform,
                                 const std::map<std::string, std::string>& attributes) {
    auto provider = collect::provider_of(rules, rules.catalog.find(platform), attributes);
    if (provider.login == nullptr)
        throw Error(Fault::usage, fmt::format("the platform file of '{}' describes no login", platform),
                    "Give a token with 'tallyctl connection add'.");
    if (const auto named = attributes.find("login");
        named != attributes.end() && provider.login->name != named->second) {
        std::vector<std::string> known;
        for (const auto& login : provider.platform->auth.logins) known.push_back(login.name);
        throw Error(Fault::usage, fmt::format("'{}' has no login '{}'", platform, named->second),
                    fmt::format("Known: {}.", fmt::join(known, ", ")));
    }
    if (provider.app.client_id.empty())
        throw Error(Fault::config, fmt::format("no app is configured for '{}'", platform),
                    fmt::format("Set platforms.{}.client_id and client_secret in tallyd.yaml.", platform));
    return provider;
}

std::string choose_flow(const platform::Login& login, const std::optional<std::string>& wanted) {
    const auto flow = wanted.value_or(login.device ? "device" : "code");
    if (flow != "code" && flow != "device")
        throw Error(Fault::usage, fmt::format("there is no flow '{}'", flow), "Write code or device.");
    if ((flow == "code" && !login.code) || (flow == "device" && !login.device))
        throw Error(Fault::usage, fmt::format("the login '{}' has no {} flow", login.name, flow));
    return flow;
}

/// Those that every account has, and the optional ones that `with` names.
std::vector<std::string> wanted_requests(const platform::Platform& platform, const json& body) {
    std::vector<std::string> wanted;
    for (const auto& request : platform.requests) {
        if (!request.optional) wanted.push_back(request.name);
    }
    if (const auto with = body.find("with"); with != body.end()) {
        if (!with->is_array()) throw Error(Fault::usage, "'with' must be a list of requests");
        for (const auto& name : *with) {
            const auto text = name.is_string() ? name.get<std::string>() : std::string{};
            if (platform.find_request(text) == nullptr)
                throw Error(Fault::usage, fmt::format("'{}' has no request '{}'", platform.name, text),
                            fmt::format("See 'tallyctl platform show {}'.", platform.name));
            wanted.push_back(text);
        }
    }
    return wanted;
}

Error refusal(const collect::Provider& provider, const platform::Verdict& verdict) {
    const bool ours = verdict.outcome == platform::Outcome::bug;
    const bool later = verdict.outcome == platform::Outcome::retry || verdict.outcome == platform::Outcome::wait;
    return {later ? Fault::temporary : Fault::failed,
            fmt::format("{} gives no token: {}", provider.platform->title,
                        verdict.message.empty() ? verdict.code : verdict.message),
            ours    ? fmt::format("Check client id, secret and redirect address of platforms.{} with what the "
                                     "platform's console says.",
                                  provider.platform->name)
            : later ? "Try again in a while."
                    : "Begin again: codes work once and for a short time."};
}

json unless_never(Instant instant) {
    return instant == postgres::kNever ? json(nullptr) : json(render_instant(instant));
}

collect::WaitFacts read_wait(const postgres::Row& row) {
    collect::WaitFacts facts;
    facts.tier = row.text("tier");
    facts.state = row.text("state");
    facts.state_reason = row.text("state_reason");
    facts.state_since = row.optional_instant("state_since");
    if (row.boolean("leased")) facts.leased_by = row.text("lease_node");
    facts.due_at = row.instant("due_at");
    facts.collect_at = row.instant("collect_at");
    facts.slot_at = row.instant("slot_at");
    facts.spare_at = row.optional_instant("spare_at");
    facts.attempt = static_cast<unsigned>(row.integer("attempt"));
    facts.triggers = row.integer("triggers");
    facts.before = row.integer("before");
    facts.now = row.instant("clock");
    if (const auto run = row.optional_integer("run_id"))
        facts.last_run = collect::WaitFacts::LastRun{.id = *run,
                                                     .state = row.text("run_state"),
                                                     .error_class = row.text("error_class"),
                                                     .error = row.text("error"),
                                                     .finished_at = row.instant("finished_at")};
    return facts;
}

json metric_checks_json(const platform::Platform& platform, const std::vector<collect::MetricCheck>& checks) {
    json list = json::array();
    for (const auto& check : checks) {
        const auto* metric = platform.find_metric(check.metric);
        const bool works = check.verdict.outcome == platform::Outcome::ok;
        list.push_back({{"request", check.request},
                        {"metric", check.metric},
                        {"result", !works              ? "refused"
                                   : check.numbers > 0 ? "works"
                                                       : "empty"},
                        {"outcome", platform::to_text(check.verdict.outcome)},
                        {"code", check.verdict.code},
                        {"message", check.verdict.message},
                        {"numbers", check.numbers},
                        {"optional", metric != nullptr && metric->optional},
                        {"replaced_by", metric == nullptr || metric->replaced_by.empty() ? json(nullptr)
                                                                                         : json(metric->replaced_by)}});
    }
    return list;
}

}  // namespace

void ConnectionRoutes::add_to(Router& router) {
    const auto add = [&](const char* method, const std::string& pattern, auto member) {
        router.add(method, pattern.c_str(), Access::guarded,
                   [this, member](const Request& request) { return (this->*member)(request); });
    };
    const std::string connection = "/api/internal/users/{user}/connections/{platform}/{account}";
    add("GET", "/api/internal/connections", &ConnectionRoutes::list_connections);
    add("GET", connection, &ConnectionRoutes::show_connection);
    add("GET", connection + "/why", &ConnectionRoutes::explain_wait);
    add("PUT", connection, &ConnectionRoutes::put_connection);
    add("DELETE", connection, &ConnectionRoutes::delete_connection);
    add("POST", connection + "/pause", &ConnectionRoutes::pause_connection);
    add("POST", connection + "/resume", &ConnectionRoutes::resume_connection);
    add("POST", connection + "/check", &ConnectionRoutes::check_connection);
    add("POST", connection + "/check-metrics", &ConnectionRoutes::check_metrics);
    add("POST", connection + "/login", &ConnectionRoutes::begin_login);
    add("POST", connection + "/login/finish", &ConnectionRoutes::finish_login);
}

ConnectionRoutes::Answer ConnectionRoutes::list_connections(const Request& request) {
    const auto filter = filter_of(request);
    if (filter.after) read_number(*filter.after);
    auto work = [filter](store::Views& views) { return views.connections(filter); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

boost::asio::awaitable<json> ConnectionRoutes::one_connection(store::ConnectionName name) {
    store::ListFilter filter;
    filter.user_id = name.user_id;
    filter.platform = name.platform;
    filter.account_id = name.account_id;
    auto work = [filter](store::Views& views) { return views.connections(filter)["connections"]; };
    auto found = co_await with_views(parts_, std::move(work));
    if (found.empty())
        throw Error(Fault::missing,
                    fmt::format("there is no connection '{}' {} '{}'", name.user_id, name.platform, name.account_id),
                    "See 'tallyctl connection list'.");
    co_return found[0];
}

ConnectionRoutes::Answer ConnectionRoutes::show_connection(const Request& request) {
    co_return Response::data(co_await one_connection(name_of(request)));
}

/// What the database and the rules know; what this node knows is added on the loop.
ConnectionRoutes::Answer ConnectionRoutes::explain_wait(const Request& request) {
    const auto name = name_of(request);
    auto load = [name](store::Registry& registry) { return registry.load(name); };
    const auto loaded = co_await with_registry(parts_, std::move(load));
    auto read = [name](postgres::Session& session) {
        auto transaction = session.begin_read_only();
        const auto rows = transaction.exec("wait_of", {name.user_id, name.platform, name.account_id});
        return rows.empty() ? std::nullopt : std::optional{read_wait(rows[0])};
    };
    auto facts = co_await with_session(parts_, std::move(read));
    if (!facts) throw Error(Fault::temporary, "the connection was changed at this moment", "Ask again.");
    const auto rules = parts_.dispatcher.rules();
    const auto tier = rules->config.tiers.find(facts->tier);
    facts->schedule =
        tier == rules->config.tiers.end() ? "which the configuration does not know" : schedule::describe(tier->second);
    facts->platform = name.platform;
    facts->attempts = rules->config.collect.attempts;
    const auto platform = rules->catalog.find(name.platform);
    facts->platform_known = platform != nullptr;
    facts->platform_enabled = rules->config.platform(name.platform).enabled;
    if (facts->platform_known && facts->platform_enabled) {
        try {
            const auto credential = collect::Credential::read(parts_.vault.open(
                loaded.sealed_user_key, {name.user_id, name.platform, name.account_id}, loaded.sealed_credential));
            const auto job =
                collect::make_job(*rules, facts->tier, name.platform, name.account_id, loaded.attributes, credential);
            if (const auto denial = parts_.budgets.blocked(*platform, job.target)) {
                facts->blocked_until = denial->until;
                facts->blocked_reason = denial->reason;
            }
        } catch (const Error&) {  // its last run tells of it
        }
    }
    const auto troubled = parts_.dispatcher.troubled();
    if (const auto breaker = troubled.find(name.platform); breaker != troubled.end()) {
        facts->down_since = breaker->second.since();
        facts->probe_at = breaker->second.probe_at();
    }
    const auto told = collect::why(*facts);
    co_return Response::data({{"user_id", name.user_id},
                              {"platform", name.platform},
                              {"account_id", name.account_id},
                              {"reason", told.reason},
                              {"sentence", told.sentence},
                              {"due_at", unless_never(facts->due_at)},
                              {"slot_at", unless_never(facts->slot_at)},
                              {"attempt", facts->attempt},
                              {"node", or_null(facts->leased_by)},
                              {"last_run", facts->last_run ? json(facts->last_run->id) : json(nullptr)}});
}

ConnectionRoutes::Answer ConnectionRoutes::put_connection(const Request& request) {
    const auto name = name_of(request);
    check_platform(parts_, name.platform);
    const auto body = request.json();
    allow_members(body, {"token", "attributes", "source"});
    const auto connection = read_connection(name, body);
    auto work = [connection](store::Registry& registry) { return registry.put_connection(connection); };
    const bool created = co_await with_registry(parts_, std::move(work));
    parts_.dispatcher.wake();
    co_return Response::data(co_await one_connection(name), created ? 201 : 200);
}

ConnectionRoutes::Answer ConnectionRoutes::delete_connection(const Request& request) {
    const auto name = name_of(request);
    auto work = [name](store::Registry& registry) {
        registry.remove_connection(name);
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    co_return Response::data({{"removed", true}});
}

ConnectionRoutes::Answer ConnectionRoutes::pause_connection(const Request& request) {
    const auto name = name_of(request);
    auto work = [name](store::Registry& registry) {
        registry.pause(name, "paused by an operator");
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    co_return Response::data(co_await one_connection(name));
}

ConnectionRoutes::Answer ConnectionRoutes::resume_connection(const Request& request) {
    const auto name = name_of(request);
    auto work = [name](store::Registry& registry) {
        registry.resume(name);
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    parts_.dispatcher.wake();
    co_return Response::data(co_await one_connection(name));
}

/// What a visit works with; lives until the lease is given back.
struct ConnectionRoutes::Visit {
    std::shared_ptr<const collect::Rules> rules;
    collect::Provider provider;
    collect::HeldCredential held;
    collect::Job job;
    bool leased = false;
};

template <class Work>
boost::asio::awaitable<json> ConnectionRoutes::visit(store::ConnectionName name, Work work) {
    auto load = [name](store::Registry& registry) { return registry.load(name); };
    auto loaded = co_await with_registry(parts_, std::move(load));
    auto claim = [node = parts_.facts.node, id = loaded.connection_id](postgres::Session& session) {
        return lease::LeaseRepository{session}.claim_one(node, id);
    };
    auto assignment = co_await with_session(parts_, std::move(claim));
    // Somebody serves it right now: what is there is looked at without touching the token.
    if (assignment) {
        loaded.sealed_credential = assignment->sealed_credential;
        loaded.attributes = assignment->attributes;
    }
    json result;
    std::exception_ptr failure;
    try {
        Visit visit;
        visit.rules = parts_.dispatcher.rules();
        auto& held = visit.held;
        held = {.connection_id = loaded.connection_id,
                .lease_token = assignment ? assignment->lease.token : 0,
                .user_id = name.user_id,
                .platform = name.platform,
                .account_id = name.account_id,
                .sealed_user_key = loaded.sealed_user_key,
                .sealed = loaded.sealed_credential,
                .credential = {}};
        held.credential = collect::Credential::read(
            parts_.vault.open(held.sealed_user_key, {name.user_id, name.platform, name.account_id}, held.sealed));
        visit.job = collect::make_job(*visit.rules, loaded.tier, name.platform, name.account_id, loaded.attributes,
                                      held.credential);
        visit.provider = collect::provider_of(*visit.rules, visit.job.platform, loaded.attributes);
        visit.leased = assignment.has_value();
        if (visit.leased && collect::can_renew(visit.provider, held.credential))
            visit.job.renew = [this, &visit] { return parts_.tokens.renew(visit.provider, visit.held); };
        result = co_await work(visit);
    } catch (...) {
        failure = std::current_exception();
    }
    if (assignment) {
        auto release = [lease = assignment->lease](postgres::Session& session) {
            lease::LeaseRepository{session}.release({lease});
            return true;
        };
        co_await with_session(parts_, std::move(release));
        parts_.dispatcher.wake();
    }
    if (failure) std::rethrow_exception(failure);
    co_return result;
}

ConnectionRoutes::Answer ConnectionRoutes::check_connection(const Request& request) {
    auto work = [this](Visit& visit) -> boost::asio::awaitable<json> {
        const auto checked = co_await collect::check(parts_.http, parts_.budgets, std::move(visit.job));
        json data{{"ok", checked.failures.empty()},
                  {"outcome", platform::to_text(checked.worst())},
                  {"message", ""},
                  {"request", ""}};
        if (!checked.failures.empty()) {
            data["message"] = checked.failures.front().message;
            data["request"] = checked.failures.front().request;
        }
        co_return data;
    };
    co_return Response::data(co_await visit(name_of(request), std::move(work)));
}

ConnectionRoutes::Answer ConnectionRoutes::check_metrics(const Request& request) {
    auto work = [this](Visit& visit) -> boost::asio::awaitable<json> {
        const auto platform = visit.job.platform;
        const auto checks = co_await collect::check_metrics(parts_.http, parts_.budgets, std::move(visit.job));
        co_return json{{"platform", platform->name}, {"metrics", metric_checks_json(*platform, checks)}};
    };
    co_return Response::data(co_await visit(name_of(request), std::move(work)));
}

// -- Logging in -------------------------------------------------------------------------------------------------------

boost::asio::awaitable<std::map<std::string, std::string>> ConnectionRoutes::attributes_for_login(
    store::ConnectionName name, json body) {
    std::map<std::string, std::string> attributes;
    auto load = [name](store::Registry& registry) {
        if (!registry.user_exists(name.user_id))
            throw Error(Fault::missing, fmt::format("there is no user '{}'", name.user_id),
                        "Add it with 'tallyctl user add'.");
        const auto known = registry.find(name);
        return known ? known->attributes : std::map<std::string, std::string>{};
    };
    attributes = co_await with_registry(parts_, std::move(load));
    for (auto& [key, value] : attributes_of(body)) attributes[key] = std::move(value);
    if (auto login = text_member(body, "login")) attributes["login"] = *std::move(login);
    co_return attributes;
}

ConnectionRoutes::Answer ConnectionRoutes::begin_login(const Request& request) {
    const auto name = name_of(request);
    check_platform(parts_, name.platform);
    const auto body = request.json();
    allow_members(body, {"login", "attributes", "flow", "redirect_uri", "with"});
    const auto rules = parts_.dispatcher.rules();
    const auto attributes = co_await attributes_for_login(name, body);
    const auto provider = login_provider(*rules, name.platform, attributes);
    const auto& login = *provider.login;
    const auto flow = choose_flow(login, text_member(body, "flow"));
    const auto scopes = platform::scopes_for(login, wanted_requests(*provider.platform, body));

    json data{{"login", login.name}, {"flow", flow}, {"scopes", scopes}};
    if (flow == "code") {
        const auto redirect = text_member(body, "redirect_uri").value_or(kRedirect);
        const auto state = random_text(), verifier = random_text();
        data["redirect_uri"] = redirect;
        data["state"] = state;
        data["verifier"] = verifier;
        data["url"] = platform::authorize_url(login, provider.app.client_id, redirect, scopes, state, Secret{verifier},
                                              provider.base_url);
        co_return Response::data(data);
    }
    auto started = co_await parts_.token_client.start_device(provider, platform::join_scopes(login, scopes));
    if (!started.value) throw refusal(provider, started.verdict);
    data["user_code"] = started.value->user_code;
    data["device_code"] = started.value->device_code.reveal();
    data["url"] = started.value->verification_uri;
    data["interval_seconds"] = started.value->interval.count();
    data["expires_seconds"] = started.value->expires_in.count();
    co_return Response::data(data);
}

/// Trades the code for a token, proves that it reads the account, and only then stores it.
ConnectionRoutes::Answer ConnectionRoutes::finish_login(const Request& request) {
    const auto name = name_of(request);
    check_platform(parts_, name.platform);
    const auto body = request.json();
    allow_members(body, {"login", "attributes", "flow", "redirect_uri", "pasted", "state", "verifier", "device_code",
                         "with", "source"});
    const auto rules = parts_.dispatcher.rules();
    const auto attributes = co_await attributes_for_login(name, body);
    const auto provider = login_provider(*rules, name.platform, attributes);
    const auto& login = *provider.login;
    const auto scopes = platform::scopes_for(login, wanted_requests(*provider.platform, body));

    collect::Told<collect::Credential> told;
    if (choose_flow(login, text_member(body, "flow")) == "device") {
        told = co_await parts_.token_client.poll_device(provider, Secret{text_member(body, "device_code").value_or("")},
                                                        platform::join_scopes(login, scopes));
        if (told.verdict.outcome == platform::Outcome::wait) {
            const bool slower = told.verdict.message.find("slow_down") != std::string::npos;
            co_return Response::data({{"pending", true}, {"slow_down", slower}});
        }
    } else {
        platform::TokenValues values;
        values.code = platform::code_from_redirect(text_member(body, "pasted").value_or(""),
                                                   text_member(body, "state").value_or(""));
        values.redirect_uri = text_member(body, "redirect_uri").value_or(kRedirect);
        values.code_verifier = Secret{text_member(body, "verifier").value_or("")};
        told = co_await parts_.token_client.redeem(provider, std::move(values));
    }
    if (!told.value) throw refusal(provider, told.verdict);

    auto& credential = *told.value;
    auto job = collect::make_job(*rules, {}, name.platform, name.account_id, attributes, credential);
    const auto checked = co_await collect::try_account(parts_.http, parts_.budgets, std::move(job));
    const auto worst = checked.worst();
    const bool in_doubt =
        worst == platform::Outcome::retry || worst == platform::Outcome::wait || worst == platform::Outcome::bad_metric;
    if (!checked.failures.empty() && !in_doubt)
        throw Error(Fault::failed,
                    fmt::format("the login went well, but its token does not read the account '{}': {}",
                                name.account_id, checked.failures.front().message),
                    "Did the person log in as the owner of this account? Nothing was stored.");

    store::NewConnection connection{.name = name,
                                    .attributes = attributes,
                                    .credential = credential.render(),
                                    .expires_at = credential.expires_at,
                                    .source = text_member(body, "source").value_or("login")};
    auto store = [connection](store::Registry& registry) { return registry.put_connection(connection); };
    co_await with_registry(parts_, std::move(store));
    parts_.dispatcher.wake();
    json missing = json::array();
    for (const auto& scope : scopes) {
        if (credential.scopes && !credential.scopes->contains(scope)) missing.push_back(scope);
    }
    json data{{"pending", false},
              {"renewable", collect::can_renew(provider, credential)},
              {"missing_scopes", std::move(missing)}};
    data["connection"] = co_await one_connection(name);
    co_return Response::data(data);
}

}  // namespace tally::api
