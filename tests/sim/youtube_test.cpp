// SPDX-License-Identifier: Apache-2.0
// YouTube: processed days, strict errors, rounded counters, and the oracle against the answers.
#include "youtube.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <set>

using namespace sim;

namespace {

const std::string kToken = "sim.youtube.UC7";
const std::string kReport = "/v2/reports?ids=channel%3D%3DMINE";
const std::string kRange = "&startDate=2026-10-20&endDate=2026-11-20";

std::string refusal(TestClient& client, const std::string& target, const std::string& token = kToken) {
    const auto reply = client.get(target, token);
    const auto error = Json::parse(reply.body)["error"];
    CHECK(error["code"] == reply.status);
    return std::to_string(reply.status) + " " + error["errors"][0]["reason"].get<std::string>() + " " +
           error["message"].get<std::string>();
}

}  // namespace

TEST_CASE("the Analytics API refuses in the documented words") {
    TestClient client;
    CHECK(refusal(client, "/v2/reports?metrics=views" + kRange) == "400 required Required");
    CHECK(refusal(client, kReport + "&metrics=views&endDate=2026-11-20") == "400 required Required");
    CHECK(refusal(client, kReport + "&metrics=views&startDate=2026-11-20") == "400 required Required");
    CHECK(refusal(client, kReport + kRange) == "400 required Required");
    CHECK(refusal(client, kReport + "&metrics=views&startDate=07-06-2026&endDate=2026-11-20") ==
          "400 invalid Could not parse content (07-06-2026) of field startDate.");
    CHECK(refusal(client, kReport + kRange + "&metrics=views,impressions") ==
          "400 invalid Unknown identifier (impressions) given in field parameters.metrics.");
    CHECK(refusal(client, kReport + kRange + "&metrics=views&dimensions=").starts_with("400 "));
    CHECK(refusal(client, kReport + kRange + "&metrics=views&dimensions=day,country")
              .starts_with("400 badRequest The query is not supported."));
    CHECK(refusal(client, kReport + kRange + "&metrics=views&dimensions=day,month")
              .starts_with("400 badRequest The query is not supported."));
    CHECK(refusal(client, kReport + kRange + "&metrics=views&dimensions=month")
              .starts_with("400 badRequest The requested dates"));
    CHECK(refusal(client, kReport + "&metrics=views&startDate=2026-11-10&endDate=2026-11-09").starts_with("400 "));
    CHECK(refusal(client, kReport + kRange + "&metrics=views&dimensions=day&sort=likes").starts_with("400 "));
    CHECK(refusal(client, "/v2/reports?ids=channel==UC8&metrics=views" + kRange).starts_with("403 forbidden"));
    const auto revenue = refusal(client, kReport + kRange + "&metrics=estimatedRevenue");
    CHECK((revenue.starts_with("401 ") || revenue.starts_with("403 ")));
    CHECK(refusal(client, kReport + kRange + "&metrics=views", "expired.youtube.UC7").starts_with("401 authError"));
    CHECK(refusal(client, "/youtube/v3/channels?mine=true").starts_with("400 missingRequiredParameter"));
    CHECK(refusal(client, "/youtube/v3/channels?part=id").starts_with("400 missingRequiredParameter"));
}

TEST_CASE("the end date is cut to the processed days, and rows are absent when there are none") {
    TestClient client;
    client.now = at("2026-11-20T10:00:00Z");  // 50 hours after the end of the 17th
    const auto body = client.get_json(
        kReport + "&metrics=views&dimensions=day&sort=-day&startDate=2026-11-01&endDate=2026-11-20", kToken);
    CHECK(body["rows"][0][0].get<std::string>() <= "2026-11-17");
    CHECK(body["rows"][0][0].get<std::string>() >= "2026-11-16");
    CHECK(
        body["columnHeaders"].dump() ==
        R"([{"name":"day","columnType":"DIMENSION","dataType":"STRING"},{"name":"views","columnType":"METRIC","dataType":"INTEGER"}])");
    CHECK(!client.get_json(kReport + "&metrics=views&dimensions=day&startDate=2026-11-18&endDate=2026-11-20", kToken)
               .contains("rows"));
    const auto young =
        client.post("/_sim/account", {{"platform", "youtube"}, {"account", "UC7"}, {"created", "2026-11-10"}});
    CHECK(young["ok"] == true);
    CHECK(client
              .get_json(kReport + "&metrics=views&dimensions=day&startDate=2026-11-01&endDate=2026-11-20",
                        kToken)["rows"][0][0]
              .get<std::string>() >= "2026-11-10");
}

TEST_CASE("totals without dimensions and months are the sums of the days") {
    TestClient client;
    const auto sum = [&client](const std::string& rest, std::size_t column) {
        std::int64_t total = 0;
        const auto body = client.get_json(kReport + "&metrics=views" + rest, kToken);
        for (const auto& row : body["rows"]) total += row[column].get<std::int64_t>();
        return total;
    };
    const auto days = sum("&dimensions=day&startDate=2026-09-01&endDate=2026-10-31", 1);
    CHECK(days > 0);
    CHECK(sum("&startDate=2026-09-01&endDate=2026-10-31", 0) == days);
    CHECK(sum("&dimensions=month&startDate=2026-09-01&endDate=2026-10-01", 1) == days);
    CHECK(sum("&dimensions=day,creatorContentType&startDate=2026-09-01&endDate=2026-10-31", 2) == days);
}

TEST_CASE("subscribers are rounded down to three figures and may be hidden") {
    TestClient client;
    const World world{1};
    bool hidden = false;
    for (int i = 0; i < 60; ++i) {
        const auto id = "UC" + std::to_string(i);
        const auto item =
            client.get_json("/youtube/v3/channels?part=id,statistics&mine=true", "sim.youtube." + id)["items"][0];
        CHECK(item["id"] == id);
        const auto& statistics = item["statistics"];
        CHECK(statistics["viewCount"].is_string());
        CHECK(statistics["hiddenSubscriberCount"] == !statistics.contains("subscriberCount"));
        if (!statistics.contains("subscriberCount")) {
            hidden = true;
            continue;
        }
        const auto text = statistics["subscriberCount"].get<std::string>();
        const auto exact = followers(world.account(Platform::youtube, id), client.now);
        CHECK(text.substr(0, 3) == std::to_string(exact).substr(0, 3));
        CHECK(text.size() == std::to_string(exact).size());
        CHECK(text.find_first_not_of('0', 3) == std::string::npos);
    }
    CHECK(hidden);
}

TEST_CASE("revenue is for monetised channels alone, and refused with either code") {
    TestClient client;
    std::set<std::string> refusals;
    for (int i = 0; i < 12; ++i) {
        const auto token = "sim.youtube.UC" + std::to_string(i);
        const auto refused = refusal(client, kReport + kRange + "&metrics=views,cpm&dimensions=day", token);
        CHECK(refused == refusal(client, kReport + kRange + "&metrics=views,cpm&dimensions=day", token));
        refusals.insert(refused);
    }
    CHECK(refusals == std::set<std::string>{"401 unauthorized Insufficient permission to access this report.",
                                            "403 forbidden Forbidden"});
    CHECK(client.oracle("youtube", "UC7", "2026-11-01", "2026-11-10").count("adImpressions@2026-11-10") == 0);

    client.post("/_sim/account", {{"platform", "youtube"}, {"account", "UC7"}, {"monetised", true}});
    const auto report = [&client](const std::string& rest) {
        return client.get_json(kReport + kRange + rest +
                                   "&metrics=estimatedRevenue,estimatedAdRevenue,estimatedRedPartnerRevenue,"
                                   "grossRevenue,adImpressions,cpm",
                               kToken);
    };
    const auto body = report("&dimensions=day");
    CHECK(body["columnHeaders"][1]["dataType"] == "FLOAT");
    CHECK(body["columnHeaders"][5]["dataType"] == "INTEGER");
    for (const auto& row : body["rows"]) {
        CHECK(row[1].get<double>() == doctest::Approx(row[2].get<double>() + row[3].get<double>()));
        CHECK(row[6].get<double>() ==
              doctest::Approx(1000 * row[4].get<double>() / row[5].get<double>()).epsilon(0.01));
    }
    const auto euros = report("&dimensions=day&currency=EUR");
    CHECK(euros["rows"][0][4].get<double>() == doctest::Approx(0.9 * body["rows"][0][4].get<double>()).epsilon(0.01));
    CHECK(euros["rows"][0][5] == body["rows"][0][5]);
    CHECK(refusal(client, kReport + kRange + "&metrics=cpm&currency=Euro").starts_with("400 invalid "));
}

TEST_CASE("what YouTube answers is what the oracle says") {
    TestClient client;
    client.now = at("2026-11-20T10:30:00Z");
    client.post("/_sim/account", {{"platform", "youtube"}, {"account", "UC7"}, {"monetised", true}});
    std::map<std::string, double> collected;
    const std::string activity =
        "views,engagedViews,redViews,estimatedMinutesWatched,estimatedRedMinutesWatched,averageViewDuration,"
        "averageViewPercentage,subscribersGained,"
        "subscribersLost,likes,dislikes,comments,shares,videosAddedToPlaylists,videosRemovedFromPlaylists,"
        "cardImpressions,cardClicks,"
        "cardTeaserImpressions,cardTeaserClicks,cardClickRate,cardTeaserClickRate";
    const std::string revenue =
        "estimatedRevenue,estimatedAdRevenue,grossRevenue,estimatedRedPartnerRevenue,monetizedPlaybacks,adImpressions,"
        "playbackBasedCpm,cpm";
    const auto collect = [&](const std::string& metrics, const std::string& dimensions, std::size_t first) {
        const auto body =
            client.get_json(kReport + kRange + "&metrics=" + metrics + "&dimensions=" + dimensions, kToken);
        for (const auto& row : body["rows"])
            for (std::size_t i = first; i < row.size(); ++i) {
                auto name = body["columnHeaders"][i]["name"].get<std::string>();
                if (first == 2) {
                    auto type = row[1].get<std::string>();
                    for (auto& c : type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
                    name += ".creatorcontenttype." + type;
                }
                collected[name + "@" + row[0].get<std::string>()] = row[i].get<double>();
            }
    };
    for (const auto& metrics : {activity, revenue}) {
        collect(metrics, "day", 1);
        collect(metrics, "day,creatorContentType", 2);
    }
    const auto statistics =
        client.get_json("/youtube/v3/channels?part=statistics&mine=true", kToken)["items"][0]["statistics"];
    for (const std::string name : {"subscriberCount", "viewCount", "videoCount"})
        if (statistics.contains(name)) collected[name + "@2026-11-20"] = std::stod(statistics[name].get<std::string>());
    CHECK(collected.size() > 1000);
    CHECK(collected == client.oracle("youtube", "UC7", "2026-10-20", "2026-11-20"));
}
