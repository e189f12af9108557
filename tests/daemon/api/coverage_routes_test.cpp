// SPDX-License-Identifier: Apache-2.0
// What the coverage route answers, from rows of a real database.
#include "daemon/api/coverage_routes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const Instant kNow = parse_instant("2026-11-21T20:00:00Z").value();

const platform::Catalog& catalog() {
    static const auto shipped = platform::Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    return shipped;
}

struct Fixture : test::StoreFixture {
    explicit Fixture(int connections = 1) : test::StoreFixture(connections) {
        database.execute("UPDATE connections SET created_at = '2026-11-17 12:00Z'");
    }

    void cover(int connection, const std::string& request, const std::string& first, const std::string& last,
               const std::string& state) {
        database.execute("INSERT INTO coverage VALUES (" + std::to_string(connection) + ", '" + request + "', '" +
                         first + "', '" + last + "', '" + state + "', '2026-11-21 10:00Z', 1)");
    }

    json ask(std::map<std::string, std::string> query) {
        query.try_emplace("from", "2026-11-12");
        query.try_emplace("to", "2026-11-21");
        api::Request request;
        request.query = std::move(query);
        return api::coverage_json(catalog(), session, api::read_coverage_query(request, kNow), kNow);
    }
};

const json& request_of(const json& connection, const std::string& name) {
    for (const auto& entry : connection["requests"])
        if (entry["request"] == name) return entry;
    FAIL("no request " << name);
    return connection;
}

std::string spans(const json& entry) {
    std::string text;
    for (const auto& span : entry["days"]) {
        if (!text.empty()) text += ", ";
        const auto first = span["first"].get<std::string>().substr(8), last = span["last"].get<std::string>().substr(8);
        text += first + "-" + last + " " + span["state"].get<std::string>();
    }
    return text;
}

std::string hint_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return std::string{error.what()} + " | " + error.hint();
    }
    return "no error";
}

}  // namespace

TEST_CASE("stretches of days per request, with zone and time") {
    Fixture f{2};
    f.cover(1, "daily", "2026-11-01", "2026-11-14", "final");
    f.cover(1, "daily", "2026-11-16", "2026-11-18", "provisional");
    f.cover(2, "daily", "2026-11-12", "2026-11-20", "final");
    const auto answer = f.ask({{"user", "u"}, {"platform", "youtube"}, {"account", "a1"}});
    CHECK(answer["from"] == "2026-11-12");
    CHECK(answer["to"] == "2026-11-21");
    CHECK(answer["next"].is_null());
    REQUIRE(answer["connections"].size() == 1);
    const auto& connection = answer["connections"][0];
    CHECK(connection["user_id"] == "u");
    CHECK(connection["account_id"] == "a1");
    CHECK(connection["state"] == "active");
    const auto& daily = request_of(connection, "daily");
    CHECK(daily["zone"] == "America/Los_Angeles");
    CHECK(daily["metrics"].size() > 5);
    CHECK(daily["days"][0]["asked_at"] == "2026-11-21T10:00:00Z");
    CHECK(daily["days"][1]["asked_at"].is_null());
    CHECK(spans(daily) == "12-14 final, 15-15 never_asked, 16-18 provisional, 19-20 never_asked, 21-21 impossible");
    CHECK(f.ask({{"user", "u"}})["connections"].size() == 2);
}

TEST_CASE("numbers of the moment are found by their rows") {
    Fixture f;
    f.database.execute("SELECT ensure_snapshot_month('2026-11-01')");
    f.database.execute(
        "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, "
        "run_id, "
        "first_seen_at) SELECT 'u', 'youtube', 'a1', 'social_media', 'subscriberCount', 5, d::date, '2026-11-20 "
        "10:00Z', 1, "
        "now() FROM unnest(ARRAY['2026-11-18', '2026-11-19']) AS d");
    const auto answer = f.ask({{"user", "u"}});
    bool found = false;
    for (const auto& entry : answer["connections"][0]["requests"]) {
        if (entry["metrics"][0] != "subscriberCount") continue;
        found = true;
        CHECK(entry["window"] == "now");
        CHECK(spans(entry) == "12-16 impossible, 17-17 never_asked, 18-19 final, 20-21 never_asked");
    }
    CHECK(found);
}

TEST_CASE("a refused metric is refused where it has no number, for one connection or for all") {
    Fixture f{2};
    f.cover(1, "daily", "2026-11-12", "2026-11-20", "final");
    f.cover(2, "daily", "2026-11-12", "2026-11-20", "final");
    f.database.execute(
        "INSERT INTO quarantine (platform, request, metric, connection_id, since, probe_at, code, message) VALUES "
        "('youtube', 'daily', 'likes', 1, '2026-11-18 01:00Z', now(), '400', 'unknown metric'), "
        "('youtube', 'daily', 'views', 0, '2026-11-19 01:00Z', now(), '400', 'removed')");
    const auto connections = f.ask({{"user", "u"}})["connections"];
    const auto refused_of = [](const json& connection) {
        std::vector<std::string> metrics;
        for (const auto& entry : connection["requests"])
            if (entry["request"] == "daily" && spans(entry).find("12-20 refused") == 0)
                for (const auto& metric : entry["metrics"]) metrics.push_back(metric);
        std::sort(metrics.begin(), metrics.end());
        return metrics;
    };
    CHECK(refused_of(connections[0]) == std::vector<std::string>{"likes", "views"});
    CHECK(refused_of(connections[1]) == std::vector<std::string>{"views"});
    REQUIRE(connections[0]["refused"].size() == 2);
    CHECK(connections[0]["refused"][0]["metric"] == "likes");
    CHECK(connections[0]["refused"][0]["everywhere"] == false);
    CHECK(connections[0]["refused"][0]["since"] == "2026-11-18T01:00:00Z");
    CHECK(connections[0]["refused"][1]["everywhere"] == true);
    CHECK(connections[1]["refused"].size() == 1);
}

TEST_CASE("many connections come in pages") {
    Fixture f{51};
    const auto first = f.ask({{"user", "u"}});
    CHECK(first["connections"].size() == 50);
    const auto second = f.ask({{"user", "u"}, {"after", first["next"].dump()}});
    REQUIRE(second["connections"].size() == 1);
    CHECK(second["connections"][0]["account_id"] == "a51");
    CHECK(second["next"].is_null());
    CHECK(f.ask({{"user", "u"}, {"after", "51"}})["connections"].empty());
}

TEST_CASE("what does not exist is named, with what to do") {
    Fixture f;
    CHECK(hint_of([&] { f.ask({{"user", "nobody"}}); }) == "there is no user 'nobody' | See 'tallyctl user list'.");
    CHECK(hint_of([&] {
              f.ask({{"user", "u"}, {"platform", "twitch"}});
          }) == "user 'u' has no connection to 'twitch' | 'tallyctl connection list --user u' shows what there is.");
    CHECK(hint_of([&] {
              f.ask({{"user", "u"}, {"platform", "youtube"}, {"account", "a9"}});
          }) == "user 'u' has no youtube account 'a9' | 'tallyctl connection list --user u' shows what there is.");
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"from", "yesterday"}, {"to", "2026-11-01"}, {"after", "x"}, {"account", "a1"}, {"from", "2001-01-01"}}) {
        CAPTURE(name);
        CHECK(hint_of([&, key = name, text = value] { f.ask({{key, text}}); }) != "no error");
    }
    f.database.execute("INSERT INTO users (user_id, tier) VALUES ('empty', 'free')");
    CHECK(f.ask({{"user", "empty"}})["connections"].empty());
}

TEST_CASE("without a user: days of all connections per platform and tier, counted in the database") {
    Fixture f{3};
    f.database.execute("INSERT INTO users (user_id, tier) VALUES ('v', 'premium')");
    f.database.execute("UPDATE connections SET user_id = 'v' WHERE connection_id = 3");
    // Ten days are asked for, nine of them are over; half of the first stretch lies before them.
    f.cover(1, "daily", "2026-11-08", "2026-11-15", "final");
    f.cover(1, "daily", "2026-11-16", "2026-11-16", "empty");
    f.cover(1, "daily", "2026-11-17", "2026-11-17", "refused");
    f.cover(1, "daily", "2026-11-18", "2026-11-19", "pending");
    const auto groups = f.ask({})["groups"];
    REQUIRE(groups.size() == 2);
    CHECK(groups[0]["platform"] == "youtube");
    CHECK(groups[0]["tier"] == "free");
    CHECK(groups[0]["connections"] == 2);
    CHECK(groups[0]["final"] == 5);
    CHECK(groups[0]["refused"] == 1);
    const auto wanted = groups[0]["days"].get<int>();
    CHECK(groups[0]["gaps"] == wanted - 8);
    CHECK(groups[0]["estimated"] == false);
    CHECK(groups[1]["tier"] == "premium");
    CHECK(groups[1]["days"] == wanted / 2);
    CHECK(groups[1]["gaps"] == wanted / 2);
    CHECK(f.ask({{"platform", "twitch"}})["groups"].empty());
    // What both ways of counting say of one connection: the days that are over, of requests that keep coverage.
    std::int64_t days = 0;
    const auto listed = f.ask({{"user", "v"}, {"to", "2026-11-20"}})["connections"][0];
    for (const auto& request : catalog().find("youtube")->requests) {
        if (platform::keeps_no_coverage(request)) continue;
        for (const auto& span : request_of(listed, request.name)["days"]) {
            if (span["state"] == "impossible") continue;
            const auto first = parse_day(span["first"].get<std::string>()),
                       last = parse_day(span["last"].get<std::string>());
            days += (*last - *first).count() + 1;
        }
    }
    CHECK(groups[1]["days"] == days);
}

TEST_CASE("of very many connections some are looked at, and the days are projected") {
    Fixture f{60};
    for (int i = 1; i <= 60; ++i) f.cover(i, "daily", "2026-11-12", "2026-11-15", "final");
    const auto youtube = catalog().find("youtube");
    const std::vector<store::WantedDays> wanted{{youtube.get(),
                                                 youtube->find_request("daily"),
                                                 {parse_day("2026-11-12").value(), parse_day("2026-11-20").value()}}};
    auto transaction = f.session.begin_read_only();
    const auto all = store::coverage_totals(transaction, std::nullopt, wanted);
    REQUIRE(all.size() == 1);
    CHECK_FALSE(all[0].estimated);
    const auto some = store::coverage_totals(transaction, std::nullopt, wanted, 10);
    REQUIRE(some.size() == 1);
    CHECK(some[0].estimated);
    CHECK(some[0].connections == 60);
    CHECK(some[0].days == all[0].days);  // they are all alike
    CHECK(some[0].settled == 60 * 4);
    CHECK(some[0].gaps == 60 * 5);
}
