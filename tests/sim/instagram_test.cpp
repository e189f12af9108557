// SPDX-License-Identifier: Apache-2.0
// Instagram: windows over clock changes, strict errors, small accounts, and the oracle against the answers.
#include "test_client.hpp"
#include "truth.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <set>

using namespace sim;

namespace {

const std::string kToken = "sim.instagram.178414";
const std::string kInsights = "/v25.0/178414/insights?";

/// The window of whole days when a stamp is the end of its bucket.
std::string window(Day first, Day last) {
    const auto since = midnight(pacific(), first).time_since_epoch().count() + 1;
    const auto until = midnight(pacific(), last + date::days{1}).time_since_epoch().count();
    return "&since=" + std::to_string(since) + "&until=" + std::to_string(until);
}

std::string window(Instant since, Instant until) {
    return "&since=" + std::to_string(since.time_since_epoch().count()) +
           "&until=" + std::to_string(until.time_since_epoch().count());
}

std::set<std::string> stamps(const Json& body) {
    std::set<std::string> out;
    for (const auto& entry : body["data"])
        for (const auto& value : entry["values"]) out.insert(value["end_time"].get<std::string>());
    return out;
}

std::string refusal(TestClient& client, const std::string& query, unsigned status = 400) {
    const auto body = client.get_json(kInsights + query, kToken, status);
    CHECK(body["error"].contains("fbtrace_id"));
    return std::to_string(body["error"]["code"].get<int>()) + " " + body["error"]["message"].get<std::string>();
}

std::string lower(std::string text) {
    for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

/// The numbers of a broken-down answer under their names: `metric.dimension.value[.dimension.value]`.
std::map<std::string, Json> broken_down(const Json& entry) {
    std::map<std::string, Json> out;
    for (const auto& breakdown : entry["total_value"]["breakdowns"])
        for (const auto& result : breakdown.value("results", Json::array())) {
            auto name = entry["name"].get<std::string>();
            for (std::size_t i = 0; i < breakdown["dimension_keys"].size(); ++i)
                if (breakdown["dimension_keys"][i] != "timeframe")
                    name += "." + breakdown["dimension_keys"][i].get<std::string>() + "." +
                            lower(result["dimension_values"][i]);
            out[name] = result["value"];
        }
    return out;
}

/// An account without a quiet day in [first, last]: tests of windows are not about those.
std::string busy_account(Day first, Day last) {
    const World world{1};
    for (int i = 0;; ++i) {
        const auto id = "busy" + std::to_string(i);
        const auto account = world.account(Platform::instagram, id);
        bool busy = true;
        for (auto day = first; day <= last; day += date::days{1}) busy = busy && !quiet(account, day);
        if (busy) return id;
    }
}

}  // namespace

TEST_CASE("a window selects the stamps inside it, both ends included, also over the clock changes") {
    TestClient client;
    const auto check = [&client](const std::string& id, const std::string& range,
                                 const std::set<std::string>& expected) {
        const auto body =
            client.get_json("/v25.0/" + id + "/insights?metric=reach&period=day" + range, "sim.instagram." + id);
        CHECK_MESSAGE(stamps(body) == expected, range);
    };
    const auto autumn = busy_account(on("2026-10-28"), on("2026-11-05"));
    client.now = at("2026-11-10T12:00:00Z");
    check(autumn, window(on("2026-11-01"), on("2026-11-01")), {"2026-11-02T08:00:00+0000"});
    check(autumn, window(on("2026-10-31"), on("2026-11-01")), {"2026-11-01T07:00:00+0000", "2026-11-02T08:00:00+0000"});
    check(autumn, window(at("2026-11-01T07:00:00Z"), at("2026-11-02T07:59:59Z")), {"2026-11-01T07:00:00+0000"});
    check(autumn, window(at("2026-11-01T07:00:00Z"), at("2026-11-02T08:00:00Z")),
          {"2026-11-01T07:00:00+0000", "2026-11-02T08:00:00+0000"});
    check(autumn, window(at("2026-11-01T07:00:01Z"), at("2026-11-02T07:59:59Z")), {});
    const auto spring = busy_account(on("2027-03-10"), on("2027-03-17"));
    client.now = at("2027-03-20T12:00:00Z");
    check(spring, window(on("2027-03-13"), on("2027-03-14")), {"2027-03-14T08:00:00+0000", "2027-03-15T07:00:00+0000"});
    check(spring, window(on("2027-03-14"), on("2027-03-14")), {"2027-03-15T07:00:00+0000"});
}

TEST_CASE("the daily total of reach is the series' value, and several days are less than their sum") {
    TestClient client;
    const auto id = busy_account(on("2026-11-08"), on("2026-11-12"));
    const auto ask = [&](const std::string& rest) {
        return client.get_json("/v25.0/" + id + "/insights?metric=reach&period=day" + rest, "sim.instagram." + id);
    };
    const auto series = ask(window(on("2026-11-10"), on("2026-11-11")))["data"][0]["values"];
    REQUIRE(series.size() == 2);
    const auto total = [&](Day first, Day last) {
        return ask("&metric_type=total_value" + window(first, last))["data"][0]["total_value"]["value"]
            .get<std::int64_t>();
    };
    const auto one = total(on("2026-11-10"), on("2026-11-10"));
    const auto two = total(on("2026-11-11"), on("2026-11-11"));
    CHECK(one == series[0]["value"].get<std::int64_t>());
    CHECK(two == series[1]["value"].get<std::int64_t>());
    CHECK(total(on("2026-11-10"), on("2026-11-11")) < one + two);
}

TEST_CASE("Instagram refuses in the documented words") {
    TestClient client;
    const auto day = window(on("2026-11-10"), on("2026-11-10"));
    CHECK(refusal(client, "metric=reach,impressions&period=day" + day)
              .starts_with("100 (#100) metric[1] must be one of the following values: reach, views"));
    CHECK(refusal(client, "metric=views,likes&period=day" + day) ==
          "100 (#100) The following metrics (views, likes) should be specified with parameter metric_type=total_value");
    CHECK(refusal(client, "metric=views&period=day&metric_type=time_series" + day) ==
          "100 (#100) The following metric (views) is incompatible with the metric type (time_series)");
    CHECK(refusal(client, "metric=follower_count&period=day&metric_type=total_value" + day) ==
          "100 (#100) The following metric (follower_count) is incompatible with the metric type (total_value)");
    CHECK(refusal(client, "metric=views&period=week&metric_type=total_value" + day).starts_with("100 (#100)"));
    const auto start = at("2026-10-15T07:00:00Z");
    CHECK(refusal(client, "metric=reach" + window(start, start + date::days{30} + std::chrono::seconds{1})) ==
          "100 (#100) There cannot be more than 30 days (2592000 s) between since and until");
    CHECK(client.get(kInsights + "metric=reach" + window(start, start + date::days{30}), kToken).status == 200);
    CHECK(refusal(client, "metric=reach" + window(at("2024-11-20T07:59:59Z"), at("2024-11-25T08:00:00Z"))) ==
          "100 (#100) since param is not valid. Metrics data is available for the last 2 years");
    CHECK(
        client.get(kInsights + "metric=reach" + window(at("2024-11-20T08:00:00Z"), at("2024-11-25T08:00:00Z")), kToken)
            .status == 200);
    CHECK(refusal(client, "metric=follower_count" + window(at("2026-10-20T07:00:00Z"), at("2026-10-25T07:00:00Z"))) ==
          "100 (#100) (follower_count) metric only supports querying data for the last 30 days excluding the current "
          "day");
    CHECK(refusal(client, "metric=reach&since=yesterday").starts_with("100 "));
    CHECK(refusal(client, "metric=reach&since=1794816002&until=1794816001").starts_with("100 "));
    CHECK(refusal(client, "period=day").starts_with("100 "));
    for (const std::string name : {"pretty", "debug", "date_format"})
        CHECK(refusal(client, "metric=reach&" + name + "=1").starts_with("100 "));
    std::set<std::string> vague;
    for (const std::string id : {"1", "2", "3", "4", "5", "6"}) {
        const auto reply =
            client.get("/v25.0/" + id + "/insights?metric=views&metric_type=total_value&breakdown=follower_type",
                       "sim.instagram." + id);
        const auto error = Json::parse(reply.body)["error"];
        CHECK(error["message"].get<std::string>().starts_with("An unknown error has occurred"));
        vague.insert(std::to_string(error["code"].get<int>()));
    }
    CHECK(vague == std::set<std::string>{"1", "100"});
    CHECK(client.get_json("/v25.0/178414?fields=id,nonsense", kToken, 400)["error"]["code"] == 100);
    CHECK(client.get_json("/v25.0/?ids=1,2", kToken, 500)["error"]["code"] == 100);
}

TEST_CASE("tokens and versions of the Graph API") {
    TestClient client;
    const auto code = [&client](const std::string& target, const std::string& token) {
        const auto error = client.get_json(target, token, 400)["error"];
        return std::to_string(error["code"].get<int>()) + "/" + std::to_string(error.value("error_subcode", 0));
    };
    CHECK(code("/v25.0/178414", "expired.instagram.178414") == "190/463");
    CHECK(code("/v25.0/178414", "nonsense") == "190/0");
    CHECK(code("/v25.0/178414", "sim.youtube.178414") == "190/0");
    CHECK(code("/v25.0/178414", "") == "2500/0");
    CHECK(code("/v25.0/178415", kToken) == "100/33");
    client.post("/_sim/revoke", {{"platform", "instagram"}, {"account", "178414"}});
    CHECK(code("/v25.0/178414", kToken) == "190/460");
    client.post("/_sim/unrevoke", {{"platform", "instagram"}, {"account", "178414"}});
    CHECK(client.get_json("/v25.0/me?fields=user_id&access_token=" + kToken)["user_id"] == "178414");

    const auto version = [&client](const std::string& asked) {
        return *client.get("/" + asked + "/178414", kToken).find("facebook-api-version");
    };
    CHECK(version("v26.0") == "v26.0");
    CHECK(version("v21.0") == "v21.0");
    CHECK(version("v18.0") == "v21.0");
    CHECK(version("v27.0") == "v21.0");
    CHECK(code("/v99.0/178414", kToken) == "2500/0");
}

TEST_CASE("small accounts, quiet days and unpublished days have no numbers") {
    TestClient client;
    const auto day = window(on("2026-11-10"), on("2026-11-10"));
    const auto names = [](const Json& body) {
        std::string out;
        for (const auto& entry : body["data"]) out += entry["name"].get<std::string>() + " ";
        return out;
    };
    CHECK(names(client.get_json("/v25.0/b-small/insights?metric=reach,follower_count" + day,
                                "sim.instagram.b-small")) == "reach ");
    CHECK(
        names(client.get_json(
            "/v25.0/b-small/insights?metric=views,follows_and_unfollows&metric_type=total_value&breakdown=follow_type" +
                day,
            "sim.instagram.b-small")) == "views ");
    const auto today = window(on("2026-11-20"), on("2026-11-20"));
    CHECK(client.get_json(kInsights + "metric=views&metric_type=total_value" + today, kToken).dump() ==
          R"({"data":[]})");
    const World world{1};
    const auto account = world.account(Platform::instagram, "178414");
    auto silent = on("2026-11-10");
    while (!quiet(account, silent)) silent -= date::days{1};
    CHECK(client.get_json(kInsights + "metric=views,likes&metric_type=total_value" + window(silent, silent), kToken)
              .dump() == R"({"data":[]})");
    CHECK(client.oracle("instagram", "178414", render_day(silent), render_day(silent)).empty());
    // follows_and_unfollows without its breakdown comes without a number
    const auto bare = client.get_json("/v25.0/" + busy_account(on("2026-11-10"), on("2026-11-10")) +
                                          "/insights?metric=follows_and_unfollows&metric_type=total_value" + day,
                                      "sim.instagram." + busy_account(on("2026-11-10"), on("2026-11-10")));
    REQUIRE(bare["data"].size() == 1);
    CHECK(!bare["data"][0].contains("total_value"));
}

TEST_CASE("the breakdowns of an additive metric add up to its total, in one and in two dimensions") {
    TestClient client;
    const auto id = busy_account(on("2026-11-09"), on("2026-11-11"));
    const auto ask = [&](const std::string& rest) {
        return client.get_json("/v25.0/" + id + "/insights?metric=views&metric_type=total_value" +
                                   window(on("2026-11-09"), on("2026-11-11")) + rest,
                               "sim.instagram." + id)["data"][0]["total_value"];
    };
    const auto total = ask("")["value"].get<std::int64_t>();
    for (const std::string dimensions :
         {"follow_type", "media_product_type", "media_product_type,follow_type", "follow_type,media_product_type"}) {
        const auto breakdown = ask("&breakdown=" + dimensions)["breakdowns"][0];
        std::int64_t sum = 0;
        for (const auto& result : breakdown["results"]) {
            CHECK(result["value"].get<std::int64_t>() > 0);
            CHECK(result["dimension_values"].size() == breakdown["dimension_keys"].size());
            sum += result["value"].get<std::int64_t>();
        }
        CHECK_MESSAGE(sum == total, dimensions);
    }
}

TEST_CASE("what Instagram answers day by day is what the oracle says") {
    TestClient client;
    client.now = at("2026-11-20T11:40:00Z");  // some of the last days are hidden or provisional
    const std::string id = "178414";
    std::map<std::string, double> collected;
    const auto put = [&collected](const std::string& name, Day day, const Json& value) {
        collected[name + "@" + render_day(day)] = value.get<double>();
    };
    const auto series = client.get_json(
        kInsights + "metric=reach,follower_count&period=day" + window(on("2026-10-23"), on("2026-11-20")), kToken);
    for (const auto& entry : series["data"])
        for (const auto& value : entry["values"]) {
            const auto stamp = parse_time(value["end_time"].get<std::string>(), pacific()).value();
            put(entry["name"], day_of(pacific(), stamp - std::chrono::seconds{1}), value["value"]);
        }
    for (auto day = on("2026-10-23"); day <= on("2026-11-20"); day += date::days{1}) {
        const std::vector<std::string> asks{
            "views,accounts_engaged,total_interactions,likes,comments,shares,saves,replies,reposts,profile_links_taps,"
            "profile_views,website_clicks",
            "reach,views,follows_and_unfollows&breakdown=follow_type",
            "reach,views,total_interactions,likes,comments,shares,saves&breakdown=media_product_type",
            "reach&breakdown=media_product_type,follow_type", "profile_links_taps&breakdown=contact_button_type"};
        for (const auto& ask : asks) {
            const auto body = client.get_json(
                kInsights + "period=day&metric_type=total_value&metric=" + ask + window(day, day), kToken);
            for (const auto& entry : body["data"]) {
                if (!entry["total_value"].contains("breakdowns")) {
                    put(entry["name"], day, entry["total_value"]["value"]);
                    continue;
                }
                for (const auto& [name, value] : broken_down(entry)) put(name, day, value);
            }
        }
        const auto online =
            client.get_json(kInsights + "metric=online_followers&period=lifetime" + window(day, day), kToken);
        for (const auto& entry : online["data"])
            for (const auto& [hour, number] : entry["values"][0]["value"].items())
                put("online_followers." + hour, day, number);
    }
    for (const std::string name : {"follower_demographics", "engaged_audience_demographics"})
        for (const std::string dimensions : {"age", "gender", "country", "city", "age,gender"}) {
            const auto body = client.get_json(
                kInsights + "period=lifetime&metric_type=total_value&timeframe=this_month&metric=" + name +
                    "&breakdown=" + dimensions,
                kToken);
            for (const auto& entry : body["data"])
                for (const auto& [metric, value] : broken_down(entry)) put(metric, on("2026-11-20"), value);
        }
    const auto profile = client.get_json("/v25.0/178414?fields=id,followers_count,follows_count,media_count", kToken);
    for (const std::string name : {"followers_count", "follows_count", "media_count"})
        put(name, on("2026-11-20"), profile[name]);
    CHECK(collected.size() > 400);
    CHECK(collected == client.oracle("instagram", id, "2026-10-23", "2026-11-20"));
}
