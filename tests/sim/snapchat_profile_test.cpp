// SPDX-License-Identifier: Apache-2.0
// Snapchat's public profiles: strict parameters, the allowlist, texts for numbers, and the oracle against the answers.
#include "snapchat_profile.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kToken = "sim.snapchat_profile.pp1";
const std::string kProfile = "/v1/public_profiles/pp1";
const std::string kDaily = kProfile + "/stats?assetType=PROFILE&granularity=DAY";
const std::string kEvery =
    "&fields=SUBSCRIBERS,SUBSCRIBERS_GAINED,VIEWS,VIEWERS,STORY_VIEWS,SHARES,INTERACTIONS,AVG_VIEW_TIME_MILLIS";

std::string range(const std::string& first, const std::string& end) {
    return "&startTime=" + first + "T00:00:00.000Z&endTime=" + end + "T00:00:00.000Z";
}

std::string refusal(TestClient& client, const std::string& target, unsigned status = 400) {
    const auto body = client.get_json(target, kToken, status);
    CHECK(body["request_status"] == "ERROR");
    return body.value("error_code", std::string{"-"}) + " " + body["debug_message"].get<std::string>();
}

std::map<std::string, double> collect(TestClient& client, const std::string& target) {
    std::map<std::string, double> out;
    const auto body = client.get_json(target, kToken);
    CHECK(body["assets"].size() == 1);
    for (const auto& element : body["assets"][0]["timeseries"])
        for (const auto& field : element["fields"]) {
            REQUIRE(field["stats"][0]["dimension_breakdown"] == "DEFAULT");
            out[field["field"]["field_name"].get<std::string>() + "@" +
                element["start_time"].get<std::string>().substr(0, 10)] =
                std::stod(field["stats"][0]["value"].get<std::string>());
        }
    return out;
}

}  // namespace

TEST_CASE("a profile's statistics are refused for what is not exactly right") {
    TestClient client;  // it is 2026-11-20
    const auto week = range("2026-11-01", "2026-11-08");
    CHECK(client.get(kDaily + week + kEvery, kToken).status == 200);
    CHECK(refusal(client, kDaily + week + "&fields=VIEWS,SPOTLIGHT_VIEWS") ==
          "E1008 Unsupported Stats Query: Field 'SPOTLIGHT_VIEWS' is not available for asset type PROFILE.");
    CHECK(refusal(client, kDaily + week + "&fields=views").starts_with("E1008 "));
    CHECK(refusal(client, kDaily + week).starts_with("- Invalid query parameters in request URL: [Missing fields"));
    CHECK(refusal(client, kDaily + "&start_time=2026-11-01&end_time=2026-11-08&fields=VIEWS") ==
          "- Invalid query parameters in request URL: [Unknown Parameter, start_time]");
    CHECK(refusal(client, kDaily + "&fields=VIEWS").find("Missing startTime") != std::string::npos);
    CHECK(refusal(client, kDaily + "&fields=VIEWS&startTime=2026-11-01&endTime=2026-11-08T00:00:00")
              .find("[Invalid startTime, 2026-11-01]") != std::string::npos);
    CHECK(refusal(client, kDaily + "&fields=VIEWS&startTime=2026-11-01T00:00:00&endTime=2026-11-08T07:00:00")
              .find("Invalid endTime") != std::string::npos);
    CHECK(client.get(kDaily + "&fields=VIEWS&startTime=2026-11-01T00:00:00&endTime=2026-11-08T00:00:00Z", kToken)
              .status == 200);
    CHECK(refusal(client, kDaily + range("2026-11-08", "2026-11-08") + "&fields=VIEWS").starts_with("E1008 "));
    CHECK(refusal(client, kDaily + range("2026-11-18", "2026-11-21") + "&fields=VIEWS") ==
          "E3002 endTime should not be in the future");
    CHECK(client.get(kDaily + range("2026-11-18", "2026-11-20") + "&fields=VIEWS", kToken).status == 200);
    CHECK(refusal(client, kDaily + range("2026-08-21", "2026-11-20") + "&fields=VIEWS") ==
          "E3002 The date range should be within the past 90 days");
    CHECK(client.get(kDaily + range("2026-08-22", "2026-11-20") + "&fields=VIEWS", kToken).status == 200);
    CHECK(refusal(client, kProfile + "/stats?granularity=HOUR&fields=VIEWS" + week).find("Invalid granularity") !=
          std::string::npos);
    CHECK(refusal(client, kProfile + "/stats?assetType=PAGE&granularity=DAY&fields=VIEWS" + week)
              .find("Invalid assetType") != std::string::npos);
    CHECK(
        refusal(client, kProfile + "/stats?assetType=STORY&granularity=DAY&fields=VIEWS" + week).starts_with("E1008 "));
    CHECK(refusal(client, kProfile + "/posts", 404).starts_with("E3003 "));
}

TEST_CASE("only an enabled client with a token of the profile gets in") {
    TestClient client;
    CHECK(client.get(kProfile, "sim.snapchat.pp1").status == 401);
    CHECK(client.get(kProfile, "expired.snapchat_profile.pp1").status == 401);
    CHECK(client.get("/v1/adaccounts/pp1", kToken).status == 401);
    CHECK(refusal(client, "/v1/public_profiles/pp2", 403).find("[READ_PUBLIC_PROFILE]") != std::string::npos);
    client.post("/_sim/account", {{"platform", "snapchat_profile"}, {"account", "pp1"}, {"enabled", false}});
    CHECK(refusal(client, kProfile, 403).find("AUTHORIZATION_PERMISSION_DENIED") != std::string::npos);
    CHECK(refusal(client, kDaily, 403).find("AUTHORIZATION_PERMISSION_DENIED") != std::string::npos);
    client.post("/_sim/account", {{"platform", "snapchat_profile"}, {"account", "pp1"}, {"enabled", true}});
    CHECK(client.get_json("/v1/public_profiles/my_profile", kToken)["public_profile"]["id"] == "pp1");
}

TEST_CASE("a profile's counters are texts, and either may be absent") {
    TestClient client;
    int subscribers = 0;
    int spotlights = 0;
    for (int i = 0; i < 24; ++i) {
        const auto id = "p" + std::to_string(i) + (i % 4 == 0 ? "-small" : "");
        const auto profile =
            client.get_json("/v1/public_profiles/" + id, "sim.snapchat_profile." + id)["public_profile"];
        for (const std::string name : {"subscriber_count", "spotlight_views"})
            if (profile.contains(name)) CHECK(profile[name].is_string());
        subscribers += profile.contains("subscriber_count") ? 1 : 0;
        spotlights += profile.contains("spotlight_views") ? 1 : 0;
    }
    CHECK(subscribers == 18);
    CHECK(spotlights > 9);
    CHECK(spotlights < 24);
}

TEST_CASE("the sum over days is the total, but not for people and levels") {
    TestClient client;
    const auto week = range("2026-11-01", "2026-11-08");
    const auto days = collect(client, kDaily + week + kEvery);
    const auto total = collect(client, kProfile + "/stats?granularity=TOTAL" + week + kEvery);
    const auto sum = [&days](const std::string& name) {
        double out = 0;
        for (const auto& [key, value] : days)
            if (key.starts_with(name + "@")) out += value;
        return out;
    };
    CHECK(days.size() == 8 * 7);
    CHECK(total.at("VIEWS@2026-11-01") == sum("VIEWS"));
    CHECK(total.at("VIEWERS@2026-11-01") < sum("VIEWERS"));
    CHECK(total.at("SUBSCRIBERS@2026-11-01") == days.at("SUBSCRIBERS@2026-11-07"));
    CHECK(collect(client, kProfile + "/stats?fields=VIEWS").begin()->second > total.at("VIEWS@2026-11-01"));
}

TEST_CASE("what a profile answers is what the oracle says") {
    TestClient client;
    client.now = at("2026-11-20T00:20:00Z");
    client.post("/_sim/restate", {{"platform", "snapchat_profile"},
                                  {"account", "pp1"},
                                  {"metric", "VIEWS"},
                                  {"date", "2026-11-19"},
                                  {"add", 5000}});
    auto collected = collect(client, kDaily + range("2026-08-22", "2026-11-20") + kEvery);
    CHECK(collected.size() == 8 * 90);
    const auto profile = client.get_json(kProfile, kToken)["public_profile"];
    for (const std::string name : {"subscriber_count", "spotlight_views"})
        if (profile.contains(name)) collected[name + "@2026-11-20"] = std::stod(profile[name].get<std::string>());
    CHECK(collected == client.oracle("snapchat_profile", "pp1", "2026-01-01", "2026-11-20"));
}
