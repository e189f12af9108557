// SPDX-License-Identifier: Apache-2.0
// What Instagram and Facebook share: the Graph API's versions, error bodies, windows and usage headers.
#include "graph.hpp"

#include "facebook.hpp"
#include "hash.hpp"
#include "instagram.hpp"
#include "scopes.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace sim {
namespace {

constexpr std::int64_t kOldestVersion = 21;
constexpr std::int64_t kNewestVersion = 26;
constexpr std::string_view kGraphHost = "graph.facebook.com";
constexpr std::string_view kInstagramHost = "graph.instagram.com";

/// `v25.0` gives 25; nothing if the segment is no version.
std::optional<std::int64_t> read_version(std::string_view segment) {
    if (segment.size() < 4 || segment.front() != 'v' || !segment.ends_with(".0")) return std::nullopt;
    return parse_integer(segment.substr(1, segment.size() - 3));
}

std::string trace_id(std::uint64_t serial) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::string id;
    auto bits = mix(serial, hash_text("trace"));
    for (int i = 0; i < 17; ++i, bits = i % 10 == 0 ? mix(bits) : bits / kAlphabet.size())
        id += kAlphabet[bits % kAlphabet.size()];
    return id;
}

std::string usage_header(std::string_view account, Platform platform, int percent, int regain) {
    const auto* type = platform == Platform::instagram ? "instagram" : "pages";
    return render_json(Json{{std::string{account}, Json::array({{{"type", type},
                                                                 {"call_count", percent},
                                                                 {"total_cputime", percent / 4},
                                                                 {"total_time", percent / 4},
                                                                 {"estimated_time_to_regain_access", regain}}})}});
}

/// The headers come only now and then, unless a test commanded a usage.
void add_usage(const Call& call, const Token& token, Reply& reply) {
    if (token.state != TokenState::valid) return;
    if (const auto* commanded = call.world.usage(token.platform)) {
        reply.set("X-Business-Use-Case-Usage",
                  usage_header(token.account, token.platform, commanded->percent, commanded->regain_minutes));
        return;
    }
    const auto draw = mix(call.serial, hash_text("usage"));
    const auto percent = static_cast<int>((draw >> 8U) % 12);
    if (draw % 4 == 0)
        reply.set("X-Business-Use-Case-Usage", usage_header(token.account, token.platform, percent, 0));
    else if (draw % 4 == 1)
        reply.set("X-App-Usage", fmt::format(R"({{"call_count":{},"total_time":{},"total_cputime":{}}})", percent,
                                             percent / 2, percent / 3));
}

Reply answer_versioned(const Call& call, const Token& token, std::vector<std::string_view> path) {
    for (const std::string_view name : {"pretty", "debug", "date_format"})
        if (call.request.query.find(name) != nullptr)
            return graph_error(
                call, {400, 100, 0, fmt::format("(#100) The {} query parameter is deprecated in v26.0+", name)});
    if (path.empty() && call.request.query.find("ids") != nullptr)
        return graph_error(call, {500, 100, 0, "The ids query parameter is deprecated in v26.0+"});
    if (const auto error = token_error(token)) return graph_error(call, *error);
    if (path.empty())
        return graph_error(call, {400, 100, 0,
                                  "Unsupported get request. Please read the Graph API documentation at "
                                  "https://developers.facebook.com/docs/graph-api",
                                  "GraphMethodException"});
    if (call.request.method != "GET")
        return graph_error(call, {400, 100, 33, "Unsupported post request.", "GraphMethodException"});

    const bool me = path.front() == "me";
    if (!me && path.front() != token.account)
        return graph_error(
            call,
            {400, 100, 33,
             fmt::format("Unsupported get request. Object with ID '{}' does not exist, cannot be loaded due to missing "
                         "permissions, or does not support this operation. Please read the Graph API documentation at "
                         "https://developers.facebook.com/docs/graph-api",
                         path.front()),
             "GraphMethodException"});
    const auto account = call.world.account(token.platform, token.account);
    path.erase(path.begin());
    if (auto refusal = refuse_scopes(call, token)) return *std::move(refusal);
    if (me && token.user && token.platform == Platform::instagram && path.size() == 1 && path.front() == "accounts")
        return list_instagram_pages(call, account);
    return token.platform == Platform::instagram ? answer_instagram(call, account, path)
                                                 : answer_facebook(call, account, token, me, path);
}

}  // namespace

std::optional<GraphError> token_error(const Token& token) {
    switch (token.state) {
        case TokenState::missing:
            return GraphError{400, 2500, 0,
                              "An active access token must be used to query information about the current user."};
        case TokenState::invalid:
            return GraphError{400, 190, 0, "Invalid OAuth access token - Cannot parse access token"};
        case TokenState::expired:
            return GraphError{400, 190, 463,
                              "Error validating access token: Session has expired on Monday, 16-Nov-26 09:00:00 PST."};
        case TokenState::revoked:
            return GraphError{400, 190, 460,
                              "Error validating access token: The session has been invalidated because the user "
                              "changed their password."};
        case TokenState::valid:
            break;
    }
    if (token.platform == Platform::instagram || token.platform == Platform::facebook) return std::nullopt;
    return GraphError{400, 190, 0, "Invalid OAuth access token - Cannot parse access token"};
}

bool is_graph_path(std::string_view path) {
    // The other platforms' paths begin with helix, v1, v2 and youtube; Graph's versions have a dot or are left out.
    if (path.starts_with("/helix/") || path.starts_with("/v1/") || path.starts_with("/v2/") ||
        path.starts_with("/youtube/"))
        return false;
    return path.size() > 1;
}

std::string graph_version(const Request& request) {
    const auto path = request.segments();
    const auto asked = path.empty() ? std::nullopt : read_version(path.front());
    const bool served = asked && *asked >= kOldestVersion && *asked <= kNewestVersion;
    return fmt::format("v{}.0", served ? *asked : kOldestVersion);
}

Reply answer_graph(const Call& call) {
    auto path = call.request.segments();
    if (const auto asked = path.empty() ? std::nullopt : read_version(path.front())) {
        // Nonsense fails.
        if (*asked > kNewestVersion + 1) {
            auto reply =
                graph_error(call, {400, 2500, 0, fmt::format("Unknown path components: {}", call.request.path)});
            reply.set("facebook-api-version", graph_version(call.request));
            return reply;
        }
        path.erase(path.begin());
    }
    const auto token = read_token(call.request, call.world, true);
    auto reply = answer_versioned(call, token, std::move(path));
    reply.set("facebook-api-version", graph_version(call.request));
    add_usage(call, token, reply);
    return reply;
}

Reply graph_error(const Call& call, const GraphError& error) {
    Json body{{"message", error.message}, {"type", error.type}, {"code", error.code}};
    if (error.subcode != 0) body["error_subcode"] = error.subcode;
    if (error.transient) body["is_transient"] = true;
    body["fbtrace_id"] = trace_id(call.serial);
    return json_reply(error.status, Json{{"error", std::move(body)}});
}

Reply graph_throttle(const Call& call, Platform platform, std::string_view account, int regain_minutes) {
    const bool instagram = platform == Platform::instagram;
    auto reply = graph_error(
        call, {403, instagram ? 80002 : 80001, 0,
               fmt::format(
                   "(#{}) There have been too many calls to this {} account. Wait a bit and try again. For more info, "
                   "please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting.",
                   instagram ? 80002 : 80001, instagram ? "Instagram" : "Page")});
    reply.set("facebook-api-version", "v25.0");
    reply.set("X-Business-Use-Case-Usage", usage_header(account, platform, 100, regain_minutes));
    return reply;
}

std::vector<std::string> split_fields(std::string_view fields) {
    std::vector<std::string> names(1);
    int depth = 0;
    for (const char c : fields) {
        if (c == '{')
            ++depth;
        else if (c == '}')
            --depth;
        else if (depth > 0)
            continue;
        else if (c == ',')
            names.emplace_back();
        else if (c != ' ')
            names.back() += c;
    }
    return names;
}

Reply graph_node(const Call& call, std::string_view node_type, std::string_view id,
                 const std::function<std::optional<Json>(std::string_view)>& field) {
    Json node = Json::object();
    if (const auto* fields = call.request.query.find("fields"); fields != nullptr && !fields->empty()) {
        for (const auto& name : split_fields(*fields)) {
            auto found = name == "id" ? std::optional<Json>{std::string{id}} : field(name);
            if (!found || call.world.removed(node_type == "Page" ? Platform::facebook : Platform::instagram, name))
                return graph_error(call, {400, 100, 0,
                                          fmt::format("(#100) Tried accessing nonexisting field ({}) on node type ({})",
                                                      name, node_type)});
            if (!found->is_null()) node[name] = std::move(*found);
        }
    }
    if (!node.contains("id")) node["id"] = std::string{id};
    return json_reply(200, node);
}

GraphTime read_graph_time(const Query& query, std::string_view name) {
    const auto* text = query.find(name);
    if (text == nullptr) return {};
    if (const auto seconds = parse_integer(*text); seconds && *seconds >= 0 && *seconds < 100'000'000'000)
        return {Instant{std::chrono::seconds{*seconds}}, false};
    if (const auto day = parse_day(*text)) return {midnight(pacific(), *day), false};
    return {std::nullopt, true};
}

Json insights_paging(const Call& call, Instant since, Instant until) {
    const auto length = until - since + std::chrono::seconds{1};
    std::string token{call.request.query.get("access_token", call.request.bearer)};
    const auto base = call.link_base(call.request.host == kInstagramHost ? kInstagramHost : kGraphHost);
    const auto link = [&](Instant from, Instant to) {
        return fmt::format("{}{}?access_token={}&{}&since={}&until={}", base, call.request.raw_path(),
                           percent_encode(token), call.request.query.render({"access_token", "since", "until"}),
                           from.time_since_epoch().count(), to.time_since_epoch().count());
    };
    return Json{{"previous", link(since - length, until - length)}, {"next", link(since + length, until + length)}};
}

Reply unknown_breakdown(const Call& call, const Account& account) {
    const bool vague = account.key % 2 == 0;
    return graph_error(call, {vague ? 500U : 400U, vague ? 1 : 100, 0, "An unknown error has occurred."});
}

Json insights_entry(const Account& account, std::string_view name, std::string_view period, std::string_view member,
                    Json content) {
    std::string title{name};
    for (auto& c : title)
        if (c == '_') c = ' ';
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    Json entry{{"name", name}, {"period", period}};
    if (!member.empty()) entry[std::string{member}] = std::move(content);
    entry["title"] = title;
    entry["description"] = "Simulated number: " + title;
    entry["id"] = fmt::format("{}/insights/{}/{}", account.id, name, period);
    return entry;
}

}  // namespace sim
