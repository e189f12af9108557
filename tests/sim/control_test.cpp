// SPDX-License-Identifier: Apache-2.0
// Commands under /_sim/: faults, counters, usage, and what is refused.
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kProfile = "/v25.0/1784?fields=name,followers_count";
const std::string kToken = "sim.instagram.1784";

}  // namespace

TEST_CASE("a fault hits only what it names, and as often as it says") {
    TestClient client;
    client.post("/_sim/fault", {{"kind", "status"},
                                {"platform", "instagram"},
                                {"account", "1784"},
                                {"path", "fields="},
                                {"status", 500},
                                {"count", 2},
                                {"retry_after", 7}});
    CHECK(client.get("/v25.0/1785?fields=name", "sim.instagram.1785").status == 200);
    CHECK(client.get("/v25.0/1784?fields=name", "sim.facebook.1784").status == 200);
    CHECK(client.get("/v25.0/1784", kToken).status == 200);
    const auto hit = client.get(kProfile, kToken);
    CHECK(hit.status == 500);
    CHECK(*hit.find("Retry-After") == "7");
    CHECK(Json::parse(hit.body)["error"]["is_transient"] == true);
    CHECK(client.get(kProfile, kToken).status == 500);
    CHECK(client.get(kProfile, kToken).status == 200);
}

TEST_CASE("faults are deleted one by one or all together") {
    TestClient client;
    const auto remove = [&client](const std::string& target) {
        return client.simulator.answer(make_request("DELETE", target, "h", ""), client.now).status;
    };
    const auto first = client.post("/_sim/fault", {{"kind", "html"}})["id"].get<int>();
    client.post("/_sim/fault", {{"kind", "empty"}});
    CHECK(client.get(kProfile, kToken).content_type.starts_with("text/html"));
    CHECK(remove("/_sim/fault/" + std::to_string(first)) == 200);
    CHECK(remove("/_sim/fault/" + std::to_string(first)) == 404);
    CHECK(client.get(kProfile, kToken).body.empty());
    CHECK(remove("/_sim/fault") == 200);
    CHECK(client.get(kProfile, kToken).status == 200);
    CHECK(!client.get(kProfile, kToken).body.empty());
}

TEST_CASE("each kind of fault spoils the answer in its way") {
    TestClient client;
    const auto hit = [&client](const Json& fault, const std::string& target, const std::string& token) {
        auto once = fault;
        once["count"] = 1;
        client.post("/_sim/fault", once);
        return client.get(target, token);
    };
    CHECK(hit({{"kind", "hang"}}, kProfile, kToken).delivery == Delivery::hang);
    CHECK(hit({{"kind", "cut"}}, kProfile, kToken).delivery == Delivery::cut);
    const auto slow = hit({{"kind", "slow"}, {"slow_ms", 50}}, kProfile, kToken);
    CHECK(slow.delivery == Delivery::slow);
    CHECK(slow.slow_for == std::chrono::milliseconds{50});
    CHECK(!Json::accept(hit({{"kind", "garbage"}}, kProfile, kToken).body));
    CHECK(*hit({{"kind", "wrong_version"}}, kProfile, kToken).find("facebook-api-version") == "v21.0");
    const auto latin1 = hit({{"kind", "latin1"}}, kProfile, kToken).body;
    CHECK(latin1.find(R"("name":")"
                      "\xfc") != std::string::npos);
    CHECK(!Json::accept(latin1));

    const auto instagram = hit({{"kind", "rate_limit"}, {"retry_after", 600}}, kProfile, kToken);
    CHECK(Json::parse(instagram.body)["error"]["code"] == 80002);
    CHECK(Json::parse(*instagram.find("X-Business-Use-Case-Usage"))["1784"][0]["estimated_time_to_regain_access"] ==
          10);
    CHECK(Json::parse(hit({{"kind", "rate_limit"}}, "/v25.0/9?fields=name", "sim.facebook.9").body)["error"]["code"] ==
          80001);
    const auto quota = hit({{"kind", "rate_limit"}}, "/youtube/v3/channels?part=id&mine=true", "sim.youtube.UC1");
    CHECK(quota.status == 403);
    CHECK(Json::parse(quota.body)["error"]["errors"][0]["reason"] == "quotaExceeded");
    const auto snapchat = hit({{"kind", "rate_limit"}}, "/v1/me", "sim.snapchat.a");
    CHECK(snapchat.status == 429);
    CHECK(Json::parse(snapchat.body)["msg"] == "Rate limit exceeded");
}

TEST_CASE("a commanded error is answered to the letter") {
    TestClient client;
    const Json error{{"error", {{"message", "(#10) no"}, {"type", "OAuthException"}, {"code", 10}}}};
    client.post("/_sim/error", {{"platform", "instagram"},
                                {"account", "1784"},
                                {"path", "fields="},
                                {"status", 403},
                                {"body", error},
                                {"headers", {{"X-App-Usage", "{}"}, {"Retry-After", "9"}}},
                                {"count", 2}});
    CHECK(client.get("/v25.0/1785?fields=name", "sim.instagram.1785").status == 200);
    CHECK(client.get("/v25.0/1784?fields=name", "sim.facebook.1784").status == 200);
    CHECK(client.get("/v25.0/1784", kToken).status == 200);
    const auto hit = client.get(kProfile, kToken);
    CHECK(hit.status == 403);
    CHECK(hit.body == error.dump());
    CHECK(hit.content_type.starts_with("application/json"));
    CHECK(*hit.find("Retry-After") == "9");
    CHECK(*hit.find("X-App-Usage") == "{}");
    CHECK(hit.find("facebook-api-version") == nullptr);
    CHECK(client.get(kProfile, kToken).status == 403);
    CHECK(client.get(kProfile, kToken).status == 200);

    const auto id = client.post(
        "/_sim/error",
        {{"status", 502}, {"body", "<h1>Bad Gateway</h1>"}, {"headers", {{"Content-Type", "text/html"}}}})["id"];
    const auto text = client.get("/v1/me", "sim.snapchat.a");
    CHECK(text.status == 502);
    CHECK(text.body == "<h1>Bad Gateway</h1>");
    CHECK(text.content_type == "text/html");
    const auto target = "/_sim/fault/" + id.dump();
    CHECK(client.simulator.answer(make_request("DELETE", target, "h", ""), client.now).status == 200);
    CHECK(client.get("/v1/me", "sim.snapchat.a").status == 200);

    client.post("/_sim/error", {{"status", 500}}, 400);
    client.post("/_sim/error", {{"body", "x"}}, 400);
    client.post("/_sim/error", {{"status", 99}, {"body", "x"}}, 400);
    client.post("/_sim/error", {{"status", 500}, {"body", "x"}, {"headers", {{"A", 1}}}}, 400);
    client.post("/_sim/error", {{"status", 500}, {"body", "x"}, {"probability", 1}}, 400);
}

TEST_CASE("a probability hits some and spares some") {
    TestClient client;
    client.post("/_sim/fault", {{"kind", "status"}, {"probability", 0.5}});
    int hits = 0;
    for (int i = 0; i < 200; ++i) hits += client.get(kProfile, kToken).status == 503 ? 1 : 0;
    CHECK(hits > 60);
    CHECK(hits < 140);
}

TEST_CASE("counters count by platform and status, and reset forgets everything") {
    TestClient client;
    client.get(kProfile, kToken);
    client.get("/v1/me", "expired.snapchat.a");
    client.get("/v25.0/1", "nonsense");
    auto stats = client.get_json("/_sim/stats");
    CHECK(stats["requests"] == 3);
    CHECK(stats["by_platform"]["instagram"] == 1);
    CHECK(stats["by_platform"]["snapchat"] == 1);
    CHECK(stats["by_platform"]["other"] == 1);
    CHECK(stats["by_status"]["401"] == 1);
    client.post("/_sim/revoke", {{"platform", "instagram"}, {"account", "1784"}});
    client.post("/_sim/fault", {{"kind", "empty"}});
    client.post("/_sim/reset", Json::object());
    CHECK(client.get_json("/_sim/stats")["requests"] == 0);
    CHECK(client.get(kProfile, kToken).status == 200);
}

TEST_CASE("a commanded usage is in every Graph answer; else the headers come now and then") {
    TestClient client;
    int shown = 0;
    for (int i = 0; i < 200; ++i) {
        const auto reply = client.get(kProfile, kToken);
        shown += reply.find("X-Business-Use-Case-Usage") != nullptr || reply.find("X-App-Usage") != nullptr ? 1 : 0;
    }
    CHECK(shown > 60);
    CHECK(shown < 140);
    client.post("/_sim/usage", {{"platform", "instagram"}, {"percent", 96}, {"regain_minutes", 5}});
    const auto usage = Json::parse(*client.get(kProfile, kToken).find("X-Business-Use-Case-Usage"))["1784"][0];
    CHECK(usage["call_count"] == 96);
    CHECK(usage["estimated_time_to_regain_access"] == 5);
}

TEST_CASE("commands that make no sense are refused") {
    TestClient client;
    client.post("/_sim/fault", {{"kind", "earthquake"}}, 400);
    client.post("/_sim/fault", {{"kind", "status"}, {"statsu", 500}}, 400);
    client.post("/_sim/fault", {{"kind", "status"}, {"probability", 2}}, 400);
    client.post("/_sim/account", {{"platform", "snapchat"}, {"account", "a"}, {"timezone", "Mars/Olympus"}}, 400);
    client.post("/_sim/account", {{"platform", "friendster"}, {"account", "a"}}, 400);
    client.post("/_sim/restate",
                {{"platform", "instagram"}, {"account", "a"}, {"metric", "views"}, {"date", "soon"}, {"add", 1}}, 400);
    client.post("/_sim/nothing", Json::object(), 404);
    client.post("/_sim/revoke", Json::array(), 400);
    CHECK(client.get("/_sim/oracle?platform=instagram&account=a&from=2026-11-01&to=x").status == 400);
    CHECK(client.get("/_sim/oracle?platform=instagram&from=2026-11-01&to=2026-11-02").status == 400);
}

TEST_CASE("the oracle of an earlier moment holds less") {
    TestClient client;
    const std::string ask = "/_sim/oracle?platform=instagram&account=1784&from=2026-11-01&to=2026-11-20";
    const auto now = client.get(ask).body;
    const auto then = client.get(ask + "&at=2026-11-10T12:00:00Z").body;
    CHECK(then.size() < now.size());
    CHECK(then.find("2026-11-12") == std::string::npos);
    CHECK(now.find("2026-11-12") != std::string::npos);
}
