// SPDX-License-Identifier: Apache-2.0
// Helix: who may ask, paging, windows, and that the answers are what the oracle says.
#include "twitch.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace sim;

namespace {

const std::string kId = "555000111";
const std::string kToken = "sim.twitch." + kId;

Json ask(TestClient& client, const std::string& target, unsigned status = 200) {
    const auto reply = client.helix(target, kToken);
    CAPTURE(target);
    CAPTURE(reply.body);
    REQUIRE(reply.status == status);
    return Json::parse(reply.body);
}

void be(TestClient& client, const std::string& type) {
    client.post("/_sim/account", {{"platform", "twitch"}, {"account", kId}, {"broadcaster_type", type}});
}

/// All pages of a window; checks that no clip comes twice and that views never rise.
std::vector<Json> all_clips(TestClient& client, const std::string& window, const std::string& first) {
    std::vector<Json> clips;
    std::set<std::string> seen;
    std::string after;
    for (int page = 0; page < 100; ++page) {
        const auto body = ask(client, "clips?broadcaster_id=" + kId + window + "&first=" + first + after);
        for (const auto& clip : body["data"]) {
            CHECK(seen.insert(clip["id"]).second);
            if (!clips.empty()) CHECK(clip["view_count"] <= clips.back()["view_count"]);
            clips.push_back(clip);
        }
        if (!body["pagination"].contains("cursor")) return clips;
        after = "&after=" + body["pagination"]["cursor"].get<std::string>();
    }
    FAIL("the pages do not end");
    return clips;
}

}  // namespace

TEST_CASE("Helix wants a token and the id of the token's application") {
    TestClient client;
    const auto message = [&](const std::string& token, const std::string& client_id) {
        const auto reply = client.helix("users", token, client_id);
        CHECK(reply.status == 401);
        const auto body = Json::parse(reply.body);
        CHECK(body["error"] == "Unauthorized");
        CHECK(body["status"] == 401);
        return body["message"].get<std::string>();
    };
    CHECK(message("", "sim-app") == "OAuth token is missing");
    CHECK(message("nonsense", "sim-app") == "Invalid OAuth token");
    CHECK(message("expired.twitch." + kId, "sim-app") == "Invalid OAuth token");
    CHECK(message("sim.youtube." + kId, "sim-app") == "Invalid OAuth token");
    CHECK(message(kToken, "") == "Must provide a valid Client-ID or OAuth token");
    CHECK(message(kToken, "another") == "Client ID and OAuth token do not match");
    CHECK(client.helix("users", kToken).status == 200);
    CHECK(client.helix("users/follows", kToken).status == 404);
}

TEST_CASE("users are asked by id, by login, or are the token's own") {
    TestClient client;
    CHECK(ask(client, "users")["data"][0]["id"] == kId);
    const auto two = ask(client, "users?id=1&login=user_2&login=somebody")["data"];
    REQUIRE(two.size() == 2);
    CHECK(two[0]["id"] == "1");
    CHECK(two[1]["id"] == "2");
    CHECK(ask(client, "users?id=x", 400)["error"] == "Bad Request");
    std::string many = "users?id=1";
    for (int i = 0; i < 100; ++i) many += "&id=2";
    ask(client, many, 400);
    be(client, "partner");
    CHECK(ask(client, "users")["data"][0]["broadcaster_type"] == "partner");
}

TEST_CASE("followers and subscribers are what the oracle says, and only who can have subscribers has them") {
    TestClient client;
    be(client, "affiliate");
    client.post("/_sim/account", {{"platform", "twitch"}, {"account", kId}, {"followers", 20000}});
    auto rows = client.oracle("twitch", kId, "2026-11-20", "2026-11-20");
    const auto followers = ask(client, "channels/followers?first=1&broadcaster_id=" + kId);
    CHECK(followers["total"] == rows.at("followers@2026-11-20"));
    CHECK(followers["data"].size() == 1);
    const auto subscriptions = ask(client, "subscriptions?first=100&broadcaster_id=" + kId);
    CHECK(subscriptions["total"] == rows.at("subscribers@2026-11-20"));
    CHECK(subscriptions["points"] == rows.at("subscriber_points@2026-11-20"));
    CHECK(subscriptions["points"] > subscriptions["total"]);

    be(client, "");
    rows = client.oracle("twitch", kId, "2026-11-20", "2026-11-20");
    CHECK(!rows.contains("subscribers@2026-11-20"));
    CHECK(!rows.contains("subscriber_points@2026-11-20"));
    CHECK(rows.contains("followers@2026-11-20"));
    CHECK(client.helix("subscriptions?broadcaster_id=" + kId, kToken).body ==
          R"({"data":[],"pagination":{},"total":0,"points":0})");
    client.post("/_sim/account", {{"platform", "twitch"}, {"account", kId}, {"broadcaster_type", "star"}}, 400);
}

TEST_CASE("points count a tier 2 twice and a tier 3 six times") {
    TestClient client;
    be(client, "partner");
    client.post("/_sim/account", {{"platform", "twitch"}, {"account", kId}, {"followers", 20000}});
    std::int64_t points = 0;
    std::int64_t total = 0;
    std::string after;
    while (true) {
        const auto body = ask(client, "subscriptions?first=100&broadcaster_id=" + kId + after);
        for (const auto& subscription : body["data"]) {
            const auto tier = subscription["tier"].get<std::string>();
            points += tier == "3000" ? 6 : tier == "2000" ? 2 : 1;
            ++total;
        }
        if (!body["pagination"].contains("cursor")) {
            CHECK(body["total"] == total);
            CHECK(body["points"] == points);
            break;
        }
        after = "&after=" + body["pagination"]["cursor"].get<std::string>();
    }
    CHECK(total > 100);
}

TEST_CASE("a foreign broadcaster's subscribers are refused; of his followers only the total is shown") {
    TestClient client;
    CHECK(ask(client, "subscriptions?broadcaster_id=9", 401)["message"] ==
          "The ID in broadcaster_id must match the user ID found in the request's OAuth token.");
    const auto followers = ask(client, "channels/followers?broadcaster_id=9");
    CHECK(followers["total"] > 0);
    CHECK(followers["data"].empty());
    CHECK(followers["pagination"].empty());
}

TEST_CASE("clips of each UTC day are as many as the oracle says, over all pages") {
    TestClient client;
    const auto rows = client.oracle("twitch", kId, "2026-10-22", "2026-11-20");
    std::size_t none = 0;
    std::size_t paged = 0;
    for (auto day = on("2026-10-22"); day <= on("2026-11-20"); day += date::days{1}) {
        const auto window =
            "&started_at=" + render_day(day) + "T00:00:00Z&ended_at=" + render_day(day + date::days{1}) + "T00:00:00Z";
        const auto clips = all_clips(client, window, "100");
        CHECK(static_cast<double>(clips.size()) == rows.at("clips@" + render_day(day)));
        for (const auto& clip : clips) CHECK(clip["created_at"].get<std::string>().starts_with(render_day(day)));
        none += clips.empty() ? 1U : 0U;
        paged += clips.size() > 100 ? 1U : 0U;
    }
    CHECK(none > 0);
    CHECK(paged > 0);
    CHECK(all_clips(client, "&started_at=2026-10-22T00:00:00Z", "7").size() ==
          all_clips(client, "&started_at=2026-10-22T00:00:00Z&ended_at=2026-10-29T00:00:00Z", "100").size());
    CHECK(all_clips(client, "&started_at=2025-10-22T00:00:00Z&ended_at=2026-10-29T00:00:00Z", "100").size() == 1000);
}

TEST_CASE("the running day's clips grow, and a restated day has more") {
    TestClient client;
    const auto account = client.simulator.world().account(Platform::twitch, kId);
    auto day = on("2026-11-01");
    while (twitch_clip_count(client.simulator.world(), account, day, client.now) < 20) day += date::days{1};
    const auto clips_at = [&](std::int64_t hours) {
        return twitch_clip_count(client.simulator.world(), account, day,
                                 midnight(account.zone, day) + std::chrono::hours{hours});
    };
    CHECK(clips_at(0) == 0);
    CHECK(clips_at(12) > 0);
    CHECK(clips_at(12) < clips_at(24));
    CHECK(clips_at(24) == clips_at(48));
    const auto before = clips_at(24);
    client.post("/_sim/restate",
                {{"platform", "twitch"}, {"account", kId}, {"metric", "clips"}, {"date", render_day(day)}, {"add", 3}});
    CHECK(clips_at(24) == before + 3);
}

TEST_CASE("what Helix cannot read is refused") {
    TestClient client;
    CHECK(ask(client, "clips", 400)["message"] == "Missing required parameter \"broadcaster_id\"");
    CHECK(ask(client, "clips?broadcaster_id=x", 400)["message"] == "broadcaster_id \"x\" must be numeric");
    CHECK(ask(client, "clips?first=101&broadcaster_id=" + kId, 400)["message"] ==
          "The parameter \"first\" was malformed: the value must be less than or equal to 100");
    ask(client, "clips?first=0&broadcaster_id=" + kId, 400);
    ask(client, "clips?after=nonsense&broadcaster_id=" + kId, 400);
    ask(client, "clips?started_at=2026-11-01&broadcaster_id=" + kId, 400);
    ask(client, "clips?started_at=2026-11-02T00:00:00Z&ended_at=2026-11-01T00:00:00Z&broadcaster_id=" + kId, 400);
    client.post("/_sim/remove-metric", {{"platform", "twitch"}, {"metric", "clips"}});
    CHECK(ask(client, "clips?broadcaster_id=" + kId, 410)["message"] == "The API is deprecated.");
    CHECK(!client.oracle("twitch", kId, "2026-11-01", "2026-11-20").contains("clips@2026-11-01"));
}

TEST_CASE("every answer shows the points left; an empty bucket refuses its user only, and refills") {
    TestClient client;
    const auto remaining = [&client](const std::string& token) {
        return *client.helix("users", token).find("Ratelimit-Remaining");
    };
    CHECK(remaining(kToken) == "799");
    CHECK(*client.helix("clips", kToken).find("Ratelimit-Limit") == "800");  // a 400
    for (int i = 0; i < 798; ++i) client.helix("users", kToken);
    const auto refused = client.helix("users", kToken);
    CHECK(refused.status == 429);
    CHECK(Json::parse(refused.body)["message"] == "Request limit exceeded");
    CHECK(*refused.find("Ratelimit-Reset") ==
          std::to_string((client.now + std::chrono::seconds{60}).time_since_epoch().count()));
    CHECK(remaining("sim.twitch.2") == "799");
    client.now += std::chrono::seconds{30};
    CHECK(remaining(kToken) == "399");
    client.now += std::chrono::seconds{60};
    CHECK(remaining(kToken) == "799");
}
