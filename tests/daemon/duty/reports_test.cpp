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
    CHECK(f.outbox() == "weekly reports");
    CHECK(f.database.value("SELECT string_agg(DISTINCT node || ' ' || week, ',') FROM reports") ==
          "n " + render_day(f.monday()));
    const report::Archive archive{f.directory.path() + "/reports"};
    CHECK(archive.read("alice", f.monday(), report::Format::text).value().find("  views: 28, -49") !=
          std::string::npos);
    const auto again = f.run("reports");
    CHECK_FALSE(again.changed);
    CHECK(again.words == "no report was due");
    CHECK(f.outbox() == "weekly reports");
    // A node that died in the middle: what was mailed is not mailed again.
    f.database.execute(
        "UPDATE report_rounds SET after_user = '', finished_at = NULL; UPDATE outbox SET sent_at = now();"
        "UPDATE reports SET mailed_at = now()");
    CHECK(f.run("reports").words == "built 2 reports");
    CHECK(f.outbox() == "weekly reports");
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
    for (int i = 0; i < 25; ++i) f.add(fmt::format("u{:02}", i));
    f.add("v", "premium");
    f.database.execute("UPDATE users SET zone = 'Etc/GMT+1' WHERE user_id = 'v'");
    f.database.execute(fmt::format("INSERT INTO report_rounds (zone, week, after_user) VALUES ('UTC', '{}', 'u21')",
                                   render_day(f.monday())));
    f.run("reports");
    // Whether it is Monday there already is another matter for an hour a week.
    CHECK(f.database.value("SELECT string_agg(user_id, ' ' ORDER BY user_id) FROM reports WHERE user_id < 'v'") ==
          "u22 u23 u24");
    CHECK(f.database.value("SELECT count(*) FROM report_rounds WHERE finished_at IS NOT NULL") == "2");
    f.database.execute("UPDATE report_rounds SET after_user = '', finished_at = NULL");
    CHECK(f.run("reports").words == "built 26 reports");
    CHECK(f.database.value("SELECT count(*) FROM reports WHERE user_id < 'v'") == "25");
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

TEST_CASE("when its time is over a round goes on where it was left") {
    Fixture f;
    for (int i = 0; i < 25; ++i) f.add(fmt::format("u{:02}", i));
    f.n1.plan(now());
    const auto run = [&](std::chrono::steady_clock::duration slice) {
        f.database.execute("UPDATE duties SET due_at = now() + interval '1 h'");
        f.n1.request("reports");
        const auto claim = f.n1.claim("n1");
        REQUIRE(claim);
        auto admin = f.database.session("tally_admin");
        duty::Work work{admin, *claim, f.rules, "n", f.stop};
        auto done = duty::build_reports_for(work, slice);
        REQUIRE(f.n1.finish(*claim, now() + 1h, done.words));
        return done;
    };
    for (const auto* words : {"built 20 reports", "built 5 reports"}) {
        const auto some = run(0s);
        CHECK(some.again == 0s);
        CHECK(some.words == words);
    }
    const auto rest = run(1h);
    CHECK_FALSE(rest.again);
    CHECK(rest.words == "no report was due");
}

TEST_CASE(
    "a round that is not ended when the next week is due is said to be, and what one user's numbers break costs that "
    "report") {
    Fixture f;
    f.add("alice");
    f.add("bob");
    const auto before = render_day(f.monday() - std::chrono::days{7});
    f.database.execute(
        fmt::format("INSERT INTO report_rounds (zone, week, after_user) VALUES ('UTC', '{}', 'u')", before));
    f.database.execute(
        "INSERT INTO connections (user_id, platform, account_id, credential, attributes) VALUES ('alice', 'youtube', "
        "'UC1', '', '{\"timezone\": 1}')");
    const auto words = f.run("reports").words;
    CHECK(words.find("built 1 report; 1 report could not be built (the first: user 'alice': ") == 0);
    CHECK(words.find("; the week from " + before + " in UTC ended behind user 'u', the next one is due") !=
          std::string::npos);
    CHECK(f.reports() == "bob 1");
    CHECK(f.database.value("SELECT count(*) FROM report_rounds WHERE finished_at IS NULL") == "0");
}

TEST_CASE("messages and reports are claimed apart, a report waits once, and what came of a mail is noted") {
    Fixture f;
    f.add("alice", "premium", "alice@example.com");
    f.add("bob", "premium", "bob@example.com");
    f.run("reports");
    f.database.execute("INSERT INTO outbox (channel, message) SELECT 'ops', '" +
                       alert::to_json({.notice = {}, .sender = "h", .at = now()}) + "'");
    auto session = f.database.session();
    {
        auto again = session.begin();
        again.exec("mail_report", {"alice", f.monday(), true});
        again.commit();
    }
    CHECK(f.outbox() == "weekly reports, weekly reports, ops");
    alert::Outbox outbox{session};
    using What = alert::Outbox::What;
    const auto messages = outbox.claim(What::messages, 4, 60s);
    REQUIRE(messages.size() == 1);
    CHECK_FALSE(messages[0].report);
    const auto reports = outbox.claim(What::reports, 1, 60s);
    REQUIRE(reports.size() == 1);
    REQUIRE(reports[0].report);
    CHECK(reports[0].report->user_id == "alice");
    CHECK(reports[0].report->monday == f.monday());
    outbox.failed(reports[0], "the server is full", 60s);
    CHECK(f.database.value("SELECT mail_error FROM reports WHERE user_id = 'alice'") == "the server is full");
    f.database.execute("UPDATE outbox SET send_at = now() - interval '1 min' WHERE report_user = 'alice'");
    outbox.failed(outbox.claim(What::reports, 1, 60s).at(0), "refused", std::nullopt);
    CHECK(f.database.value("SELECT subject || ': ' || message FROM alerts WHERE kind = 'undelivered'") ==
          "weekly reports: user 'alice': refused");
    outbox.sent(outbox.claim(What::reports, 1, 60s).at(0));
    CHECK(f.database.value("SELECT user_id FROM reports WHERE mailed_at IS NOT NULL AND mail_error = ''") == "bob");
    CHECK(f.database.value("SELECT count(*) FROM alerts WHERE kind = 'undelivered' AND resolved_at IS NULL") == "0");
    CHECK(outbox.claim(What::reports, 1, 60s).empty());
}

TEST_CASE("who wants no reports any more waits for none") {
    Fixture f;
    f.add("alice", "premium", "alice@example.com");
    f.run("reports");
    auto session = f.database.session();
    alert::Outbox outbox{session};
    const auto report = outbox.claim(alert::Outbox::What::reports, 1, 60s).at(0);
    f.database.execute("DELETE FROM report_recipients");
    report::Reporter reporter{f.rules, "n"};
    CHECK(report::make_posting(session, reporter, "alice", f.monday(), now()) == std::nullopt);
    outbox.drop(report);
    CHECK(f.outbox().empty());
    outbox.failed(report, "too late", std::nullopt);  // nobody is told
    CHECK(f.database.value("SELECT count(*) FROM alerts") == "0");
}

TEST_CASE("a report is mailed as it was built, to the address of its user") {
    Fixture f;
    f.add("alice", "premium", "alice@example.com");
    f.run("reports");
    f.database.execute("UPDATE analytics_snapshots SET value = value + 100");
    auto session = f.database.session();
    report::Reporter reporter{f.rules, "n"};
    const auto posting = report::make_posting(session, reporter, "alice", f.monday(), now());
    REQUIRE(posting);
    CHECK(posting->to == "alice@example.com");
    CHECK(posting->letter.text.find("  views: 28,") != std::string::npos);
    CHECK(posting->letter.attachments.size() == 2);
}

TEST_CASE("what another node keeps is built anew here, as long as its numbers are kept") {
    Fixture f;
    f.add("alice");
    f.run("reports");
    auto session = f.database.session();
    const test::Directory elsewhere;
    f.rules.config.state_dir = elsewhere.path();
    report::Reporter other{f.rules, "other"};
    f.database.execute("UPDATE analytics_snapshots SET value = value + 100");
    other.fetch(session, "alice", f.monday(), now());
    CHECK(other.archive().read("alice", f.monday(), report::Format::text).value().find("  views: 728,") !=
          std::string::npos);
    CHECK(f.database.value("SELECT node FROM reports") == "n");  // a look changes nothing
    CHECK_THROWS_AS(other.fetch(session, "alice", f.monday() - std::chrono::days{7}, now()), Error);
    f.rules.config.tiers["premium"].retention = std::chrono::days{1};
    CHECK_THROWS_AS(other.fetch(session, "alice", f.monday(), now()), Error);
    // The node that keeps it needs no numbers.
    f.rules.config.state_dir = f.directory.path();
    report::Reporter keeper{f.rules, "n"};
    keeper.fetch(session, "alice", f.monday(), now());
    CHECK(keeper.read("alice", f.monday(), report::Format::text).find("  views: 28,") != std::string::npos);
    std::filesystem::remove_all(f.directory.path() + "/reports");
    CHECK_THROWS_AS(keeper.read("alice", f.monday(), report::Format::text), Error);  // no empty report
}
