// SPDX-License-Identifier: Apache-2.0
// Facebook: windows, tokens, strict errors, and the oracle against the answers.
#include "facebook.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <optional>

using namespace sim;

namespace {

const std::string kToken = "sim.facebook.777";
const std::string kInsights = "/v25.0/777/insights?";

std::string window(Day first, Day last) {
    return "&since=" + std::to_string(midnight(pacific(), first).time_since_epoch().count()) +
           "&until=" + std::to_string(midnight(pacific(), last + date::days{1}).time_since_epoch().count());
}

std::string lower(std::string text) {
    for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
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

TEST_CASE("earnings are for monetised pages alone") {
    TestClient client;
    const auto day = window(on("2026-11-10"), on("2026-11-10"));
    const std::string earnings = "metric=content_monetization_earnings&period=day" + day;
    const std::string approximate = "metric=monetization_approximate_earnings&period=day" + day;
    CHECK(refusal(client, earnings).starts_with("200/0 (#200)"));
    CHECK(refusal(client, approximate).starts_with("200/0 (#200)"));
    const auto row = [&client](const std::string& metric) {
        const auto rows = client.oracle("facebook", "777", "2026-11-10", "2026-11-10");
        const auto found = rows.find(metric + "@2026-11-10");
        return found == rows.end() ? std::optional<double>{} : found->second;
    };
    CHECK(!row("content_monetization_earnings"));
    client.post("/_sim/account",
                {{"platform", "facebook"}, {"account", "777"}, {"monetised", true}, {"currency", "BRL"}});
    const auto value = client.get_json(kInsights + earnings, kToken)["data"][0]["values"][0]["value"];
    CHECK(value["currency"] == "BRL");
    CHECK(value["microAmount"] == row("content_monetization_earnings"));
    const auto number = client.get_json(kInsights + approximate, kToken)["data"][0]["values"][0]["value"];
    CHECK(number.is_number_float());
    CHECK(number == row("monetization_approximate_earnings"));
}

TEST_CASE("followers by place are a state of now, and only lifetime") {
    TestClient client;
    const auto places = [&client](const std::string& rest) {
        return client.get_json(kInsights + "metric=page_follows_country,page_follows_city" + rest, kToken)["data"];
    };
    const auto now = places("&period=lifetime");
    REQUIRE(now.size() == 2);
    for (const auto& entry : now) {
        CHECK(entry["period"] == "lifetime");
        REQUIRE(entry["values"].size() == 1);
        CHECK(!entry["values"][0].contains("end_time"));
        std::int64_t sum = 0;
        for (const auto& [place, number] : entry["values"][0]["value"].items()) {
            CHECK(number.get<std::int64_t>() > 0);
            sum += number.get<std::int64_t>();
        }
        CHECK(sum == client.get_json("/v25.0/777?fields=followers_count", kToken)["followers_count"]);
    }
    CHECK(places("&period=lifetime" + window(on("2026-10-01"), on("2026-10-02")))[0]["values"] == now[0]["values"]);
    CHECK(refusal(client, "metric=page_follows_country&period=day").starts_with("100/0"));
    CHECK(client.get_json("/v25.0/p-small/insights?metric=page_follows_city&period=lifetime", "sim.facebook.p-small")
              .dump() == R"({"data":[]})");
}

TEST_CASE("metrics that Facebook has removed are refused") {
    TestClient client;
    for (const std::string name : {"page_impressions",
                                   "page_impressions_unique",
                                   "page_posts_impressions",
                                   "page_posts_served_impressions_organic_unique",
                                   "page_engaged_users",
                                   "page_fans",
                                   "page_fans_country",
                                   "page_fans_online",
                                   "page_fan_adds",
                                   "page_fan_adds_unique",
                                   "page_fan_removes",
                                   "page_negative_feedback",
                                   "page_positive_feedback_by_type",
                                   "page_consumptions",
                                   "page_content_activity",
                                   "page_cta_clicks_logged_in_total",
                                   "page_website_clicks_logged_in_unique",
                                   "page_call_phone_clicks_logged_in_unique",
                                   "page_get_directions_clicks_logged_in_unique",
                                   "page_places_checkin_total",
                                   "page_tab_views_login_top",
                                   "page_views_logged_in_total",
                                   "page_views_unique",
                                   "page_video_views_10s",
                                   "page_video_views_unique"})
        CHECK_MESSAGE(refusal(client, "metric=page_follows," + name + "&period=day") ==
                          "100/0 (#100) The value must be a valid insights metric",
                      name);
}

TEST_CASE("what Facebook answers is what the oracle says") {
    TestClient client;
    client.now = at("2026-11-20T14:00:00Z");
    client.post("/_sim/account", {{"platform", "facebook"}, {"account", "777"}, {"monetised", true}});
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
                if (value["value"].is_object() && value["value"].contains("microAmount"))
                    collected[name + "@" + day] = value["value"]["microAmount"].get<double>();
                else if (!value["value"].is_object())
                    collected[name + "@" + day] = value["value"].get<double>();
                else
                    for (const auto& [kind, number] : value["value"].items())
                        collected[name + "." + kind + "@" + day] = number.get<double>();
            }
    };
    std::string names;
    for (const auto& metric : facebook_metrics())
        if (metric.kind != FacebookKind::places) names += (names.empty() ? "" : ",") + std::string{metric.name};
    collect(names, "");
    collect("page_media_view&breakdown=is_from_ads", "is_from_ads");
    collect("page_media_view&breakdown=is_from_followers", "is_from_followers");
    const auto places =
        client.get_json(kInsights + "metric=page_follows_country,page_follows_city&period=lifetime", kToken);
    for (const auto& entry : places["data"])
        for (const auto& [place, number] : entry["values"][0]["value"].items())
            collected[entry["name"].get<std::string>() + "." + lower(place) + "@2026-11-20"] = number.get<double>();
    const auto page = client.get_json("/v25.0/777?fields=followers_count,fan_count", kToken);
    for (const std::string name : {"followers_count", "fan_count"})
        collected[name + "@2026-11-20"] = page[name].get<double>();
    CHECK(collected.size() > 3000);
    CHECK(collected.count("page_video_views_by_paid_non_paid.unpaid@2026-11-10") == 1);
    CHECK(collected.count("page_follows_country.pt@2026-11-20") == 1);
    CHECK(collected == client.oracle("facebook", "777", "2026-09-01", "2026-11-20"));
}
