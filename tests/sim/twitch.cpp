// SPDX-License-Identifier: Apache-2.0
// Helix: who may ask, what is asked, and the pages of the answer.
#include "twitch.hpp"

#include "hash.hpp"
#include "tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace sim {
namespace {

constexpr std::size_t kMostClips = 1000;

bool numeric(std::string_view text) {
    return !text.empty() && text.size() < 20 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string login_of(std::string_view id) {
    return fmt::format("user_{}", id);
}
std::string name_of(std::string_view id) {
    return fmt::format("User_{}", id);
}

/// Positions in a list, made opaque and good for one list only.
std::string make_cursor(std::size_t position, std::uint64_t list) {
    return fmt::format("eyJiIjpudWxsLCJh{:016x}{:08x}", position ^ (list & 0xffffffffU), mix(list, position) >> 32U);
}

std::optional<std::size_t> read_cursor(std::string_view text, std::uint64_t list, std::size_t size) {
    for (std::size_t position = 1; position <= size; ++position)
        if (make_cursor(position, list) == text) return position;
    return std::nullopt;
}

/// Where a page begins and how much it holds.
struct Page {
    std::size_t begin = 0;
    std::size_t length = 20;
    std::optional<Reply> refusal;
};

Page read_page(const Query& query, std::uint64_t list, std::size_t size) {
    Page page;
    if (const auto* first = query.find("first")) {
        const auto wanted = parse_integer(*first);
        if (!wanted || *wanted < 1 || *wanted > 100) {
            page.refusal = twitch_error(
                400, !wanted ? "The parameter \"first\" was malformed: the value must be a number"
                     : *wanted < 1
                         ? "The parameter \"first\" was malformed: the value must be greater than or equal to 1"
                         : "The parameter \"first\" was malformed: the value must be less than or equal to 100");
            return page;
        }
        page.length = static_cast<std::size_t>(*wanted);
    }
    if (const auto* after = query.find("after"); after != nullptr && !after->empty()) {
        const auto position = read_cursor(*after, list, size);
        if (!position)
            page.refusal = twitch_error(400, "The parameter \"after\" was malformed: the cursor is invalid");
        else
            page.begin = *position;
    }
    return page;
}

/// `{"data", "pagination"}` of the part of a list of `size` that the page names. The last page of some lists still has
/// a cursor, and what it leads to is empty.
Json render_page(const Page& page, std::uint64_t list, std::size_t size, const std::function<Json(std::size_t)>& item) {
    const auto end = std::min(page.begin + page.length, size);
    Json data = Json::array();
    for (auto i = page.begin; i < end; ++i) data.push_back(item(i));
    Json pagination = Json::object();
    const bool more = end < size || (!data.empty() && list % 3 == 0);
    if (more) pagination["cursor"] = make_cursor(end, list);
    return Json{{"data", std::move(data)}, {"pagination", std::move(pagination)}};
}

Json user(const Account& account) {
    return Json{{"id", account.id},
                {"login", login_of(account.id)},
                {"display_name", name_of(account.id)},
                {"type", ""},
                {"broadcaster_type", account.broadcaster_type},
                {"description", "Simulated channel"},
                {"profile_image_url", "https://static-cdn.example.invalid/p.png"},
                {"offline_image_url", ""},
                {"view_count", 0},
                {"created_at", render_utc_time(midnight(account.zone, account.created), false)}};
}

Reply answer_users(const Call& call, const Token& token) {
    const auto& query = call.request.query;
    std::vector<std::string> ids;
    for (const auto id : query.all("id")) {
        if (!numeric(id)) return twitch_error(400, "The parameter \"id\" was malformed: the value must be numeric");
        ids.emplace_back(id);
    }
    std::size_t asked = ids.size();
    for (const auto login : query.all("login")) {
        ++asked;
        if (login.starts_with("user_") && numeric(login.substr(5))) ids.emplace_back(login.substr(5));
    }
    if (asked > 100) return twitch_error(400, "The number of \"id\" and \"login\" values must not exceed 100");
    if (asked == 0) {
        if (token.account.empty()) return twitch_error(400, "Must provide an ID, Login or OAuth Token");
        ids.push_back(token.account);
    }
    Json data = Json::array();
    for (const auto& id : ids) data.push_back(user(call.world.account(Platform::twitch, id)));
    return json_reply(200, Json{{"data", std::move(data)}});
}

std::string viewer(std::uint64_t list, std::size_t index) {
    return std::to_string(700'000'000 + mix(list, index) % 100'000'000);
}

Reply answer_followers(const Call& call, const Token& token, const Account& account) {
    const auto total = static_cast<std::size_t>(followers(account, call.now));
    const auto list = mix(account.key, hash_text("followers"));
    // Who may not see the list may still see how long it is; a list is not simulated beyond its first thousand.
    const bool visible = token.account == account.id && token.has("moderator:read:followers");
    const auto length = visible ? std::min<std::size_t>(total, 1000) : 0;
    const auto page = read_page(call.request.query, list, length);
    if (page.refusal) return *page.refusal;
    Json body = render_page(page, list, length, [&](std::size_t i) {
        const auto id = viewer(list, i);
        const auto followed = date::floor<std::chrono::hours>(call.now) - std::chrono::hours{i + 1};
        return Json{{"user_id", id},
                    {"user_login", login_of(id)},
                    {"user_name", name_of(id)},
                    {"followed_at", render_utc_time(followed, false)}};
    });
    body["total"] = total;
    return json_reply(200, body);
}

Reply answer_subscriptions(const Call& call, const Token& token, const Account& account) {
    if (token.account != account.id)
        return twitch_error(401, "The ID in broadcaster_id must match the user ID found in the request's OAuth token.");
    if (!token.has("channel:read:subscriptions"))
        return twitch_error(401, account.key % 2 == 0 ? "Missing scope: channel:read:subscriptions"
                                                      : "Missing channel:read:subscriptions scope");
    const auto subscribers = twitch_subscribers(account, call.now);
    const auto list = mix(account.key, hash_text("subscriptions"));
    const auto size = static_cast<std::size_t>(subscribers.total());
    const auto page = read_page(call.request.query, list, size);
    if (page.refusal) return *page.refusal;
    Json body = render_page(page, list, size, [&](std::size_t i) {
        const auto id = viewer(list, i);
        const auto index = static_cast<std::int64_t>(i);
        const auto* tier = index < subscribers.third                        ? "3000"
                           : index < subscribers.third + subscribers.second ? "2000"
                                                                            : "1000";
        return Json{{"broadcaster_id", account.id},
                    {"broadcaster_login", login_of(account.id)},
                    {"broadcaster_name", name_of(account.id)},
                    {"gifter_id", ""},
                    {"gifter_login", ""},
                    {"gifter_name", ""},
                    {"is_gift", false},
                    {"plan_name", fmt::format("Channel Subscription ({})", login_of(account.id))},
                    {"tier", tier},
                    {"user_id", id},
                    {"user_login", login_of(id)},
                    {"user_name", name_of(id)}};
    });
    body["total"] = subscribers.total();
    body["points"] = subscribers.points();
    return json_reply(200, body);
}

Json render_clip(const Account& account, const TwitchClip& clip) {
    const auto creator = viewer(account.key, static_cast<std::size_t>(clip.views));
    return Json{{"id", clip.id},
                {"url", "https://clips.twitch.tv/" + clip.id},
                {"embed_url", "https://clips.twitch.tv/embed?clip=" + clip.id},
                {"broadcaster_id", account.id},
                {"broadcaster_name", name_of(account.id)},
                {"creator_id", creator},
                {"creator_name", name_of(creator)},
                {"video_id", ""},
                {"game_id", "509658"},
                {"language", "en"},
                {"title", "Clip"},
                {"view_count", clip.views},
                {"created_at", render_utc_time(clip.created, false)},
                {"thumbnail_url", "https://static-cdn.example.invalid/c.jpg"},
                {"duration", 28.3},
                {"vod_offset", nullptr},
                {"is_featured", false}};
}

Reply answer_clips(const Call& call, const Account& account) {
    const auto& query = call.request.query;
    auto from = midnight(account.zone, account.created);
    auto to = call.now;
    const auto read = [&](std::string_view name) -> std::optional<Instant> {
        const auto text = query.get(name);
        return text.size() < 20 ? std::nullopt : parse_time(text, account.zone);  // RFC 3339: a date alone is none
    };
    if (query.find("started_at") != nullptr) {
        const auto started = read("started_at");
        if (!started)
            return twitch_error(400, "The parameter \"started_at\" was malformed: the value must be in RFC3339 format");
        from = *started;
        to = from + date::weeks{1};
    }
    if (query.find("ended_at") != nullptr) {
        const auto ended = read("ended_at");
        if (!ended)
            return twitch_error(400, "The parameter \"ended_at\" was malformed: the value must be in RFC3339 format");
        if (query.find("started_at") != nullptr) {  // alone it means nothing
            to = *ended;
            if (to < from) return twitch_error(400, "The parameter \"ended_at\" must not be before \"started_at\"");
        }
    }
    std::vector<TwitchClip> clips;
    const auto last = std::min(to, call.now);
    for (auto day = std::max(account.created, day_of(account.zone, from)); day <= day_of(account.zone, last);
         day += date::days{1})
        for (auto& clip : twitch_clips(call.world, account, day, call.now))
            if (clip.created >= from && clip.created < to) clips.push_back(std::move(clip));
    std::sort(clips.begin(), clips.end(), [](const TwitchClip& a, const TwitchClip& b) {
        return a.views != b.views ? a.views > b.views : a.id < b.id;
    });
    if (clips.size() > kMostClips) clips.resize(kMostClips);

    const auto list = mix(account.key, hash_text(query.render({"first", "after"})));
    const auto page = read_page(query, list, clips.size());
    if (page.refusal) return *page.refusal;
    return json_reply(
        200, render_page(page, list, clips.size(), [&](std::size_t i) { return render_clip(account, clips[i]); }));
}

std::optional<Reply> refuse(const Call& call, const Token& token) {
    if (token.state == TokenState::missing) return twitch_error(401, "OAuth token is missing");
    if (!token.valid_for(Platform::twitch)) return twitch_error(401, "Invalid OAuth token");
    if (call.request.client_id.empty()) return twitch_error(401, "Must provide a valid Client-ID or OAuth token");
    if (call.request.client_id != token.app) return twitch_error(401, "Client ID and OAuth token do not match");
    return std::nullopt;
}

/// The metric that ends with an endpoint when a test removes it.
std::string_view metric_of(std::string_view endpoint) {
    if (endpoint == "channels/followers") return "followers";
    return endpoint == "subscriptions" ? "subscribers" : endpoint;
}

}  // namespace

Reply twitch_error(unsigned status, std::string_view message) {
    std::string_view reason = "Bad Request";
    switch (status) {
        case 401:
            reason = "Unauthorized";
            break;
        case 403:
            reason = "Forbidden";
            break;
        case 404:
            reason = "Not Found";
            break;
        case 410:
            reason = "Gone";
            break;
        case 429:
            reason = "Too Many Requests";
            break;
        default:
            if (status >= 500) reason = "Internal Server Error";
    }
    return json_reply(status, Json{{"error", reason}, {"status", status}, {"message", message}});
}

Reply twitch_throttle(Instant reset) {
    auto reply = twitch_error(429, "Request limit exceeded");
    reply.set("Ratelimit-Limit", "800");
    reply.set("Ratelimit-Remaining", "0");
    reply.set("Ratelimit-Reset", std::to_string(reset.time_since_epoch().count()));
    return reply;
}

Reply answer_twitch(const Call& call) {
    const auto token = read_token(call.request, call.world, false);
    if (auto refusal = refuse(call, token)) return *refusal;
    const auto endpoint = std::string_view{call.request.path}.substr(std::string_view{"/helix/"}.size());
    const bool known =
        endpoint == "users" || endpoint == "channels/followers" || endpoint == "subscriptions" || endpoint == "clips";
    if (!known || call.request.method != "GET") return twitch_error(404, "");
    if (call.world.removed(Platform::twitch, metric_of(endpoint))) return twitch_error(410, "The API is deprecated.");
    if (endpoint == "users") return answer_users(call, token);

    const auto id = call.request.query.get("broadcaster_id");
    if (id.empty()) return twitch_error(400, "Missing required parameter \"broadcaster_id\"");
    if (!numeric(id)) return twitch_error(400, fmt::format("broadcaster_id \"{}\" must be numeric", id));
    const auto account = call.world.account(Platform::twitch, id);
    if (endpoint == "clips") return answer_clips(call, account);
    if (token.account.empty()) return twitch_error(401, "Missing User OAUTH Token");
    return endpoint == "subscriptions" ? answer_subscriptions(call, token, account)
                                       : answer_followers(call, token, account);
}

}  // namespace sim
