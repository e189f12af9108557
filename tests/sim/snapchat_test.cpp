// SPDX-License-Identifier: Apache-2.0
// Snapchat: local days, the account-level rule, paging, and the oracle against the answers.
#include "snapchat.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace sim;

namespace {

const std::string kToken = "sim.snapchat.ad1";
const std::string kStats = "/v1/adaccounts/ad1/stats?granularity=DAY&";

void set_zone(TestClient& client, const std::string& account, const std::string& zone) {
    client.post("/_sim/account",
                {{"platform", "snapchat"}, {"account", account}, {"timezone", zone}, {"currency", "EUR"}});
}

std::string refusal(TestClient& client, const std::string& query, unsigned status = 400) {
    const auto body = client.get_json(kStats + query, kToken, status);
    CHECK(body["request_status"] == "ERROR");
    return body.value("error_code", std::string{"-"}) + " " + body["debug_message"].get<std::string>();
}

/// Follows next_link as a client would, up to a bound that no account reaches.
std::vector<Json> pages(TestClient& client, std::string target, const std::string& token) {
    std::vector<Json> out;
    for (int i = 0; i < 10; ++i) {
        out.push_back(client.get_json(target, token));
        if (!out.back()["paging"].contains("next_link")) return out;
        const auto link = out.back()["paging"]["next_link"].get<std::string>();
        const auto base = "http://" + client.host;
        REQUIRE(link.starts_with(base));
        target = link.substr(base.size());
    }
    FAIL("paging does not end");
    return out;
}

}  // namespace

TEST_CASE("local days of 23 and 25 hours are right") {
    TestClient client;
    set_zone(client, "ad1", "America/Los_Angeles");
    client.now = at("2027-03-20T12:00:00Z");
    const auto rows = [&client](const std::string& from, const std::string& to) {
        const auto stat = client.get_json(kStats + "fields=spend&start_time=" + from + "&end_time=" + to,
                                          kToken)["timeseries_stats"][0]["timeseries_stat"];
        CHECK(stat.contains("finalized_data_end_time"));
        return stat["timeseries"];
    };
    const auto length = [](const Json& row) {
        return parse_time(row["end_time"].get<std::string>(), pacific()).value() -
               parse_time(row["start_time"].get<std::string>(), pacific()).value();
    };
    const auto spring = rows("2027-03-13", "2027-03-16");
    REQUIRE(spring.size() == 3);
    CHECK(length(spring[0]) == std::chrono::hours{24});
    CHECK(length(spring[1]) == std::chrono::hours{23});
    CHECK(spring[1]["start_time"].get<std::string>().starts_with("2027-03-14T00:00:00.000-08"));
    CHECK(spring[1]["end_time"].get<std::string>().starts_with("2027-03-15T00:00:00.000-07"));
    const auto autumn = rows("2026-11-01T00:00:00", "2026-11-02T08:00:00Z");
    REQUIRE(autumn.size() == 1);
    CHECK(length(autumn[0]) == std::chrono::hours{25});
}

TEST_CASE("Snapchat refuses in the documented words") {
    TestClient client;
    set_zone(client, "ad1", "Europe/Berlin");
    const std::string november = "start_time=2026-11-01&end_time=2026-11-04";
    CHECK(refusal(client, "fields=impressions&" + november) ==
          "E1008 Unsupported Stats Query: Only field 'spend' should be used when querying AdAccount stats.");
    CHECK(refusal(client, "fields=spend&start_time=2026-11-01T01:00:00&end_time=2026-11-04")
              .find("start of day (00:00:00)") != std::string::npos);
    CHECK(refusal(client, "fields=spend&start_time=2026-11-04&end_time=2026-11-01") ==
          "E1008 Unsupported Stats Query: End time should be after start time");
    CHECK(refusal(client, "fields=spend&start_time=2026-10-01&end_time=2026-11-02").starts_with("E3002 "));
    CHECK(refusal(client, "fields=spend&start_time=2026-10-01&end_time=2026-11-03").find("more than 32 days") !=
          std::string::npos);
    CHECK(client.get(kStats + "fields=spend&start_time=2026-10-01&end_time=2026-11-01", kToken).status == 200);
    CHECK(refusal(client, "fields=spend&start_time=2026-06-24T00:00:00.000+02:00&end_time=2026-06-25") ==
          "- Invalid query parameters in request URL: [Invalid StartDateTime, 2026-06-24T00:00:00.000 02:00]");
    CHECK(client.get(kStats + "fields=spend&start_time=2026-06-24T00:00:00.000%2B02:00&end_time=2026-06-25", kToken)
              .status == 200);
    CHECK(refusal(client, "breakdown=campaign&fields=impressions,nonsense&" + november).starts_with("E1008 "));
    CHECK(client.get("/v1/adaccounts/ad1/stats?granularity=WEEK", kToken).status == 400);
    CHECK(client.get("/v1/adaccounts/ad2/stats?granularity=DAY", kToken).status == 403);
    const auto expired = client.get(kStats + "fields=spend", "expired.snapchat.ad1");
    CHECK(expired.status == 401);
    REQUIRE(expired.find("WWW-Authenticate") != nullptr);
    CHECK(*expired.find("WWW-Authenticate") ==
          "Bearer error=\"invalid_token\", error_description=\"The access token expired\"");
    CHECK(client.get("/v1/nothing", kToken).status == 404);
}

TEST_CASE("the three forms of a time name the same day") {
    TestClient client;
    set_zone(client, "ad1", "Europe/Berlin");
    const auto spend = [&client](const std::string& range) {
        return client
            .get_json(kStats + "fields=spend&" + range, kToken)["timeseries_stats"][0]["timeseries_stat"]["timeseries"]
            .dump();
    };
    const auto expected = spend("start_time=2026-10-25&end_time=2026-10-26");
    CHECK(expected.find("\"spend\":") != std::string::npos);
    CHECK(spend("start_time=2026-10-25T00:00:00.000%2B02:00&end_time=2026-10-26T00:00:00.000%2B01:00") == expected);
    CHECK(spend("start_time=2026-10-24T22:00:00Z&end_time=2026-10-25T23:00:00Z") == expected);
    CHECK(spend("start_time=2026-10-25T00:00:00&end_time=2026-10-26T00:00:00") == expected);
}

TEST_CASE("breakdowns are paged with a link that leads back, and no page has more than three") {
    TestClient client;
    const World world{1};
    int paged = 0;
    for (int i = 0; i < 12; ++i) {
        const auto id = "many" + std::to_string(i);
        const auto expected = snapchat_campaigns(world.account(Platform::snapchat, id));
        for (const auto& [limit, most] : {std::pair{"", 2U}, std::pair{"&limit=1", 1U}, std::pair{"&limit=1000", 3U}}) {
            const auto all = pages(client,
                                   "/v1/adaccounts/" + id +
                                       "/stats?granularity=DAY&breakdown=campaign&omit_empty=false&fields=impressions&"
                                       "start_time=2026-11-01&end_time=2026-11-04" +
                                       limit,
                                   "sim.snapchat." + id);
            std::set<std::string> ids;
            for (const auto& page : all) {
                const auto& campaigns = page["timeseries_stats"][0]["timeseries_stat"]["breakdown_stats"]["campaign"];
                CHECK(campaigns.size() <= most);
                for (const auto& campaign : campaigns) CHECK(ids.insert(campaign["id"].get<std::string>()).second);
            }
            CHECK(ids.size() == expected);
            paged += all.size() > 1 ? 1 : 0;
        }
    }
    CHECK(paged > 12);
    client.host = "adsapi.snapchat.com";
    const auto page =
        client.get_json("/v1/adaccounts/many0/stats?granularity=DAY&breakdown=campaign&limit=1&fields=impressions",
                        "sim.snapchat.many0");
    CHECK(page["paging"]["next_link"].get<std::string>().starts_with(
        "https://adsapi.snapchat.com/v1/adaccounts/many0/stats?cursor="));
    CHECK(client
              .get("/v1/adaccounts/many0/stats?granularity=DAY&breakdown=campaign&cursor=zz&fields=impressions",
                   "sim.snapchat.many0")
              .status == 400);
}

TEST_CASE("the running day grows by the quarter of an hour") {
    TestClient client;
    set_zone(client, "ad1", "Europe/Berlin");
    const auto spend = [&client](const char* now) {
        client.now = at(now);
        const auto rows =
            client.get_json(kStats + "fields=spend&omit_empty=false&start_time=2026-11-20&end_time=2026-11-21",
                            kToken)["timeseries_stats"][0]["timeseries_stat"]["timeseries"];
        return rows.empty() ? std::int64_t{-1} : rows[0]["stats"]["spend"].get<std::int64_t>();
    };
    CHECK(spend("2026-11-19T23:10:00Z") == -1);
    const auto morning = spend("2026-11-20T08:00:00Z");
    CHECK(morning > 0);
    CHECK(spend("2026-11-20T08:14:59Z") == morning);
    CHECK(spend("2026-11-20T08:15:00Z") > morning);
}

TEST_CASE("hours and the total add up to the day") {
    TestClient client;
    const auto ask = [&client](const std::string& granularity) {
        return client.get_json(
            "/v1/adaccounts/ad1/stats?fields=spend&start_time=2026-11-01&end_time=2026-11-02&granularity=" +
                granularity,
            kToken);
    };
    const auto day =
        ask("DAY")["timeseries_stats"][0]["timeseries_stat"]["timeseries"][0]["stats"]["spend"].get<std::int64_t>();
    CHECK(ask("TOTAL")["total_stats"][0]["total_stat"]["stats"]["spend"].get<std::int64_t>() == day);
    std::int64_t hours = 0;
    const auto hourly = ask("HOUR");
    for (const auto& row : hourly["timeseries_stats"][0]["timeseries_stat"]["timeseries"])
        hours += row["stats"]["spend"].get<std::int64_t>();
    CHECK(hours == day);
    CHECK(client.get_json("/v1/adaccounts/ad1/stats?granularity=LIFETIME",
                          kToken)["lifetime_stats"][0]["lifetime_stat"]["stats"]["spend"] > day);
}

TEST_CASE("an account says its time zone and currency") {
    TestClient client;
    set_zone(client, "ad1", "Asia/Kathmandu");
    const auto account = client.get_json("/v1/adaccounts/ad1", kToken)["adaccounts"][0]["adaccount"];
    CHECK(account["timezone"] == "Asia/Kathmandu");
    CHECK(account["currency"] == "EUR");
    const auto me = client.get_json("/v1/me", kToken)["me"];
    const auto listed =
        client.get_json("/v1/organizations/" + me["organization_id"].get<std::string>() + "/adaccounts", kToken);
    CHECK(listed["adaccounts"][0]["adaccount"]["id"] == "ad1");
}

TEST_CASE("what Snapchat answers is what the oracle says, and spend is the sum of the campaigns") {
    for (const std::string zone : {"America/Los_Angeles", "Asia/Kathmandu", "Australia/Sydney"}) {
        TestClient client;
        set_zone(client, "ad1", zone);
        client.now = at("2026-11-20T13:40:00Z");
        const auto collect = [&](const std::string& query) {
            std::map<std::string, double> sums;
            for (const auto& page :
                 pages(client, kStats + query + "&start_time=2026-10-22&end_time=2026-11-22", kToken)) {
                const auto& stat = page["timeseries_stats"][0]["timeseries_stat"];
                const auto entities =
                    stat.contains("breakdown_stats") ? stat["breakdown_stats"]["campaign"] : Json::array({stat});
                for (const auto& entity : entities)
                    for (const auto& row : entity["timeseries"])
                        for (const auto& [name, number] : row["stats"].items())
                            sums[name + "@" + row["start_time"].get<std::string>().substr(0, 10)] +=
                                number.get<double>();
            }
            return sums;
        };
        const auto spend = collect("fields=spend&omit_empty=false");
        const auto all = collect(
            "breakdown=campaign&fields=spend,impressions,swipes,video_views,video_views_time_based,video_views_5s,"
            "video_views_15s,quartile_1,quartile_2,"
            "quartile_3,view_completion,screen_time_millis,shares,saves,story_opens,story_completes,profile_clicks,"
            "landing_page_views,"
            "conversion_purchases,conversion_purchases_value");
        CHECK(spend.size() == (zone == "Australia/Sydney" ? 31 : 30));  // there it is the 21st already
        for (const auto& [key, number] : spend) CHECK_MESSAGE(all.at(key) == number, key);
        CHECK(all == client.oracle("snapchat", "ad1", "2026-10-22", "2026-11-22"));
    }
}
