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

TEST_CASE("reach is told for a total, never by the day or hour") {
    TestClient client;
    set_zone(client, "ad1", "Europe/Berlin");
    for (const std::string field :
         {"uniques", "frequency", "attachment_uniques", "attachment_frequency", "total_reach", "earned_reach"}) {
        const auto ask = [&field](const std::string& granularity) {
            return "/v1/adaccounts/ad1/"
                   "stats?breakdown=campaign&start_time=2026-11-01&end_time=2026-11-04&granularity=" +
                   granularity + "&fields=impressions," + field;
        };
        const auto refused = client.get_json(ask("DAY"), kToken, 400);
        CHECK(refused["error_code"] == "E1008");
        CHECK(refused["debug_message"] ==
              "Unsupported Stats Query: Field '" + field + "' cannot be queried with DAY granularity.");
        CHECK(client.get(ask("HOUR"), kToken).status == 400);
        const auto total = client.get_json(ask("TOTAL"), kToken)["total_stats"][0]["total_stat"];
        CHECK(total["breakdown_stats"]["campaign"][0]["stats"].contains(field));
    }
    const std::string spend = "fields=spend&start_time=2026-11-01&end_time=2026-11-04";
    CHECK(refusal(client, spend + "&swipe_up_attribution_window=30_DAY") ==
          "- Invalid query parameters in request URL: [Invalid SwipeUpAttributionWindow, 30_DAY]");
    CHECK(refusal(client, spend + "&view_attribution_window=1_WEEK").starts_with("- Invalid query parameters"));
    CHECK(refusal(client, spend + "&action_report_time=now").starts_with("- Invalid query parameters"));
    CHECK(client.get(kStats + spend + "&swipe_up_attribution_window=28_DAY&view_attribution_window=1_DAY", kToken)
              .status == 200);
}

TEST_CASE("a day's conversions grow for twenty-eight days, and delivery does not") {
    TestClient client;
    set_zone(client, "ad1", "Europe/Berlin");
    const auto sum = [&client](const std::string& field, const char* now) {
        client.now = at(now);
        double total = 0;
        for (const auto& page :
             pages(client, kStats + "breakdown=campaign&fields=" + field + "&start_time=2026-11-01&end_time=2026-11-02",
                   kToken))
            for (const auto& campaign : page["timeseries_stats"][0]["timeseries_stat"]["breakdown_stats"]["campaign"])
                for (const auto& row : campaign["timeseries"]) total += row["stats"][field].get<double>();
        const auto rows = client.oracle("snapchat", "ad1", "2026-11-01", "2026-11-01");
        CHECK(total == rows.at(field + "@2026-11-01"));
        return total;
    };
    // The day ended on the 1st at 23:00 UTC.
    double last = 0;
    for (const auto* now : {"2026-11-04T00:00:00Z", "2026-11-10T00:00:00Z", "2026-11-20T00:00:00Z",
                            "2026-11-28T23:00:00Z", "2026-11-29T23:00:00Z"}) {
        const auto value = sum("conversion_purchases_value", now);
        CHECK(value > last);
        last = value;
    }
    CHECK(sum("conversion_purchases_value", "2027-01-10T00:00:00Z") == last);
    CHECK(sum("impressions", "2026-11-04T00:00:00Z") == sum("impressions", "2027-01-10T00:00:00Z"));
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
        std::string names;
        for (const auto& [name, field] : snapchat_fields())
            if (field.kind == SnapchatKind::additive && !name.starts_with("coupon_"))
                names += (names.empty() ? "" : ",") + name;
        const auto all = collect("breakdown=campaign&fields=" + names);
        CHECK(all.count("conversion_list_view_value@2026-11-10") == 1);
        CHECK(all.count("viewable_impressions@2026-11-10") == 1);
        CHECK(spend.size() == (zone == "Australia/Sydney" ? 31 : 30));  // there it is the 21st already
        for (const auto& [key, number] : spend) CHECK_MESSAGE(all.at(key) == number, key);
        CHECK(all == client.oracle("snapchat", "ad1", "2026-10-22", "2026-11-22"));
    }
}
