// SPDX-License-Identifier: Apache-2.0
// Reports of the week that is over, on a real PostgreSQL, and their way through the outbox.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "daemon/alert/outbox.hpp"
#include "daemon/report/mail.hpp"
#include "tests/common/config/environment.hpp"
#include "tests/daemon/duty/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

struct Fixture : test::DutyFixture {
    Fixture() {
        rules.config.state_dir = directory.path();
        rules.config.reports.delay = 0s;
        rules.config.smtp.url = "smtp://127.0.0.1";
        rules.config.tiers["silent"].reports = false;
        rules.catalog = platform::Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
        run("metrics");  // what may be added up
    }
    /// A user with one number for each day of the last two weeks.
    void add(const std::string& user, const std::string& tier = "premium", const std::string& address = {}) const {
        database.execute(fmt::format("INSERT INTO users (user_id, tier) VALUES ('{}', '{}')", user, tier));
        if (!address.empty())
            database.execute(fmt::format("INSERT INTO report_recipients VALUES ('{}', '{}')", user, address));
        add_numbers(user, 1, 14);
    }
    /// From so many days before this week's Monday back to so many.
    void add_numbers(const std::string& user, int first, int last) const {
        database.execute(fmt::format(
            "SELECT ensure_snapshot_month(d::date) FROM generate_series(current_date - 60, current_date, interval '10 "
            "d') d;"
            "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, "
            "run_id, first_seen_at) SELECT '{}', 'youtube', 'UC1', 'social_media', 'views', n, "
            "date_trunc('week', now() AT TIME ZONE 'UTC')::date - n, now(), 1, now() FROM generate_series({}, {}) n",
            user, first, last));
    }
    std::string reports() const {
        return database.value(
            "SELECT coalesce(string_agg(user_id || ' ' || metrics, ', ' ORDER BY user_id, week), '') FROM reports");
    }
    std::string outbox() const {
        return database.value("SELECT coalesce(string_agg(channel, ', ' ORDER BY message_id), '') FROM outbox");
    }
    /// Of the last week that is over.
    Day monday() const {
        return parse_day(database.value("SELECT date_trunc('week', now() AT TIME ZONE 'UTC')::date - 7")).value();
    }

    const test::Directory directory;
};

}  // namespace

TEST_CASE("each user of a tier with reports gets one, once, and mail only with an address") {
    Fixture f;
    f.add("alice", "premium", "alice@example.com");
    f.add("bob", "free");
    f.add("carol", "silent", "carol@example.com");
    f.database.execute("INSERT INTO users (user_id, tier) VALUES ('dora', 'free')");  // without any number
    CHECK(f.run("reports").words == "built 2 reports");
    CHECK(f.reports() == "alice 1, bob 1");
    CHECK(f.outbox() == "report:alice");
    CHECK(f.database.value("SELECT string_agg(DISTINCT node || ' ' || week, ',') FROM reports") ==
          "n " + render_day(f.monday()));
    const report::Archive archive{f.directory.path() + "/reports"};
    CHECK(archive.read("alice", f.monday(), report::Format::text).value().find("  views: 28, -49") !=
          std::string::npos);
    const auto again = f.run("reports");
    CHECK_FALSE(again.changed);
    CHECK(again.words == "no report was due");
    CHECK(f.outbox() == "report:alice");
    // A node that died in the middle: what was mailed is not mailed again.
    f.database.execute(
        "UPDATE report_rounds SET after_user = '', finished_at = NULL; UPDATE outbox SET sent_at = now();"
        "UPDATE reports SET mailed_at = now()");
    CHECK(f.run("reports").words == "built 2 reports");
    CHECK(f.outbox() == "report:alice");
}

TEST_CASE("without a mail server reports are built and nothing waits for one") {
    Fixture f;
    f.rules.config.smtp.url = std::nullopt;
    f.add("alice", "premium", "alice@example.com");
    CHECK(f.run("reports").words == "built 1 report");
    CHECK(f.outbox().empty());
}

TEST_CASE("users of every zone have a round, which goes on behind the user where it was left") {
    Fixture f;
    for (int i = 0; i < 45; ++i) f.add(fmt::format("u{:02}", i));
    f.add("v", "premium");
    f.database.execute("UPDATE users SET zone = 'Etc/GMT+1' WHERE user_id = 'v'");
    f.database.execute(fmt::format("INSERT INTO report_rounds (zone, week, after_user) VALUES ('UTC', '{}', 'u41')",
                                   render_day(f.monday())));
    f.run("reports");
    // Whether it is Monday there already is another matter for an hour a week.
    CHECK(f.database.value("SELECT string_agg(user_id, ' ' ORDER BY user_id) FROM reports WHERE user_id < 'v'") ==
          "u42 u43 u44");
    CHECK(f.database.value("SELECT count(*) FROM report_rounds WHERE finished_at IS NOT NULL") == "2");
    f.database.execute("UPDATE report_rounds SET after_user = '', finished_at = NULL");
    CHECK(f.run("reports").words == "built 46 reports");
    CHECK(f.database.value("SELECT count(*) FROM reports WHERE user_id < 'v'") == "45");
}

TEST_CASE("reports are forgotten after a while, rows and files") {
    Fixture f;
    f.add("alice");
    f.run("reports");
    const auto old = render_day(f.monday() - std::chrono::days{189});
    f.database.execute(
        fmt::format("INSERT INTO reports SELECT user_id, '{}', built_at, node, metrics, html_bytes, xlsx_bytes "
                    "FROM reports; INSERT INTO report_rounds VALUES ('UTC', '{}', '', now())",
                    old, old));
    std::filesystem::create_directories(f.directory.path() + "/reports/" + old);
    f.run("reports");
    CHECK(f.reports() == "alice 1");
    CHECK(f.database.value("SELECT count(*) FROM report_rounds") == "1");
    CHECK_FALSE(std::filesystem::exists(f.directory.path() + "/reports/" + old));
}

TEST_CASE("a template that is none fails the duty, and the round waits for a better one") {
    Fixture f;
    f.add("alice");
    std::filesystem::create_directories(f.directory.path() + "/templates");
    f.directory.write("templates/report.html", "{{#accounts}}");
    f.rules.config.source_file = f.directory.path() + "/tallyd.yaml";
    CHECK_THROWS_AS(f.run("reports"), Error);
    CHECK(f.reports().empty());
    f.directory.write("templates/report.html", "{{user}}");
    CHECK(f.run("reports").words == "built 1 report");
}

TEST_CASE("alerts leave the outbox before reports, and what came of a mail is noted") {
    Fixture f;
    f.add("alice", "premium", "alice@example.com");
    f.add("bob", "premium", "bob@example.com");
    f.run("reports");
    f.database.execute("INSERT INTO outbox (channel, message) SELECT 'ops', '" +
                       alert::to_json({.notice = {}, .sender = "h", .at = now()}) + "'");
    auto session = f.database.session();
    alert::Outbox outbox{session};
    const auto first = outbox.claim(2, 60s);
    REQUIRE(first.size() == 2);
    const auto report =
        std::find_if(first.begin(), first.end(), [](const auto& delivery) { return delivery.report.has_value(); });
    REQUIRE(report != first.end());
    CHECK(std::count_if(first.begin(), first.end(), [](const auto& delivery) { return delivery.channel == "ops"; }) ==
          1);
    CHECK(report->report->user_id == "alice");
    CHECK(report->report->monday == f.monday());
    outbox.failed(*report, "the server is full", 60s);
    CHECK(f.database.value("SELECT mail_error FROM reports WHERE user_id = 'alice'") == "the server is full");
    f.database.execute("UPDATE outbox SET send_at = now() WHERE channel = 'report:alice'");
    f.database.execute("UPDATE outbox SET sent_at = now() WHERE channel = 'ops'");
    const auto second = outbox.claim(1, 60s);
    REQUIRE(second.size() == 1);
    outbox.sent(second[0]);
    CHECK(f.database.value("SELECT count(*) FROM reports WHERE mailed_at IS NOT NULL AND mail_error = ''") == "1");

    report::Reporter reporter{f.rules.config, f.rules.catalog, "n"};
    auto transaction = session.begin();
    const auto posting = report::make_posting(transaction, reporter, "alice", f.monday(), now());
    REQUIRE(posting);
    CHECK(posting->to == "alice@example.com");
    CHECK(posting->letter.attachments.size() == 2);
    CHECK(report::make_posting(transaction, reporter, "nobody", f.monday(), now()) == std::nullopt);
}

TEST_CASE("what another node keeps is built anew here") {
    Fixture f;
    f.add("alice");
    f.run("reports");
    auto session = f.database.session();
    const test::Directory elsewhere;
    auto config = f.rules.config;
    config.state_dir = elsewhere.path();
    report::Reporter other{config, f.rules.catalog, "other"};
    auto transaction = session.begin();
    f.database.execute("UPDATE analytics_snapshots SET value = value + 100");
    const auto text = other.read(transaction, "alice", f.monday(), report::Format::text, now());
    REQUIRE(text);
    CHECK(text->find("  views: 728,") != std::string::npos);
    transaction.commit();
    CHECK(f.database.value("SELECT node FROM reports") == "other");
    // The first node knows that its files are not the newest.
    report::Reporter first{f.rules.config, f.rules.catalog, "n"};
    auto look = session.begin();
    CHECK(first.read(look, "alice", f.monday(), report::Format::text, now()).value().find("  views: 728,") !=
          std::string::npos);
    CHECK(first.read(look, "alice", f.monday() - std::chrono::days{7}, report::Format::text, now()) == std::nullopt);
}
