// SPDX-License-Identifier: Apache-2.0
// What goes over the wire: windows in each platform's form, tokens, base URLs, further pages.
#include "daemon/platform/request.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "common/error.hpp"
#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using namespace std::chrono_literals;

namespace {

std::map<std::string, std::string> sent(std::string_view platform, std::string_view request, std::string_view first,
                                        std::string_view last, const Target& who = target()) {
    return query_of(render(shipped(platform), who, task(platform, request, from_to(first, last))).url);
}

std::string unix_of(std::string_view text) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(at(text)).time_since_epoch().count());
}

Target ad_account(const char* zone) {
    return target("0b7d3c11", {{"timezone", zone}, {"currency", "EUR"}});
}

}  // namespace

TEST_CASE("Instagram windows hold exactly the stamps of their days, over clock changes too") {
    struct Case {
        const char *first, *last, *since, *until;
    };
    const Case cases[] = {
        {"2026-11-16", "2026-11-16", "2026-11-16T08:00:01Z", "2026-11-17T08:00:00Z"},
        {"2026-11-01", "2026-11-01", "2026-11-01T07:00:01Z", "2026-11-02T08:00:00Z"},  // 25 hours
        {"2027-03-14", "2027-03-14", "2027-03-14T08:00:01Z", "2027-03-15T07:00:00Z"},  // 23 hours
        {"2026-10-20", "2026-11-17", "2026-10-20T07:00:01Z", "2026-11-18T08:00:00Z"},  // 29 days and an hour
    };
    for (const auto& c : cases) {
        const auto query = sent("instagram", "reach", c.first, c.last);
        CHECK(query.at("since") == unix_of(c.since));
        CHECK(query.at("until") == unix_of(c.until));
        CHECK(std::stol(query.at("until")) - std::stol(query.at("since")) <= 2'592'000);
    }
    CHECK(sent("instagram", "totals", "2026-11-16", "2026-11-16").at("since") == "1794816001");
}

TEST_CASE("with stamps that lie in the day itself the other midnight is left out") {
    auto platform = shipped("instagram");
    platform.day.stamp_is = DayRule::StampIs::day;
    const auto query =
        query_of(render(platform, target(), task("instagram", "totals", from_to("2026-11-16", "2026-11-16"))).url);
    CHECK(query.at("since") == "1794816000");
    CHECK(query.at("until") == "1794902399");
}

TEST_CASE("no Instagram window is longer than the platform takes") {
    CHECK(rc::check([] {
        const auto first = day("2020-01-01") + std::chrono::days{*rc::gen::inRange(0, 6000)};
        const auto& request = *shipped("instagram").find_request("reach");
        const auto window = bounds(shipped("instagram"), *shipped("instagram").day.zone, request,
                                   {first, first + request.window_days - std::chrono::days{1}});
        RC_ASSERT(window.end - window.start <= 2'592'000s);
    }));
}

TEST_CASE("Instagram requests ask for what the plan says") {
    const auto request = render(shipped("instagram"), target("17841400000000042"),
                                task("instagram", "by_follow_type", from_to("2026-11-16", "2026-11-16")));
    CHECK(request.name == "instagram.by_follow_type");
    CHECK(request.method == "GET");
    CHECK(
        request.url.starts_with("https://graph.facebook.com/v25.0/17841400000000042/"
                                "insights?metric=reach%2Cviews%2Cfollows_and_unfollows&period=day&metric_type=total_"
                                "value&breakdown=follow_type&since="));
    auto halved = task("instagram", "totals", from_to("2026-11-16", "2026-11-16"));
    halved.metrics = {"likes"};
    CHECK(query_of(render(shipped("instagram"), target(), halved).url).at("metric") == "likes");
    CHECK(query_of(render(shipped("instagram"), target(), task("instagram", "profile")).url).at("fields") ==
          "followers_count,follows_count,media_count");
}

TEST_CASE("Facebook windows run from midnight to midnight") {
    const auto query = sent("facebook", "insights", "2026-10-31", "2026-11-01");
    CHECK(query.at("since") == unix_of("2026-10-31T07:00:00Z"));
    CHECK(query.at("until") == unix_of("2026-11-02T08:00:00Z"));
    CHECK(sent("facebook", "by_is_from_ads", "2026-11-16", "2026-11-16").at("breakdown") == "is_from_ads");
}

TEST_CASE("YouTube's dates are both inclusive, and its two APIs have hosts of their own") {
    const auto daily =
        render(shipped("youtube"), target("UC1"), task("youtube", "daily", from_to("2026-11-01", "2026-11-17")));
    CHECK(
        daily.url.starts_with("https://youtubeanalytics.googleapis.com/v2/"
                              "reports?ids=channel%3D%3DUC1&startDate=2026-11-01&endDate=2026-11-17&dimensions=day&"
                              "metrics=views%2CengagedViews%2C"));
    const auto channel = render(shipped("youtube"), target("UC1"), task("youtube", "channel"));
    CHECK(channel.url == "https://www.googleapis.com/youtube/v3/channels?part=statistics&id=UC1");
    CHECK(channel.version == "v3");
    CHECK(daily.version == "v2");
}

TEST_CASE("Snapchat's days are written as the account's wall shows them, the end exclusive") {
    // No offset is sent, so a clock change cannot be got wrong.
    for (const auto* zone : {"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Africa/Cairo"}) {
        const auto query = sent("snapchat", "spend", "2026-10-24", "2026-11-02", ad_account(zone));
        CHECK(query.at("start_time") == "2026-10-24T00:00:00");
        CHECK(query.at("end_time") == "2026-11-03T00:00:00");
        CHECK(query.at("omit_empty") == "false");
    }
    const auto campaigns = sent("snapchat", "campaigns", "2026-11-16", "2026-11-16", ad_account("Europe/Berlin"));
    CHECK(campaigns.at("breakdown") == "campaign");
    CHECK(campaigns.at("granularity") == "DAY");
    CHECK(campaigns.at("limit") == "1000");
    CHECK(campaigns.at("fields").starts_with("impressions,swipes,"));
}

TEST_CASE("an account without a known zone cannot be asked for days") {
    const auto spend = task("snapchat", "spend", from_to("2026-11-16", "2026-11-16"));
    CHECK_THROWS_WITH_AS(render(shipped("snapchat"), target(), spend),
                         doctest::Contains("attribute 'timezone' is missing"), Error);
    CHECK_THROWS_WITH_AS(render(shipped("snapchat"), ad_account("Mars/Olympus"), spend),
                         doctest::Contains("unknown time zone: 'Mars/Olympus'"), Error);
}

TEST_CASE("tokens go into the header, derived ones where the file says so, and never into the URL") {
    auto who = target();
    const auto header_of = [&](std::string_view platform, std::string_view request, std::optional<DayRange> range) {
        const auto made = render(shipped(platform), who, task(platform, request, range));
        CHECK(made.url.find("token") == std::string::npos);
        REQUIRE(made.headers.size() == 1);
        CHECK(made.headers[0].first == "Authorization");
        return made.headers[0].second.reveal();
    };
    const auto range = from_to("2026-11-16", "2026-11-16");
    CHECK(header_of("facebook", "insights", range) == "Bearer own-token");  // before the look-up
    who.derived_tokens["page"] = Secret{"page-token"};
    CHECK(header_of("facebook", "insights", range) == "Bearer page-token");
    CHECK(header_of("instagram", "reach", range) == "Bearer own-token");
    const auto lookup = render_lookup(shipped("facebook"), who, shipped("facebook").lookups.front());
    CHECK(lookup.headers[0].second.reveal() == "Bearer own-token");
    CHECK(lookup.name == "facebook.page_token");
    CHECK(lookup.url == "https://graph.facebook.com/v25.0/42?fields=access_token");
}

TEST_CASE("a base URL replaces scheme, host and port of every URL and keeps the path") {
    auto who = target("a/b?c");
    who.base_url = "http://127.0.0.1:9000";
    CHECK(render(shipped("youtube"), who, task("youtube", "channel")).url ==
          "http://127.0.0.1:9000/youtube/v3/channels?part=statistics&id=a%2Fb%3Fc");
    CHECK(render(shipped("instagram"), who, task("instagram", "profile"))
              .url.starts_with("http://127.0.0.1:9000/v25.0/a%2Fb%3Fc?fields="));
}

TEST_CASE("links to further pages are followed to the platform's host only") {
    auto who = ad_account("Europe/Berlin");
    const auto campaigns = task("snapchat", "campaigns", from_to("2026-11-16", "2026-11-16"));
    const auto follow = [&](const char* next) { return render_page(shipped("snapchat"), who, campaigns, next).url; };
    CHECK(follow("https://adsapi.snapchat.com/v1/x?cursor=QWJj&limit=5") ==
          "https://adsapi.snapchat.com/v1/x?cursor=QWJj&limit=5");
    CHECK(follow("https://ADSAPI.snapchat.com:443/v1/x?access_token=T&cursor=a") ==
          "https://adsapi.snapchat.com/v1/x?cursor=a");
    for (const auto* away :
         {"http://adsapi.snapchat.com/v1/x", "https://evil.example/v1/x", "https://adsapi.snapchat.com.evil.example/",
          "https://adsapi.snapchat.com:8443/v1/x", "https://adsapi.snapchat.com@evil.example/", "/v1/x", ""}) {
        CAPTURE(away);
        CHECK_THROWS_AS(follow(away), Error);
    }
    who.base_url = "http://127.0.0.1:9000";
    CHECK(follow("https://adsapi.snapchat.com/v1/x?cursor=a") == "http://127.0.0.1:9000/v1/x?cursor=a");
    CHECK(follow("http://127.0.0.1:9000/v1/x?cursor=a") == "http://127.0.0.1:9000/v1/x?cursor=a");
    CHECK_THROWS_AS(follow("http://127.0.0.1:9001/v1/x"), Error);
}

TEST_CASE("a cursor is added to the first page's URL") {
    auto platform = shipped("snapchat");
    auto& request = platform.requests.back();
    request.paging = {.kind = Paging::Kind::cursor, .next = {}, .query = "after"};
    const Task more{.request = &request, .days = from_to("2026-11-16", "2026-11-16"), .metrics = {"impressions"}};
    const auto url = render_page(platform, ad_account("Europe/Berlin"), more, "a=b&c").url;
    CHECK(url.ends_with("&after=a%3Db%26c"));
    CHECK(query_of(url).at("fields") == "impressions");
}
