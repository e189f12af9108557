// SPDX-License-Identifier: Apache-2.0
// Facebook: windows, tokens, strict errors, and the oracle against the answers.
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kToken = "sim.facebook.777";
const std::string kInsights = "/v25.0/777/insights?";

std::string window(Day first, Day last) {
    return "&since=" + std::to_string(midnight(pacific(), first).time_since_epoch().count()) +
           "&until=" + std::to_string(midnight(pacific(), last + date::days{1}).time_since_epoch().count());
}

std::string refusal(TestClient& client, const std::string& query, const std::string& token = kToken) {
    const auto body = client.get(kInsights + query, token);
    CHECK(body.status >= 400);
    const auto error = Json::parse(body.body)["error"];
    return std::to_string(error["code"].get<int>()) + "/" + std::to_string(error.value("error_subcode", 0)) + " " +
           error["message"].get<std::string>();
}

}  // namespace

TEST_CASE("a Facebook window gives the buckets that end after since, up to until") {
    TestClient client;
    client.now = at("2026-11-10T12:00:00Z");
    const auto values =
        client.get_json(kInsights + "metric=page_follows&period=day" + window(on("2026-10-31"), on("2026-11-02")),
                        kToken)["data"][0]["values"];
    REQUIRE(values.size() == 3);
    CHECK(values[0]["end_time"] == "2026-11-01T07:00:00+0000");
    CHECK(values[1]["end_time"] == "2026-11-02T08:00:00+0000");
    CHECK(values[2]["end_time"] == "2026-11-03T08:00:00+0000");
    client.now = at("2027-03-20T12:00:00Z");
    const auto spring =
        client.get_json(kInsights + "metric=page_follows&period=day" + window(on("2027-03-13"), on("2027-03-14")),
                        kToken)["data"][0]["values"];
    REQUIRE(spring.size() == 2);
    CHECK(spring[1]["end_time"] == "2027-03-15T07:00:00+0000");
}

TEST_CASE("Facebook refuses in the documented words") {
    TestClient client;
    const auto day = window(on("2026-11-10"), on("2026-11-10"));
    CHECK(refusal(client, "metric=page_media_view,page_impressions&period=day" + day) ==
          "100/0 (#100) The value must be a valid insights metric");
    CHECK(refusal(client, "period=day" + day).starts_with("3001/1504028"));
    CHECK(refusal(client, "metric=page_media_view&period=day" + window(on("2026-08-01"), on("2026-11-02")))
              .starts_with("100/1504016"));
    CHECK(
        client.get(kInsights + "metric=page_media_view&period=day" + window(on("2026-08-01"), on("2026-10-31")), kToken)
            .status == 200);
    CHECK(refusal(client, "metric=page_media_view&period=lifetime" + day).starts_with("1/99"));
    CHECK(refusal(client, "metric=page_media_view&period=fortnight" + day).starts_with("100/0"));
    CHECK(refusal(client, "metric=page_media_view&period=day&since=x").starts_with("100/0"));
    CHECK(refusal(client, "metric=page_media_view&period=day&since=1794816002&until=1794816001").starts_with("100/0"));
    CHECK(refusal(client, "metric=page_follows&period=day&breakdown=is_from_ads" + day)
              .find("An unknown error has occurred") != std::string::npos);
    CHECK(refusal(client, "metric=content_monetization_earnings&period=day" + day).starts_with("200/0"));
    client.post("/_sim/remove-metric", {{"platform", "facebook"}, {"metric", "page_total_actions"}});
    CHECK(refusal(client, "metric=page_total_actions&period=day" + day).starts_with("100/0"));
    client.post("/_sim/restore-metric", {{"platform", "facebook"}, {"metric", "page_total_actions"}});
    CHECK(client.get(kInsights + "metric=page_total_actions&period=day" + day, kToken).status == 200);
}

TEST_CASE("a user token finds the page's token and may not read insights") {
    TestClient client;
    const std::string user = "simuser.facebook.777";
    CHECK(client.get_json("/v25.0/777?fields=access_token", user)["access_token"] == kToken);
    CHECK(client.get_json("/v25.0/me/accounts?fields=id,name,access_token", user)["data"][0]["access_token"] == kToken);
    CHECK(refusal(client, "metric=page_follows&period=day", user).starts_with("190/2069032"));
    CHECK(client.get_json("/v25.0/778?fields=access_token", user, 400)["error"]["error_subcode"] == 33);
}

TEST_CASE("without a period a metric comes several times, and a small page has no insights") {
    TestClient client;
    const auto body =
        client.get_json(kInsights + "metric=page_media_view" + window(on("2026-11-10"), on("2026-11-10")), kToken);
    REQUIRE(body["data"].size() == 3);
    CHECK(body["data"][1]["period"] == "week");
    CHECK(body["data"][1]["values"][0]["value"] > body["data"][0]["values"][0]["value"]);
    CHECK(client
              .get_json("/v25.0/p-small/insights?metric=page_media_view" + window(on("2026-11-10"), on("2026-11-10")),
                        "sim.facebook.p-small")
              .dump() == R"({"data":[]})");
}

TEST_CASE("a removed property and a restated day are in the oracle too") {
    TestClient client;
    const auto views = [&client] {
        return client.oracle("facebook", "777", "2026-11-10", "2026-11-10").at("page_media_view@2026-11-10");
    };
    const auto before = views();
    client.post("/_sim/restate", {{"platform", "facebook"},
                                  {"account", "777"},
                                  {"metric", "page_media_view"},
                                  {"date", "2026-11-10"},
                                  {"add", 1000}});
    CHECK(views() == before + 1000);
    client.post("/_sim/restate",
                {{"platform", "facebook"},
                 {"account", "777"},
                 {"metric", "page_media_view.is_from_ads.0"},
                 {"date", "2026-11-10"},
                 {"add", 1}},
                400);
    client.post("/_sim/remove-metric", {{"platform", "facebook"}, {"metric", "page_media_view"}});
    CHECK(client.oracle("facebook", "777", "2026-11-10", "2026-11-10").count("page_media_view@2026-11-10") == 0);
}

TEST_CASE("what Facebook answers is what the oracle says") {
    TestClient client;
    client.now = at("2026-11-20T14:00:00Z");
    std::map<std::string, double> collected;
    const auto range = "&period=day" + window(on("2026-09-01"), on("2026-11-20"));
    const auto collect = [&](const std::string& ask, const std::string& dimension) {
        const auto body = client.get_json(kInsights + "metric=" + ask + range, kToken);
        for (const auto& entry : body["data"])
            for (const auto& value : entry["values"]) {
                const auto day =
                    render_day(day_of(pacific(), parse_time(value["end_time"].get<std::string>(), pacific()).value() -
                                                     std::chrono::seconds{1}));
                auto name = entry["name"].get<std::string>();
                if (!dimension.empty()) name += "." + dimension + "." + value[dimension].get<std::string>();
                if (!value["value"].is_object())
                    collected[name + "@" + day] = value["value"].get<double>();
                else
                    for (const auto& [kind, number] : value["value"].items())
                        collected[name + "." + kind + "@" + day] = number.get<double>();
            }
    };
    collect(
        "page_media_view,page_total_media_view_unique,page_post_engagements,page_total_actions,page_views_total,page_"
        "follows,page_daily_follows,"
        "page_daily_follows_unique,page_daily_unfollows_unique,page_video_views,page_video_views_paid,page_video_views_"
        "organic,page_video_view_time,"
        "page_actions_post_reactions_total",
        "");
    collect("page_media_view&breakdown=is_from_ads", "is_from_ads");
    collect("page_media_view&breakdown=is_from_followers", "is_from_followers");
    const auto page = client.get_json("/v25.0/777?fields=followers_count,fan_count", kToken);
    for (const std::string name : {"followers_count", "fan_count"})
        collected[name + "@2026-11-20"] = page[name].get<double>();
    CHECK(collected.size() > 1000);
    CHECK(collected == client.oracle("facebook", "777", "2026-09-01", "2026-11-20"));
}
