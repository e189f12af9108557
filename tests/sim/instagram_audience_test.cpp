// SPDX-License-Identifier: Apache-2.0
// Instagram: who the audience is and when it is there, and the form of Instagram Login.
#include "instagram.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kPeople = "metric=follower_demographics&period=lifetime&metric_type=total_value";

std::string insights(const std::string& id, const std::string& query) {
    return "/v25.0/" + id + "/insights?" + query;
}

std::string refusal(TestClient& client, const std::string& query) {
    const auto reply = client.get(insights("178414", query), "sim.instagram.178414");
    CHECK(reply.status >= 400);
    const auto error = Json::parse(reply.body)["error"];
    return std::to_string(error["code"].get<int>()) + " " + error["message"].get<std::string>();
}

/// The windows of a day, and of the day `extra` seconds longer.
std::string day_window(Day day, int extra = 0) {
    const auto since = midnight(pacific(), day).time_since_epoch().count() + 1;
    const auto until = midnight(pacific(), day + date::days{1}).time_since_epoch().count() + extra;
    return "&since=" + std::to_string(since) + "&until=" + std::to_string(until);
}

}  // namespace

TEST_CASE("demographics need their timeframe, their type and a known breakdown") {
    TestClient client;
    CHECK(refusal(client, kPeople + "&breakdown=age") ==
          "100 (#100) timeframe must be one of the following values: this_week, this_month");
    CHECK(refusal(client, kPeople + "&breakdown=age&timeframe=last_30_days") ==
          "100 (#100) timeframe must be one of the following values: this_week, this_month");
    CHECK(refusal(client, "metric=follower_demographics&period=lifetime&timeframe=this_month&breakdown=age") ==
          "100 (#100) The following metrics (follower_demographics) should be specified with parameter "
          "metric_type=total_value");
    CHECK(refusal(client, "metric=follower_demographics&period=day&metric_type=total_value&timeframe=this_month")
              .find("is incompatible with the period (day)") != std::string::npos);
    for (const std::string wrong : {"", "&breakdown=locale", "&breakdown=age,country", "&breakdown=gender,age"})
        CHECK_MESSAGE(
            refusal(client, kPeople + "&timeframe=this_month" + wrong).find("An unknown error has occurred") !=
                std::string::npos,
            wrong);
    CHECK(refusal(client, "metric=follower_demographics,online_followers&period=lifetime").starts_with("100 (#100) "));
}

TEST_CASE("an audience is answered with the strongest forty-five categories, with or without the timeframe in front") {
    TestClient client;
    bool with = false;
    bool without = false;
    std::size_t most = 0;
    for (int i = 0; i < 12; ++i) {
        const auto id = "aud" + std::to_string(i);
        for (const std::string dimension : {"city", "country", "gender"}) {
            const auto entry = client.get_json(insights(id, kPeople + "&timeframe=this_month&breakdown=" + dimension),
                                               "sim.instagram." + id)["data"][0];
            const auto& breakdown = entry["total_value"]["breakdowns"][0];
            CHECK(!entry["total_value"].contains("value"));
            const bool front = breakdown["dimension_keys"][0] == "timeframe";
            (front ? with : without) = true;
            CHECK(breakdown["dimension_keys"].back() == dimension);
            CHECK(breakdown["results"].size() <= 45);
            most = std::max(most, breakdown["results"].size());
            std::int64_t last = std::numeric_limits<std::int64_t>::max();
            for (const auto& result : breakdown["results"]) {
                CHECK(result["dimension_values"].size() == breakdown["dimension_keys"].size());
                if (front) CHECK(result["dimension_values"][0] == "THIS_MONTH");
                CHECK(result["value"].get<std::int64_t>() > 0);
                CHECK(result["value"].get<std::int64_t>() <= last);
                last = result["value"].get<std::int64_t>();
            }
        }
    }
    CHECK(with);
    CHECK(without);
    CHECK(most == 45);
}

TEST_CASE("of few people nothing is said") {
    TestClient client;
    CHECK(client.get_json(insights("b-small", kPeople + "&timeframe=this_month&breakdown=age"), "sim.instagram.b-small")
              .dump() == R"({"data":[]})");
    // Enough followers, but fewer than a hundred who are engaged: no entry, or one with nothing inside.
    bool hollow = false;
    bool absent = false;
    for (int i = 0; i < 12; ++i) {
        const auto id = "few" + std::to_string(i);
        client.post("/_sim/account", {{"platform", "instagram"}, {"account", id}, {"followers", 300}});
        const auto body = client.get_json(insights(id,
                                                   "metric=engaged_audience_demographics&period=lifetime&metric_type="
                                                   "total_value&timeframe=this_month&breakdown=age"),
                                          "sim.instagram." + id);
        if (body["data"].empty())
            absent = true;
        else
            hollow = !body["data"][0]["total_value"]["breakdowns"][0].contains("results");
        const auto rows = client.oracle("instagram", id, "2026-11-20", "2026-11-20");
        CHECK(rows.count("followers_count@2026-11-20") == 1);
        CHECK(rows.lower_bound("engaged_audience") == rows.lower_bound("engaged_audience_z"));
        CHECK(rows.lower_bound("follower_demographics") != rows.lower_bound("follower_demographics_z"));
    }
    CHECK(hollow);
    CHECK(absent);
}

TEST_CASE("reached_audience_demographics is there only where a test says so") {
    TestClient client;
    const std::string ask =
        "metric=reached_audience_demographics&period=lifetime&metric_type=total_value&timeframe=this_month&breakdown="
        "gender";
    const auto refused = refusal(client, ask);
    CHECK(refused.starts_with("100 (#100) metric[0] must be one of the following values: reach, "));
    CHECK(refused.find("reached_audience") == std::string::npos);
    const auto rows = [&client] {
        const auto all = client.oracle("instagram", "178414", "2026-11-20", "2026-11-20");
        return std::distance(all.lower_bound("reached_audience"), all.lower_bound("reached_audience_z"));
    };
    CHECK(rows() == 0);
    client.post("/_sim/account", {{"platform", "instagram"},
                                  {"account", "178414"},
                                  {"followers", 50000},
                                  {"reached_audience_demographics", true}});
    CHECK(client.get_json(insights("178414", ask), "sim.instagram.178414")["data"].size() == 1);
    CHECK(rows() > 0);
    client.post("/_sim/account",
                {{"platform", "instagram"}, {"account", "178414"}, {"reached_audience_demographics", 1}}, 400);
}

TEST_CASE("online_followers is asked for one day of the last thirty, and some days are empty") {
    TestClient client;
    const std::string ask = "metric=online_followers&period=lifetime";
    CHECK(refusal(client, ask + day_window(on("2026-10-20"))).find("last 30 days excluding the current day") !=
          std::string::npos);
    CHECK(client.get(insights("178414", ask + day_window(on("2026-10-21"))), "sim.instagram.178414").status == 200);
    CHECK(refusal(client, ask + day_window(on("2026-11-10"), 86400)).starts_with("100 (#100) (online_followers)"));
    CHECK(client.get(insights("178414", ask + day_window(on("2026-11-01"))), "sim.instagram.178414").status == 200);
    CHECK(refusal(client, "metric=online_followers&period=day").find("incompatible with the period") !=
          std::string::npos);
    CHECK(refusal(client, ask + "&metric_type=total_value").find("incompatible with the metric type") !=
          std::string::npos);
    int full = 0;
    int empty = 0;
    for (auto day = on("2026-10-21"); day <= on("2026-11-18"); day += date::days{1}) {
        const auto body = client.get_json(insights("178414", ask + day_window(day)), "sim.instagram.178414");
        for (const auto& entry : body["data"]) {
            REQUIRE(entry["values"].size() == 1);
            const auto& hours = entry["values"][0]["value"];
            REQUIRE(hours.is_object());
            CHECK((hours.empty() || (hours.size() == 24 && hours.contains("0") && hours.contains("23"))));
            ++(hours.empty() ? empty : full);
        }
    }
    CHECK(full > 5);
    CHECK(empty > 3);
    CHECK(client.get_json(insights("b-small", ask + day_window(on("2026-11-10"))), "sim.instagram.b-small").dump() ==
          R"({"data":[]})");
}

TEST_CASE("Instagram Login asks for `me`, where the id is the app's own") {
    TestClient client;
    client.host = "graph.instagram.com";
    const auto me = client.get_json("/v25.0/me?fields=user_id,username,followers_count", "sim.instagram.178414");
    CHECK(me["user_id"] == "178414");
    CHECK(me["id"] != "178414");
    CHECK(me["followers_count"] ==
          client.get_json("/v25.0/178414?fields=followers_count", "sim.instagram.178414")["followers_count"]);
    const auto query = "insights?metric=reach&period=day" + day_window(on("2026-11-10"));
    const auto mine = client.get_json("/v25.0/me/" + query, "sim.instagram.178414");
    CHECK(mine["data"] == client.get_json("/v25.0/178414/" + query, "sim.instagram.178414")["data"]);
    CHECK(mine["paging"]["next"].get<std::string>().starts_with("https://graph.instagram.com/v25.0/me/insights?"));
}
