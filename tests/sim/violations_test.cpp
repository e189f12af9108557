// SPDX-License-Identifier: Apache-2.0
// Violations: who called while told to wait, used a refresh token twice or insisted on a dead token.
#include "violations.hpp"
#include "grants.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const std::string kChannels = "/youtube/v3/channels?part=id&mine=true";

/// Asks at instants finer than a second, counted from the client's now.
struct Watched {
    TestClient client;

    Reply ask(milliseconds after, const std::string& target, const std::string& token) {
        return client.simulator.answer(make_request("GET", target, client.host, "Bearer " + token), client.now + after);
    }
    Reply instagram(milliseconds after, const std::string& id = "1784") {
        return ask(after, "/v25.0/" + id + "?fields=name", "sim.instagram." + id);
    }
    void limit(const std::string& platform, const std::string& scope, int requests, int length) {
        client.post("/_sim/limit",
                    {{"platform", platform}, {"scope", scope}, {"requests", requests}, {"seconds", length}});
    }
    Json violations() { return client.get_json("/_sim/violations"); }
    int early() { return violations()["requests_while_told_to_wait"]; }
};

}  // namespace

TEST_CASE("a request while told to wait counts, one in flight or after the wait does not") {
    Watched world;
    world.limit("instagram", "account", 1, 10);
    CHECK(world.instagram(milliseconds{0}).status == 200);
    CHECK(world.instagram(milliseconds{100}).status == 403);  // says one minute: until 60.1 s
    CHECK(world.early() == 0);
    CHECK(world.instagram(milliseconds{350}).status == 403);
    CHECK(world.early() == 0);
    CHECK(world.instagram(milliseconds{400}).status == 403);  // the second refusal gives no further grace
    CHECK(world.early() == 1);
    CHECK(world.instagram(seconds{30}).status == 200);  // the window is over, the stated time is not
    CHECK(world.early() == 2);
    CHECK(world.instagram(milliseconds{500}, "1785").status == 200);
    CHECK(world.early() == 2);
    // The last refusal came at 0.4 s.
    CHECK(world.instagram(milliseconds{60'399}).status == 200);
    CHECK(world.early() == 3);
    CHECK(world.instagram(milliseconds{60'400}).status == 403);
    CHECK(world.early() == 3);
    const auto examples = world.violations()["examples"];
    REQUIRE(examples.size() == 3);
    CHECK(examples[0] ==
          "300 ms after the account was told to wait until 2026-11-20T20:01:00Z: GET /v25.0/1784 (instagram account "
          "'1784')");
}

TEST_CASE("each way of stating a time is read") {
    const Instant now = at("2026-11-20T20:00:00Z");
    Caller caller;
    caller.account = "9";
    const auto until = [&](Platform platform, const Reply& reply) {
        caller.platform = platform;
        caller.dialect = dialect_of(platform);
        const auto told = read_refusal(caller, reply, now);
        REQUIRE(told);
        return date::floor<seconds>(told->until) - now;
    };
    const auto graph = [](int code) { return json_reply(403, Json{{"error", {{"code", code}}}}); };
    auto page = graph(80001);
    page.set("X-Business-Use-Case-Usage", R"({"9":[{"estimated_time_to_regain_access":2},)"
                                          R"({"estimated_time_to_regain_access":7}],"10":[]})");
    page.set("Retry-After", "5");
    CHECK(until(Platform::facebook, page) == minutes{7});
    CHECK(until(Platform::facebook, graph(4)) == seconds{1});
    CHECK(read_refusal(caller, graph(4), now)->scope == LimitScope::app);
    CHECK(read_refusal(caller, graph(17), now)->scope == LimitScope::token);
    CHECK(!read_refusal(caller, graph(190), now));
    CHECK(!read_refusal(caller, json_reply(200, Json::object()), now));

    auto snapchat = json_reply(429, Json::object());
    CHECK(until(Platform::snapchat, snapchat) == seconds{1});
    snapchat.set("Retry-After", "30");
    CHECK(until(Platform::snapchat, snapchat) == seconds{30});
    snapchat.set("Ratelimit-Reset", std::to_string(now.time_since_epoch().count() + 45));
    CHECK(until(Platform::snapchat, snapchat) == seconds{45});

    // 12:00 Pacific: the day ends in twelve hours.
    const auto google = [](unsigned status, const std::string& reason, const std::string& message) {
        return json_reply(status,
                          Json{{"error", {{"message", message}, {"errors", Json::array({{{"reason", reason}}})}}}});
    };
    CHECK(until(Platform::youtube, google(403, "quotaExceeded", "")) == std::chrono::hours{12});
    CHECK(until(Platform::youtube, google(429, "rateLimitExceeded", "limit 'Queries per day'")) ==
          std::chrono::hours{12});
    CHECK(until(Platform::youtube, google(429, "rateLimitExceeded", "limit 'Queries per minute'")) == seconds{1});
    CHECK(!read_refusal(caller, google(403, "forbidden", ""), now));
    CHECK(!read_refusal(caller, json_reply(403, Json::array()), now));
}

TEST_CASE("a refusal of the app holds for every account, of a token for that token") {
    Watched world;
    world.limit("facebook", "app", 1, 60);
    const auto page = [&world](milliseconds after, const std::string& token) {
        return world.ask(after, "/v25.0/9?fields=name", token).status;
    };
    CHECK(page(milliseconds{0}, "sim.facebook.9") == 200);
    CHECK(page(milliseconds{10}, "sim.facebook.9") == 403);
    CHECK(page(milliseconds{500}, "simuser.facebook.9") == 403);
    CHECK(world.early() == 1);
    CHECK(world.instagram(milliseconds{600}).status == 200);
    CHECK(world.early() == 1);
    world.client.post("/_sim/reset", Json::object());
    CHECK(world.early() == 0);
    CHECK(world.violations()["examples"].empty());

    world.limit("facebook", "token", 1, 60);
    CHECK(page(milliseconds{0}, "simuser.facebook.9") == 200);
    CHECK(page(milliseconds{10}, "simuser.facebook.9") == 403);
    CHECK(page(milliseconds{500}, "sim.facebook.9") == 200);
    CHECK(world.early() == 0);
    CHECK(page(milliseconds{500}, "simuser.facebook.9") == 403);
    CHECK(world.early() == 1);
}

TEST_CASE("a quota holds until midnight in California; a fault for one account holds for that account only") {
    Watched world;
    world.client.post("/_sim/fault", {{"kind", "rate_limit"}, {"platform", "youtube"}, {"count", 1}});
    CHECK(world.ask(seconds{0}, kChannels, "sim.youtube.UC1").status == 403);
    CHECK(world.ask(seconds{60}, kChannels, "sim.youtube.UC2").status == 200);
    CHECK(world.early() == 1);
    const auto day_ends = at("2026-11-21T08:00:00Z") - world.client.now;
    CHECK(world.ask(day_ends - seconds{1}, kChannels, "sim.youtube.UC1").status == 200);
    CHECK(world.early() == 2);
    CHECK(world.ask(day_ends, kChannels, "sim.youtube.UC1").status == 200);
    CHECK(world.early() == 2);

    world.client.post("/_sim/reset", Json::object());
    world.client.post("/_sim/fault",
                      {{"kind", "rate_limit"}, {"platform", "youtube"}, {"account", "UC1"}, {"count", 1}});
    CHECK(world.ask(seconds{0}, kChannels, "sim.youtube.UC1").status == 403);
    CHECK(world.ask(seconds{60}, kChannels, "sim.youtube.UC2").status == 200);
    CHECK(world.early() == 0);
    CHECK(world.ask(seconds{60}, kChannels, "sim.youtube.UC1").status == 200);
    CHECK(world.early() == 1);
}

TEST_CASE("a refusal that never reached the client, or not yet, tells nothing") {
    Watched world;
    world.limit("snapchat", "account", 1, 60);
    const auto ask = [&world](milliseconds after) { return world.ask(after, "/v1/me", "sim.snapchat.a"); };
    ask(milliseconds{0});
    world.client.post("/_sim/fault", {{"kind", "cut"}, {"count", 1}});
    CHECK(ask(milliseconds{10}).status == 429);
    world.client.post("/_sim/fault", {{"kind", "html"}, {"count", 1}});
    CHECK(ask(milliseconds{500}).content_type.starts_with("text/html"));
    CHECK(world.early() == 0);
    world.client.simulator.guard().set_latency(milliseconds{1000});
    CHECK(ask(milliseconds{900}).status == 429);  // read at 1.9 s
    CHECK(ask(milliseconds{2100}).status == 429);
    CHECK(world.early() == 0);
    CHECK(ask(milliseconds{2200}).status == 429);
    CHECK(world.early() == 1);
}

TEST_CASE("the fourth request with the same dead token is one too many") {
    Watched world;
    const auto ask = [&world](const std::string& token) { world.ask(seconds{0}, "/v1/me", token); };
    const auto dead = [&world] { return world.violations()["requests_with_dead_token"].get<int>(); };
    for (int i = 0; i < 3; ++i) ask("expired.snapchat.a");
    for (int i = 0; i < 3; ++i) ask("expired.snapchat.b");
    CHECK(dead() == 0);
    ask("expired.snapchat.a");
    ask("expired.snapchat.a");
    CHECK(dead() == 2);
    CHECK(world.violations()["examples"][0] ==
          "request 4 with the same expired token: GET /v1/me (snapchat account 'a')");

    world.client.post("/_sim/revoke", {{"platform", "snapchat"}, {"account", "c"}});
    for (int i = 0; i < 3; ++i) ask("sim.snapchat.c");
    world.client.post("/_sim/unrevoke", {{"platform", "snapchat"}, {"account", "c"}});
    ask("sim.snapchat.c");
    world.client.post("/_sim/revoke", {{"platform", "snapchat"}, {"account", "c"}});
    for (int i = 0; i < 3; ++i) ask("sim.snapchat.c");
    CHECK(dead() == 2);
    ask("sim.snapchat.c");
    CHECK(dead() == 3);
    for (int i = 0; i < 30; ++i) ask("sim.snapchat.c");
    CHECK(world.violations()["examples"].size() == 20);
    world.client.post("/_sim/reset", Json::object());
    CHECK(dead() == 0);
}

TEST_CASE("a refresh token counts as used once its successor reached the client") {
    const World world{1};
    Violations violations;
    const auto now = at("2026-11-20T20:00:00Z");
    const auto refresh = [&](const std::string& used, const std::string& given, Delivery delivery) {
        const auto request = make_request("POST", "/oauth2/token", "h", "",
                                          "grant_type=refresh_token&client_id=sim-app&refresh_token=" + used);
        const Call call{world, request, now, 1};
        violations.arrive(call, Caller{}, now);
        auto reply = json_reply(200, Json{{"access_token", "x"}, {"refresh_token", given}});
        reply.delivery = delivery;
        violations.answered(call, Caller{}, reply, std::nullopt, now, milliseconds{0});
        return violations.show()["refresh_tokens_reused"].get<int>();
    };
    CHECK(refresh("r1", "r1", Delivery::whole) == 0);
    CHECK(refresh("r1", "r2", Delivery::cut) == 0);
    CHECK(refresh("r1", "r2", Delivery::hang) == 0);
    CHECK(refresh("r1", "r2", Delivery::whole) == 0);
    CHECK(refresh("r2", "", Delivery::whole) == 0);
    CHECK(refresh("r1", "r3", Delivery::whole) == 1);
    CHECK(refresh("r2", "", Delivery::whole) == 1);
    CHECK(violations.show()["examples"][0].get<std::string>().find("r1") == std::string::npos);
}

TEST_CASE("a refresh token that was replaced and comes again is a violation; one whose successor got lost is none") {
    Watched world;
    auto& client = world.client;
    const auto reused = [&world] { return world.violations()["refresh_tokens_reused"].get<int>(); };
    const auto refresh = [&client](const std::string& token, unsigned status) {
        return client.form("/oauth2/token",
                           {{"grant_type", "refresh_token"},
                            {"client_id", "sim-app"},
                            {"client_secret", "sim-secret"},
                            {"refresh_token", token}},
                           status);
    };
    const std::string first = client.post("/_sim/grant", {{"platform", "twitch"}, {"account", "555"}})["refresh_token"];
    client.post("/_sim/fault", {{"kind", "status"}, {"platform", "twitch"}, {"count", 1}});
    refresh(first, 503);
    const std::string second = refresh(first, 200)["refresh_token"];
    CHECK(second != first);
    CHECK(reused() == 0);
    refresh(first, 400);
    CHECK(reused() == 1);

    client.post("/_sim/fault", {{"kind", "cut"}, {"platform", "twitch"}, {"count", 1}});
    refresh(second, 200);
    refresh(second, 400);  // it is spent, but nobody could know
    CHECK(reused() == 1);
    CHECK(client.simulator.world().grants().reused_refresh_tokens() == 2);
}
