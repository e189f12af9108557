// SPDX-License-Identifier: Apache-2.0
// What is wanted of connections, from rows of a real database, read with the rights of the reader.
#include "cli/wanted_accounts.hpp"

#include <doctest/doctest.h>

#include <map>

#include "cli/copy_out.hpp"
#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace tally::cli;
using platform::Knowledge;

namespace {

const Instant kNow = parse_instant("2026-11-21T20:00:00Z").value();
const Day kFrom = *parse_day("2026-11-17");

const platform::Catalog& catalog() {
    static const auto shipped = platform::Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    return shipped;
}

struct Fixture : test::StoreFixture {
    Fixture() : test::StoreFixture(2) { database.execute("UPDATE connections SET created_at = '2026-11-17 12:00Z'"); }

    std::vector<WantedAccount> wanted(WantedFilter filter) const {
        const auto url = database.options("").url + "?options=-c%20role%3Dtally_reader";
        CopySource source{url};
        WantedAccounts accounts{url, source.export_snapshot(), catalog(), std::move(filter), kNow};
        std::vector<WantedAccount> list;
        while (auto account = accounts.next()) list.push_back(std::move(*account));
        CHECK(accounts.share() == 1);
        return list;
    }

    void cover(const std::string& request, const std::string& first, const std::string& last,
               const std::string& state) {
        database.execute("INSERT INTO coverage VALUES (1, '" + request + "', '" + first + "', '" + last + "', '" +
                         state + "', '2026-11-21 10:00Z', 1)");
    }

    void store_number(const std::string& platform, const std::string& metric, const std::string& date) {
        database.execute("SELECT ensure_snapshot_month('" + date + "')");
        database.execute(
            "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, "
            "run_id, "
            "first_seen_at) VALUES ('u', '" +
            platform + "', 'a1', 'social_media', '" + metric + "', 5, '" + date + "', now(), 1, now())");
    }
};

std::string states_of(const WantedAccount& account, const std::string& metric) {
    std::string text;
    for (const auto& wanted : account.metrics) {
        if (wanted.metric != metric) continue;
        for (const auto& day : wanted.days) {
            if (!text.empty()) text += " ";
            text += day ? to_text(*day) : std::string_view{"-"};
        }
    }
    return text;
}

}  // namespace

TEST_CASE("wanted: every connection in key order, also without a row, each metric once") {
    Fixture f;
    const auto all = f.wanted({.users = {},
                               .tiers = {},
                               .platforms = {},
                               .accounts = {},
                               .sources = {},
                               .metrics = {},
                               .from = kFrom,
                               .to = parse_day("2026-11-21")});
    REQUIRE(all.size() == 2);
    CHECK(all[0].account_id == "a1");
    CHECK(all[1].account_id == "a2");
    CHECK(all[0].source == "social_media");
    REQUIRE_FALSE(all[0].metrics.empty());
    for (std::size_t i = 1; i < all[0].metrics.size(); ++i)
        CHECK(all[0].metrics[i - 1].metric < all[0].metrics[i].metric);
    CHECK(states_of(all[0], "likes") == "never_asked never_asked never_asked never_asked impossible");
}

TEST_CASE("wanted: filters") {
    Fixture f;
    WantedFilter one{.users = "{u}",
                     .tiers = "{free}",
                     .platforms = "{you%}",
                     .accounts = "{a2}",
                     .sources = {"so*"},
                     .metrics = {"lik?s", "nothing*"},
                     .from = kFrom,
                     .to = kFrom};
    const auto found = f.wanted(one);
    REQUIRE(found.size() == 1);
    CHECK(found[0].account_id == "a2");
    REQUIRE(found[0].metrics.size() == 1);
    CHECK(found[0].metrics[0].metric == "likes");
    CHECK(found[0].metrics[0].days.size() == 1);
    for (auto* part : {&one.users, &one.tiers, &one.platforms, &one.accounts}) {
        const auto before = std::exchange(*part, "{x}");
        CHECK(f.wanted(one).empty());
        *part = before;
    }
    one.sources = {"ads"};
    CHECK(f.wanted(one).empty());
    one.sources = {};
    one.to = std::nullopt;  // the running day of the account, which is Pacific
    CHECK(f.wanted(one).at(0).metrics.at(0).days.size() == 5);
    one.from = *parse_day("2026-11-22");
    CHECK(f.wanted(one).empty());
}

TEST_CASE("wanted: the states of coverage, and what is refused") {
    Fixture f;
    f.cover("daily", "2026-11-17", "2026-11-18", "final");
    f.cover("daily", "2026-11-19", "2026-11-19", "empty");
    f.cover("daily", "2026-11-20", "2026-11-20", "pending");
    f.database.execute(
        "INSERT INTO quarantine (platform, request, metric, connection_id, probe_at, code, message) VALUES "
        "('youtube', 'daily', 'shares', 0, now(), '400', 'no'), "
        "('youtube', 'by_content_type', 'shares', 1, now(), '400', 'no')");
    const WantedFilter filter{.users = {},
                              .tiers = {},
                              .platforms = {},
                              .accounts = "{a1}",
                              .sources = {},
                              .metrics = {},
                              .from = kFrom,
                              .to = parse_day("2026-11-21")};
    const auto account = f.wanted(filter).at(0);
    CHECK(states_of(account, "likes") == "final final empty pending impossible");
    CHECK(states_of(account, "shares") == "refused refused refused refused impossible");
}

TEST_CASE("wanted: a metric that is broken down is there when a part of it is") {
    Fixture f;
    f.database.execute(
        "INSERT INTO connections (user_id, platform, account_id, credential, created_at) "
        "SELECT user_id, 'instagram', account_id, credential, created_at FROM connections WHERE connection_id = 1");
    f.store_number("instagram", "follows_and_unfollows.follow_type.follower", "2026-11-18");
    const WantedFilter filter{.users = {},
                              .tiers = {},
                              .platforms = "{instagram}",
                              .accounts = {},
                              .sources = {},
                              .metrics = {"follows_and_unfollows"},
                              .from = kFrom,
                              .to = parse_day("2026-11-19")};
    CHECK(states_of(f.wanted(filter).at(0), "follows_and_unfollows") == "never_asked - never_asked");
}

TEST_CASE("numbers of a dimension with capitals are found: their names are in lower case") {
    Fixture f;
    f.store_number("youtube", "shares.creatorcontenttype.shorts", "2026-11-18");
    auto transaction = f.session.begin_read_only();
    const auto days = store::load_number_days(transaction, "u", "a1", *catalog().find("youtube"),
                                              {{"by_content_type", {"shares"}}}, {kFrom, *parse_day("2026-11-21")});
    REQUIRE(days.contains("by_content_type"));
    CHECK(days.at("by_content_type").at("shares").contains(*parse_day("2026-11-18")));
}
