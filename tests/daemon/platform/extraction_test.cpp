// SPDX-License-Identifier: Apache-2.0
// Answers of every shape as numbers, days and metadata.
#include "daemon/platform/extraction.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include "common/error.hpp"
#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

const auto kNow = at("2026-11-21T20:00:00Z");  // noon in Los Angeles

Target account() {
    return target("42", {{"timezone", "Europe/Berlin"}, {"currency", "EUR"}});
}

Extraction::Result extract(std::string_view platform, const Task& asked, const std::string& body, Instant now = kNow) {
    Extraction extraction{shipped(platform), account(), asked, now};
    extraction.add_page(body);
    CHECK_FALSE(extraction.next_page());
    return extraction.finish();
}

/// "2026-11-16 reach=812; …" in order of metric and day.
std::string listed(const Extraction::Result& result) {
    std::string text;
    for (const auto& sample : result.samples)
        text += fmt::format("{} {}={}; ", render_day(sample.day), sample.metric, sample.value);
    return text;
}

std::string states(const Extraction::Result& result) {
    std::string text;
    for (const auto& [when, status] : result.days)
        text += fmt::format("{} {}; ", render_day(when), to_text(status.state));
    return text;
}

nlohmann::json metadata(const Extraction::Result& result, std::string_view metric) {
    for (const auto& sample : result.samples)
        if (sample.metric == metric) return nlohmann::json::parse(sample.metadata);
    return {};
}

std::string series(std::string_view name, std::string_view values) {
    return fmt::format(
        R"({{"data":[{{"name":"{}","period":"day","values":[{}],"title":null,"id":"42/insights/x/day"}}],"paging":{{"next":"https://graph.facebook.com/x?access_token=T"}}}})",
        name, values);
}

std::string point(std::string_view start, std::string_view stats) {
    return fmt::format(R"({{"start_time":"{}","end_time":"x","stats":{}}})", start, stats);
}
std::string campaigns(std::string_view lists, std::string_view paging = "{}") {
    return fmt::format(
        R"({{"request_status":"SUCCESS","paging":{},"timeseries_stats":[{{"sub_request_status":"SUCCESS","timeseries_stat":{{"breakdown_stats":{{"campaign":[{}]}}}}}}]}})",
        paging, lists);
}

}  // namespace

TEST_CASE("series: a stamp is the end of its Pacific day, in summer and in winter") {
    const auto result = extract("instagram", task("instagram", "reach", from_to("2026-10-31", "2026-11-02")),
                                series("reach", R"({"value":812,"end_time":"2026-11-01T07:00:00+0000"},
                                                   {"value":900,"end_time":"2026-11-02T08:00:00+0000"},
                                                   {"value":"1024.0","end_time":"2026-11-03T08:00:00+0000"})"));
    CHECK(listed(result) == "2026-10-31 reach=812; 2026-11-01 reach=900; 2026-11-02 reach=1024; ");
    CHECK(states(result) == "2026-10-31 final; 2026-11-01 final; 2026-11-02 final; ");
    const auto spring = extract(
        "instagram", task("instagram", "reach", from_to("2027-03-13", "2027-03-14")),
        series(
            "reach",
            R"({"value":1,"end_time":"2027-03-14T08:00:00+0000"},{"value":2,"end_time":"2027-03-15T07:00:00+0000"})"));
    CHECK(listed(spring) == "2027-03-13 reach=1; 2027-03-14 reach=2; ");
}

TEST_CASE("series: with stamps inside the day the dates move by one") {
    auto platform = shipped("instagram");
    platform.day.stamp_is = DayRule::StampIs::day;
    Extraction extraction{platform, account(), task("instagram", "reach", from_to("2026-11-16", "2026-11-17")), kNow};
    extraction.add_page(series("reach", R"({"value":812,"end_time":"2026-11-16T08:00:00+0000"})"));
    CHECK(listed(extraction.finish()) == "2026-11-16 reach=812; ");
}

TEST_CASE("series: days outside the window, other periods and unasked metrics are dropped; the last of two wins") {
    const auto result =
        extract("instagram", task("instagram", "reach", from_to("2026-11-16", "2026-11-16")), R"({"data":[
        {"name":"reach","period":"week","values":[{"value":9999,"end_time":"2026-11-17T08:00:00+0000"}]},
        {"name":"views","period":"day","values":[{"value":5,"end_time":"2026-11-17T08:00:00+0000"}]},
        {"name":"reach","period":"day","values":[{"value":1,"end_time":"2026-11-16T08:00:00+0000"},
            {"value":2,"end_time":"2026-11-17T08:00:00+0000"},{"value":3,"end_time":"2026-11-17T08:00:00+0000"},
            {"value":4,"end_time":"2026-11-18T08:00:00+0000"}]}]})");
    CHECK(listed(result) == "2026-11-16 reach=3; ");
    CHECK(result.missing_values == 0);
}

TEST_CASE("series: object values become a metric for each key, in lower case") {
    auto asked = task("facebook", "insights", from_to("2026-11-15", "2026-11-16"));
    asked.metrics = {"page_actions_post_reactions_total"};
    const auto result = extract(
        "facebook", asked,
        series(
            "page_actions_post_reactions_total",
            R"({"value":{"LIKE":31,"love":6},"end_time":"2026-11-16T08:00:00+0000"},{"value":{},"end_time":"2026-11-17T08:00:00+0000"})"));
    CHECK(
        listed(result) ==
        "2026-11-15 page_actions_post_reactions_total.like=31; 2026-11-15 page_actions_post_reactions_total.love=6; ");
    CHECK(metadata(result, "page_actions_post_reactions_total.like").at("key") == "LIKE");
    CHECK(states(result) == "2026-11-15 final; 2026-11-16 empty; ");
}

TEST_CASE("series: entries with dimension members") {
    const auto result = extract(
        "facebook", task("facebook", "by_is_from_ads", from_to("2026-11-16", "2026-11-16")),
        series(
            "page_media_view",
            R"({"value":2500,"end_time":"2026-11-17T08:00:00+0000","is_from_ads":"0"},{"value":375,"end_time":"2026-11-17T08:00:00+0000","is_from_ads":"1"},
           {"value":7,"end_time":"2026-11-17T08:00:00+0000"})"));
    CHECK(listed(result) ==
          "2026-11-16 page_media_view.is_from_ads.0=2500; 2026-11-16 page_media_view.is_from_ads.1=375; ");
    CHECK(result.missing_values == 1);  // the one that does not say
    CHECK(metadata(result, "page_media_view.is_from_ads.1").at("is_from_ads") == "1");
}

TEST_CASE("what is no number is no data, and counted") {
    for (const auto* value :
         {"null", "true", "\"many\"", "\"\"", "[1]", "\"inf\"", "\"nan\"", "\"0x10\"", "\" 1\"", "\"1e999\""}) {
        CAPTURE(std::string{value});
        const auto result =
            extract("instagram", task("instagram", "reach", from_to("2026-11-16", "2026-11-16")),
                    series("reach", fmt::format(R"({{"value":{},"end_time":"2026-11-17T08:00:00+0000"}})", value)));
        CHECK(result.samples.empty());
        CHECK(result.missing_values == 1);
        CHECK(states(result) == "2026-11-16 empty; ");
    }
    for (const auto* element :
         {R"({"end_time":"2026-11-17T08:00:00+0000"})", R"({"value":1})", R"({"value":1,"end_time":"soon"})", "17"}) {
        CAPTURE(std::string{element});
        CHECK(extract("instagram", task("instagram", "reach", from_to("2026-11-16", "2026-11-16")),
                      series("reach", element))
                  .missing_values == 1);
    }
}

TEST_CASE("an empty answer writes nothing: pending until the day is final, empty from then on") {
    const auto result =
        extract("instagram", task("instagram", "reach", from_to("2026-11-17", "2026-11-20")), R"({"data":[]})");
    CHECK(result.samples.empty());
    CHECK(result.missing_values == 0);
    CHECK(states(result) == "2026-11-17 empty; 2026-11-18 empty; 2026-11-19 pending; 2026-11-20 pending; ");
}

TEST_CASE("a day is final 48 hours after its end, not a second before") {
    const auto asked = task("instagram", "reach", from_to("2026-10-31", "2026-10-31"));  // ends 2026-11-01T07:00:00Z
    const auto body = series("reach", R"({"value":1,"end_time":"2026-11-01T07:00:00+0000"})");
    const auto before = extract("instagram", asked, body, at("2026-11-03T06:59:59.999999Z"));
    CHECK(states(before) == "2026-10-31 provisional; ");
    CHECK(metadata(before, "reach").at("final") == false);
    const auto after = extract("instagram", asked, body, at("2026-11-03T07:00:00Z"));
    CHECK(states(after) == "2026-10-31 final; ");
    CHECK(metadata(after, "reach").at("final") == true);
}

TEST_CASE("totals: the window gives the date; categories become metrics and the total is not repeated") {
    const auto day_16 = from_to("2026-11-16", "2026-11-16");
    auto plain = task("instagram", "totals", day_16);
    plain.metrics = {"views", "likes", "replies"};
    const auto total =
        extract("instagram", plain, R"({"data":[{"name":"views","period":"day","total_value":{"value":5310}},
        {"name":"likes","period":"day","total_value":{"value":0}},{"name":"replies","period":"day"}]})");
    CHECK(listed(total) == "2026-11-16 likes=0; 2026-11-16 views=5310; ");
    CHECK(total.missing_values == 1);
    CHECK(metadata(total, "views").at("window") == nlohmann::json{"2026-11-16T08:00:01Z", "2026-11-17T08:00:00Z"});

    const auto split = extract("instagram", task("instagram", "by_follow_type", day_16), R"({"data":[
        {"name":"follows_and_unfollows","period":"day","total_value":{"breakdowns":[{"dimension_keys":["follow_type"],
            "results":[{"dimension_values":["FOLLOWER"],"value":37},{"dimension_values":["NON_FOLLOWER"],"value":12}]}]}},
        {"name":"reach","period":"day","total_value":{"value":1024,"breakdowns":[{"dimension_keys":["timeframe","follow_type"],
            "results":[{"dimension_values":["THIS_WEEK","UNKNOWN"],"value":3}]}]}},
        {"name":"views","period":"day","total_value":{"value":4,"breakdowns":[{"dimension_keys":["follow_type"]}]}}]})");
    CHECK(listed(split) ==
          "2026-11-16 follows_and_unfollows.follow_type.follower=37; 2026-11-16 "
          "follows_and_unfollows.follow_type.non_follower=12; 2026-11-16 reach.follow_type.unknown=3; ");
    CHECK(metadata(split, "reach.follow_type.unknown").at("follow_type") == "UNKNOWN");
}

TEST_CASE("totals: numbers that another request gives are compared, not stored") {
    auto asked = task("instagram", "totals", from_to("2026-11-16", "2026-11-16"));
    asked.metrics = {"reach", "views"};
    const auto result =
        extract("instagram", asked, R"({"data":[{"name":"reach","period":"day","total_value":{"value":812}},
        {"name":"views","period":"day","total_value":{"value":5310}}]})");
    CHECK(listed(result) == "2026-11-16 views=5310; ");
    REQUIRE(result.compared.size() == 1);
    CHECK(result.compared.front().metric == "reach");
    CHECK(result.compared.front().value == 812);
    CHECK(states(result) == "2026-11-16 final; ");
}

TEST_CASE("totals: another breakdown than the one asked for is refused") {
    const auto asked = task("instagram", "by_follow_type", from_to("2026-11-16", "2026-11-16"));
    for (const auto* breakdown : {R"({"dimension_keys":["media_product_type"],"results":[]})",
                                  R"({"dimension_keys":["media_product_type","follow_type"],"results":[]})",
                                  R"({"dimension_keys":["follow_type"],"results":[{"dimension_values":[],"value":1}]})",
                                  R"({"dimension_keys":["follow_type"],"results":[17]})", R"({})"}) {
        CAPTURE(std::string{breakdown});
        CHECK_THROWS_AS(
            extract("instagram", asked,
                    fmt::format(R"({{"data":[{{"name":"reach","period":"day","total_value":{{"breakdowns":[{}]}}}}]}})",
                                breakdown)),
            Error);
    }
}

TEST_CASE("table: columns by name, days without a row are not there yet or empty") {
    auto asked = task("youtube", "daily", from_to("2026-11-05", "2026-11-08"));
    asked.metrics = {"views", "averageViewPercentage", "likes"};
    const std::string columns = R"("columnHeaders":[{"name":"day"},{"name":"averageViewPercentage"},{"name":"views"}])";
    const auto result = extract(
        "youtube", asked,
        fmt::format(
            R"({{"kind":"youtubeAnalytics#resultTable",{},"rows":[["2026-11-05",38.27,1843],["2026-11-07",null,12.0]]}})",
            columns));
    CHECK(listed(result) == "2026-11-05 averageViewPercentage=38.27; 2026-11-05 views=1843; 2026-11-07 views=12; ");
    CHECK(result.missing_values == 2);  // the null, and the column that did not come
    CHECK(states(result) == "2026-11-05 final; 2026-11-06 empty; 2026-11-07 provisional; 2026-11-08 pending; ");
    CHECK(metadata(result, "views").at("api_version") == "v2");
    for (const auto* rows : {"", R"(,"rows":[])", R"(,"rows":null)"}) {
        const auto empty = extract("youtube", asked, "{" + columns + rows + "}");
        CHECK(empty.samples.empty());
        CHECK(empty.missing_values == 0);
    }
    for (const auto* rows :
         {R"(,"rows":[["2026-11-05",1]])", R"(,"rows":[["20261105",1,2]])", R"(,"rows":{"a":1})", R"(,"rows":[17])"}) {
        CAPTURE(std::string{rows});
        CHECK_THROWS_AS(extract("youtube", asked, "{" + columns + rows + "}"), Error);
    }
}

TEST_CASE("object: counters of now, dated with the platform's today") {
    const auto result = extract(
        "youtube", task("youtube", "channel"),
        R"({"items":[{"statistics":{"viewCount":"18234911","subscriberCount":"48200","hiddenSubscriberCount":false,"videoCount":"312"}}]})",
        at("2026-11-22T07:59:59Z"));
    CHECK(listed(result) ==
          "2026-11-21 subscriberCount=48200; 2026-11-21 videoCount=312; 2026-11-21 viewCount=18234911; ");
    CHECK(states(result) == "2026-11-21 final; ");
    const auto data = metadata(result, "viewCount");
    CHECK(data == nlohmann::json{{"api", "channel"},
                                 {"api_version", "v3"},
                                 {"period", "now"},
                                 {"unit", "count"},
                                 {"final", false},
                                 {"final_at", "2026-11-22T08:00:00Z"},
                                 {"fetched_at", "2026-11-22T07:59:59Z"}});
    const auto hidden =
        extract("youtube", task("youtube", "channel"),
                R"({"items":[{"statistics":{"viewCount":"1","subscriberCount":"0","hiddenSubscriberCount":true}}]})");
    CHECK(listed(hidden) == "2026-11-21 viewCount=1; ");
    CHECK(hidden.missing_values == 2);
    CHECK(listed(extract("facebook", task("facebook", "profile"), R"({"id":"42","followers_count":48213})")) ==
          "2026-11-21 followers_count=48213; ");
    CHECK(extract("facebook", task("facebook", "profile"), R"({"id":"42","followers_count":48213})").missing_values ==
          0);  // fan_count is optional
}

TEST_CASE("points: spend by the local date as written, with currency and zone") {
    const auto asked = task("snapchat", "spend", from_to("2026-11-16", "2026-11-18"));
    const auto body = fmt::format(
        R"({{"request_status":"SUCCESS","timeseries_stats":[{{"timeseries_stat":{{"timeseries":[{},{}]}}}}]}})",
        point("2026-11-16T00:00:00.000+01:00", R"({"spend":41250000})"),
        point("2026-11-17T00:00:00.000+0100", R"({"spend":38900000})"));
    const auto result = extract("snapchat", asked, body, at("2026-11-19T12:00:00Z"));
    CHECK(listed(result) == "2026-11-16 spend=41250000; 2026-11-17 spend=38900000; ");
    CHECK(states(result) == "2026-11-16 final; 2026-11-17 provisional; 2026-11-18 pending; ");
    CHECK(metadata(result, "spend") == nlohmann::json{{"api", "spend"},
                                                      {"api_version", "v1"},
                                                      {"period", "day"},
                                                      {"unit", "micro_currency"},
                                                      {"currency", "EUR"},
                                                      {"zone", "Europe/Berlin"},
                                                      {"final", true},
                                                      {"fetched_at", "2026-11-19T12:00:00Z"}});
}

TEST_CASE("points: campaigns are added up per day over all pages") {
    auto asked = task("snapchat", "campaigns", from_to("2026-11-15", "2026-11-17"));
    asked.metrics = {"impressions", "swipes"};
    Extraction extraction{shipped("snapchat"), account(), asked, kNow};
    const auto link = R"({"next_link":"https://adsapi.snapchat.com/v1/adaccounts/42/stats?cursor=a"})";
    extraction.add_page(
        campaigns(fmt::format(R"({{"id":"c1","timeseries":[{},{}]}},{{"id":"c2","timeseries":[{}]}})",
                              point("2026-11-16T00:00:00.000+01:00", R"({"impressions":10,"swipes":1})"),
                              point("2026-11-17T00:00:00.000+01:00", R"({"impressions":5})"),
                              point("2026-11-16T00:00:00.000+01:00", R"({"impressions":"20","swipes":null})")),
                  link));
    CHECK(extraction.next_page() == "https://adsapi.snapchat.com/v1/adaccounts/42/stats?cursor=a");
    extraction.add_page(
        campaigns(fmt::format(R"({{"id":"c3","timeseries":[{}]}})",
                              point("2026-11-16T00:00:00.000+01:00", R"({"impressions":30,"swipes":3})"))));
    CHECK_FALSE(extraction.next_page());
    const auto result = extraction.finish();
    CHECK(listed(result) == "2026-11-16 impressions=60; 2026-11-17 impressions=5; 2026-11-16 swipes=4; ");
    CHECK(states(result) == "2026-11-15 empty; 2026-11-16 final; 2026-11-17 final; ");
    CHECK(result.missing_values == 2);
}

TEST_CASE("a part of a sum is never given") {
    const auto asked = task("snapchat", "campaigns", from_to("2026-11-16", "2026-11-16"));
    Extraction extraction{shipped("snapchat"), account(), asked, kNow};
    CHECK_THROWS_AS(extraction.finish(), Error);  // no page at all
    extraction.add_page(campaigns("", R"({"next_link":"https://adsapi.snapchat.com/1"})"));
    CHECK_THROWS_WITH_AS(extraction.finish(), doctest::Contains("not complete"), Error);
    // A point without a date may belong to any day.
    CHECK_THROWS_AS(extraction.add_page(campaigns(R"({"timeseries":[{"stats":{"impressions":1}}]})")), Error);
    CHECK_THROWS_AS(extraction.add_page(campaigns("", R"({"next_link":17.5})")), Error);
}

TEST_CASE("pages that go round in a circle or have no end are refused") {
    auto platform = shipped("snapchat");
    platform.requests.back().paging.max_pages = 3;
    const Task asked{
        .request = &platform.requests.back(), .days = from_to("2026-11-16", "2026-11-16"), .metrics = {"impressions"}};
    const auto page = [](int i) {
        return campaigns("", fmt::format(R"({{"next_link":"https://adsapi.snapchat.com/{}"}})", i));
    };
    Extraction circle{platform, account(), asked, kNow};
    circle.add_page(page(1));
    circle.add_page(page(1));
    CHECK_THROWS_WITH_AS(circle.next_page(), doctest::Contains("circle"), Error);
    Extraction endless{platform, account(), asked, kNow};
    for (int i = 0; i < 3; ++i) endless.add_page(page(i));
    CHECK_THROWS_WITH_AS(endless.next_page(), doctest::Contains("more than 3 pages"), Error);
}

TEST_CASE("an answer without its shape gives nothing") {
    struct Case {
        const char *platform, *request, *body;
    };
    const Case cases[] = {
        {"instagram", "reach", R"({})"},
        {"instagram", "reach", R"({"data":{}})"},
        {"instagram", "reach", R"({"data":[17]})"},
        {"instagram", "reach", R"({"data":[{"period":"day"}]})"},
        {"instagram", "reach", "[]"},
        {"instagram", "reach", "garbage"},
        {"youtube", "daily", R"({"rows":[]})"},
        {"youtube", "daily", R"({"columnHeaders":[{}]})"},
        {"snapchat", "spend", R"({"request_status":"SUCCESS"})"},
        {"snapchat", "spend", R"({"timeseries_stats":"x"})"},
    };
    for (const auto& [platform, request, body] : cases) {
        CAPTURE(std::string{body});
        CHECK_THROWS_AS(extract(platform, task(platform, request, from_to("2026-11-16", "2026-11-16")), body), Error);
    }
    CHECK_THROWS_AS(extract("youtube", task("youtube", "channel"), R"({"items":[]})"), Error);
    CHECK_THROWS_AS(extract("facebook", task("facebook", "profile"), R"([1])"), Error);
}

TEST_CASE("asking again before finality changes nothing in the metadata but fetched_at") {
    const auto asked = task("facebook", "by_is_from_ads", from_to("2026-11-19", "2026-11-20"));
    const auto body = series(
        "page_media_view",
        R"({"value":1,"end_time":"2026-11-20T08:00:00+0000","is_from_ads":"0"},{"value":2,"end_time":"2026-11-21T08:00:00+0000","is_from_ads":"0"})");
    const auto first = extract("facebook", asked, body, kNow),
               second = extract("facebook", asked, body, kNow + std::chrono::minutes{15});
    REQUIRE(first.samples.size() == second.samples.size());
    for (std::size_t i = 0; i < first.samples.size(); ++i) {
        auto a = nlohmann::json::parse(first.samples[i].metadata),
             b = nlohmann::json::parse(second.samples[i].metadata);
        CHECK(a["fetched_at"] != b["fetched_at"]);
        a.erase("fetched_at"), b.erase("fetched_at");
        CHECK(a.dump() == b.dump());
        CHECK(a["end_time"].is_string());
    }
}

TEST_CASE("names that cannot be stored are no data") {
    auto asked = task("facebook", "insights", from_to("2026-11-16", "2026-11-16"));
    asked.metrics = {"page_actions_post_reactions_total"};
    const auto result = extract(
        "facebook", asked,
        series("page_actions_post_reactions_total",
               fmt::format(R"({{"value":{{"a\u0000b":1,"{}":2,"ok":3}},"end_time":"2026-11-17T08:00:00+0000"}})",
                           std::string(300, 'x'))));
    CHECK(listed(result) == "2026-11-16 page_actions_post_reactions_total.ok=3; ");
    CHECK(result.missing_values == 2);
}

TEST_CASE("refused days are all days of the task, or today") {
    const auto zone = TimeZone::find("Asia/Tokyo").value();
    const auto refused = refuse(task("instagram", "reach", from_to("2026-11-16", "2026-11-18")), zone, kNow);
    REQUIRE(refused.size() == 3);
    CHECK(refused.begin()->first == day("2026-11-16"));
    for (const auto& [when, status] : refused) CHECK(status == DayStatus{DayState::refused, kNow});
    // What only exists now was refused on the account's own date.
    CHECK(refuse(task("instagram", "profile"), zone, kNow) == DayMap{{day("2026-11-22"), {DayState::refused, kNow}}});
}

TEST_CASE("a sum does not depend on how the platform cuts its pages") {
    CHECK(rc::check([] {
        const auto values = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1'000'000));
        auto asked = task("snapchat", "campaigns", from_to("2026-11-16", "2026-11-16"));
        asked.metrics = {"impressions"};
        Extraction extraction{shipped("snapchat"), account(), asked, kNow};
        std::string lists;
        double expected = 0;
        int page = 0;
        for (const auto value : values) {
            lists += (lists.empty() ? "" : ",") +
                     fmt::format(R"({{"timeseries":[{}]}})",
                                 point("2026-11-16T00:00:00.000+01:00", fmt::format(R"({{"impressions":{}}})", value)));
            expected += value;
            if (*rc::gen::arbitrary<bool>()) {
                extraction.add_page(
                    campaigns(lists, fmt::format(R"({{"next_link":"https://adsapi.snapchat.com/{}"}})", ++page)));
                lists.clear();
            }
        }
        extraction.add_page(campaigns(lists));
        const auto result = extraction.finish();
        RC_ASSERT(result.samples.size() == (values.empty() ? 0u : 1u));
        if (!values.empty()) RC_ASSERT(result.samples.front().value == expected);
    }));
}
