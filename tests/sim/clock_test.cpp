// SPDX-License-Identifier: Apache-2.0
// The simulated clock: an offset that a test commands.
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kAsk = "/_sim/oracle?platform=instagram&account=1784&from=2026-11-01&to=2026-11-30";

}  // namespace

TEST_CASE("the simulated now is the real one plus the offset, for answers and oracle") {
    constexpr int kWeek = 7 * 86400;
    TestClient client;
    client.post("/_sim/clock", {{"offset_seconds", kWeek}});
    const auto ahead = client.get(kAsk).body;
    const auto profile = client.get("/v25.0/1784?fields=followers_count", "sim.instagram.1784").body;
    TestClient later;
    later.now += std::chrono::seconds{kWeek};
    CHECK(ahead == later.get(kAsk).body);
    CHECK(profile == later.get("/v25.0/1784?fields=followers_count", "sim.instagram.1784").body);
    CHECK(ahead != TestClient{}.get(kAsk).body);

    client.post("/_sim/clock", {{"offset_seconds", -kWeek}});
    CHECK(client.get(kAsk).body.size() < ahead.size());
    client.post("/_sim/clock", {{"offset_seconds", 0}});
    CHECK(client.get(kAsk).body == TestClient{}.get(kAsk).body);
}

TEST_CASE("reset gives the clock back the offset it began with") {
    Simulator simulator{1, std::chrono::hours{24}};
    const auto now = at("2026-11-20T20:00:00Z");
    const auto body = [&simulator, now](const std::string& method, const std::string& target, const Json& sent) {
        return simulator.answer(make_request(method, target, "h", "", sent.dump()), now).body;
    };
    const auto first = body("GET", kAsk, Json::object());
    TestClient tomorrow;
    tomorrow.now += std::chrono::hours{24};
    CHECK(first == tomorrow.get(kAsk).body);
    body("POST", "/_sim/clock", {{"offset_seconds", 0}});
    CHECK(body("GET", kAsk, Json::object()) == TestClient{}.get(kAsk).body);
    body("POST", "/_sim/reset", Json::object());
    CHECK(body("GET", kAsk, Json::object()) == first);
}

TEST_CASE("an offset that is none is refused") {
    TestClient client;
    client.post("/_sim/clock", Json::object(), 400);
    client.post("/_sim/clock", {{"offset_seconds", "1"}}, 400);
    client.post("/_sim/clock", {{"offset_seconds", 1e12}}, 400);
    client.post("/_sim/clock", {{"offset", 1}}, 400);
}

TEST_CASE("a limit's window ends when the clock is put forward, and does not outlast a clock put back") {
    TestClient client;
    client.post("/_sim/limit", {{"platform", "snapchat"}, {"scope", "app"}, {"requests", 1}, {"seconds", 60}});
    const auto status = [&client] { return client.get("/v1/me", "sim.snapchat.a").status; };
    CHECK(status() == 200);
    CHECK(status() == 429);
    client.post("/_sim/clock", {{"offset_seconds", 60}});
    CHECK(status() == 200);
    CHECK(status() == 429);
    client.post("/_sim/clock", {{"offset_seconds", -3600}});
    CHECK(status() == 200);
    CHECK(status() == 429);
}
