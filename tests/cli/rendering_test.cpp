// SPDX-License-Identifier: Apache-2.0
// What people read: the status page, progress, tables, sizes and spans.
#include <doctest/doctest.h>

#include "cli/json_text.hpp"
#include "cli/run_progress.hpp"
#include "cli/status_page.hpp"
#include "cli/text_table.hpp"
#include "cli/yaml_text.hpp"
#include "common/counted.hpp"
#include "common/yaml.hpp"

using namespace tally;
using namespace tally::cli;
using namespace std::chrono_literals;

namespace {

const Instant kNow = parse_instant("2026-11-21T03:00:00Z").value();

Json sample_status() {
    return Json::parse(R"({
      "daemon": {"version": "0.1.0", "pid": 812, "uptime_seconds": 93784, "node": "db1", "config_file": "/etc/tally/tallyd.yaml",
                 "reload_error": null, "state": "running"},
      "database": {"status": "up", "kind": "private", "url": "", "schema_version": 1, "response_ms": 2, "size_bytes": 1400000000,
                   "vault_key": "file"},
      "nodes": [{"node": "db1", "host": "db1.example", "pid": 812, "version": "0.1.0", "started_at": "2026-11-20T01:00:00Z",
                 "alive": true, "leases": 3},
                {"node": "db2", "host": "db2.example", "pid": 90, "version": "0.1.0", "started_at": "2026-11-20T01:00:00Z",
                 "alive": false, "leases": 0}],
      "tiers": [{"name": "free", "schedule": "0 2 * * *", "zone": "UTC", "users": 1200000, "next_slot": "2026-11-22T02:00:00Z",
                 "slack_seconds": 86400}],
      "platforms": [{"platform": "instagram", "title": "Instagram", "connections": 900, "active": 890, "needs_attention": 10,
                     "last_success_at": "2026-11-21T02:59:30Z", "failed_24h": 2, "api_version": "v25.0"}],
      "backlog": {"due": 12, "running": 3, "waiting_manual": 1, "oldest_due_at": "2026-11-21T02:50:00Z", "late_seconds": 600},
      "runs": {"last_24h": {"succeeded": 1234, "partial": 5, "failed": 2}, "rows_written_24h": 45678, "rows_changed_24h": 321,
               "last_finished_at": "2026-11-21T02:59:50Z"},
      "attention": [{"kind": "connection", "subject": "acme instagram 17", "message": "needs authorization",
                     "since": "2026-11-20T03:00:00Z"}]})");
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the status page says what matters, in this order") {
    const auto page = render_status(sample_status(), kNow, Palette{});
    CHECK(contains(page, "running 1d 2h (version 0.1.0, node db1, pid 812)"));
    CHECK(contains(page, "up (private), schema 1, 1.4 GB, answers in 2 ms"));
    CHECK(contains(page, "back it up"));
    CHECK(contains(page, "1 thing needs you"));
    CHECK(contains(page, "! connection 'acme instagram 17': needs authorization (1d 0h ago)"));
    CHECK(contains(page, "12 due, 3 running, 1 asked for by hand, late by 10m 0s"));
    CHECK(contains(page, "1,234 succeeded, 5 in part, 2 failed; the last one finished 10s ago"));
    CHECK(contains(page, "45,678 written, 321 changed"));
    CHECK(contains(page, "1,200,000"));
    CHECK(contains(page, "in 23h 0m"));
    CHECK(contains(page, "gone"));
    CHECK(page.find("needs you") < page.find("backlog"));
    CHECK(page.find("backlog") < page.find("PLATFORM"));
    CHECK_FALSE(contains(page, "\x1b"));
}

TEST_CASE("the status page with trouble, and without any data") {
    auto status = sample_status();
    status["daemon"]["reload_error"] = "tallyd.yaml:3: listen: unknown key";
    status["database"] = {{"status", "down"}, {"kind", "external"}, {"url", "postgres://db/tally"}};
    status["attention"] = Json::array();
    const auto page = render_status(status, kNow, Palette{});
    CHECK(
        contains(page, "the last reload was refused, the old configuration stays: tallyd.yaml:3: listen: unknown key"));
    CHECK(contains(page, "down (external, postgres://db/tally)"));
    CHECK(contains(page, "nothing needs you"));
    CHECK(contains(render_status(Json::object(), kNow, Palette{}), "never"));
}

TEST_CASE("the status page names alerts, refused metrics and running backfills") {
    auto status = sample_status();
    status["attention"].push_back({{"kind", "version_drift"},
                                   {"subject", "facebook"},
                                   {"message", "answers as v26.0"},
                                   {"since", "2026-11-21T02:00:00Z"},
                                   {"alert", 12}});
    CHECK_FALSE(contains(render_status(sample_status(), kNow, Palette{}), "alert ack"));
    status["quarantine"] = Json::parse(R"([
      {"platform": "facebook", "request": "page", "metric": "page_fans", "everywhere": true, "connections": 0,
       "since": "2026-11-20T03:00:00Z", "probe_at": "2026-11-21T06:00:00Z", "code": "100", "message": "invalid metric"},
      {"platform": "instagram", "request": "reach", "metric": null, "everywhere": false, "connections": 1200,
       "since": "2026-11-20T03:00:00Z", "probe_at": "2026-11-21T06:00:00Z", "code": "10", "message": "no permission"}])");
    for (int group = 7; group < 12; ++group)
        status["backfills"].push_back({{"run_group", group},
                                       {"from", "2026-01-01"},
                                       {"to", "2026-11-20"},
                                       {"total", 20},
                                       {"succeeded", 3},
                                       {"requests_made", 120},
                                       {"requests_left", 340},
                                       {"estimated_seconds", 245}});
    const auto page = render_status(status, kNow, Palette{});
    CHECK(contains(page, "2 things need you"));
    CHECK(contains(page, "! version_drift 'facebook': answers as v26.0 (1h 0m ago, alert 12)"));
    CHECK(contains(page, "alert ack"));
    CHECK(contains(
        page,
        "backfill   2026-01-01 to 2026-11-20: 3 of 20 connections done, requests 120 of about 460, about 4m 5s "
        "left (run group 7)"));
    CHECK(contains(page, "and 2 more"));
    CHECK(contains(page, "page_fans"));
    CHECK(contains(page, "everywhere"));
    CHECK(contains(page, "(all)"));
    CHECK(contains(page, "1,200 connections"));
    CHECK(contains(page, "in 3h 0m"));
}

TEST_CASE("progress counts requests where the daemon knows them") {
    const auto group = read_run_group(Json::parse(
        R"({"total": 2, "running": 2, "requests_made": 120, "requests_left": 340, "estimated_seconds": 240})"));
    CHECK(render_progress(group, 10s, 0) == "0/2, 0 rows/s, requests 120 of about 460, about 4m 0s left");
    const auto begun = read_run_group(
        Json::parse(R"({"total": 2, "requests_made": 0, "requests_left": 9, "estimated_seconds": null})"));
    CHECK(render_requests(begun) == ", requests 0 of about 9");
    CHECK(render_requests(read_run_group(Json::parse(R"({"total": 2, "requests_left": null})"))).empty());
    CHECK(render_requests(read_run_group(Json::parse(R"({"total": 2, "succeeded": 2, "requests_left": 4})"))).empty());
}

TEST_CASE("colour is a matter of the palette; a hostile text cannot paint") {
    auto status = sample_status();
    status["attention"][0]["message"] = "\x1b[2J gone\r\xC2\x9B";
    const auto plain = render_status(status, kNow, Palette{});
    CHECK(contains(plain, "?[2J gone??"));
    CHECK(contains(render_status(sample_status(), kNow, Palette{.colour = true}), "\x1b[31m"));
}

TEST_CASE("printable keeps text and drops control") {
    CHECK(printable("Zo\xC3\xAB \xE2\x80\xA6") == "Zo\xC3\xAB \xE2\x80\xA6");
    CHECK(printable("a\tb\x7F") == "a?b?");
    CHECK(printable("\xC2\x80x") == "?x");
    CHECK(printable("\xC2\xA0") == "\xC2\xA0");
}

TEST_CASE("progress of a run group") {
    const auto group = read_run_group(Json::parse(
        R"({"run_group": "7", "total": 120, "waiting": 50, "running": 10, "succeeded": 55, "partial": 3, "failed": 2, "rows_written": 3400})"));
    CHECK(group.done() == 60);
    CHECK_FALSE(group.finished());
    CHECK(render_progress(group, 10s, 0) == "60/120, 2 failed, 3 in part, 340 rows/s, 10s left");
    const auto bar = render_progress(group, 10s, 80);
    CHECK(bar.size() <= 79);
    CHECK(contains(bar, "[#"));
    CHECK(contains(bar, "-] 60/120"));
    CHECK(render_progress(group, 10s, 20).size() <= 19);
    CHECK(render_progress(RunGroup{.total = 3}, 0ms, 80).find("0/3") != std::string::npos);
}

TEST_CASE("the exit code of a run group") {
    CHECK(exit_code_of({.total = 3, .succeeded = 3}) == 0);
    CHECK(exit_code_of({.total = 3, .succeeded = 2, .failed = 1}) == 3);
    CHECK(exit_code_of({.total = 3, .succeeded = 2, .partial = 1}) == 3);
    CHECK(exit_code_of({.total = 3, .partial = 3}) == 3);
    CHECK(exit_code_of({.total = 3, .failed = 3}) == 1);
}

TEST_CASE("the summary names failures, at most twenty") {
    RunGroup group{.total = 100, .succeeded = 50, .failed = 50};
    for (int i = 0; i < 50; ++i)
        group.failures.push_back({{"user_id", "u" + std::to_string(i)},
                                  {"platform", "youtube"},
                                  {"account_id", "UC"},
                                  {"run_id", i},
                                  {"error_class", "http 503"},
                                  {"error", "backend error"}});
    const auto text = render_summary(group, 1500ms);
    CHECK(contains(text, "50 of 100 succeeded, 0 in part, 50 failed; 0 rows written, 0 changed, in 1.5 s\n"));
    CHECK(contains(text, "  u19 youtube UC: backend error (run 19, http 503)\n"));
    CHECK_FALSE(contains(text, "u20 "));
    CHECK(contains(text, "and 30 more"));
}

TEST_CASE("a table pads by characters, not by bytes") {
    std::string out;
    TextTable table{{{"NAME"}, {"N", true}}, Palette{}, [&](std::string_view text) { out += text; }};
    table.add({"Zo\xC3\xAB", "7"});
    table.add({"", "1234"});
    table.finish();
    CHECK(out == "NAME     N\nZo\xC3\xAB      7\n-     1234\n");
}

TEST_CASE("a long table is written as it comes") {
    std::size_t lines = 0;
    TextTable table{{{"N"}}, Palette{}, [&](std::string_view) { ++lines; }};
    for (std::size_t i = 0; i < TextTable::kHeldRows + 1; ++i) {
        table.add({"x"});
        if (i + 1 < TextTable::kHeldRows) CHECK(lines == 0);
    }
    CHECK(lines == TextTable::kHeldRows + 2);
    table.finish();
    CHECK(lines == TextTable::kHeldRows + 2);
}

TEST_CASE("numbers, sizes and spans") {
    CHECK(with_separators(0) == "0");
    CHECK(with_separators(999) == "999");
    CHECK(with_separators(1000) == "1,000");
    CHECK(with_separators(-1234567) == "-1,234,567");
    CHECK(with_separators(-123) == "-123");
    CHECK(render_size(999) == "999 B");
    CHECK(render_size(1000) == "1.0 kB");
    CHECK(render_size(999'999) == "1.0 MB");
    CHECK(render_span(59s) == "59s");
    CHECK(render_span(3599s) == "59m 59s");
    CHECK(render_span(90061s) == "1d 1h");
    CHECK(render_when("2026-11-21T02:00:00Z", kNow) == "1h 0m ago");
    CHECK(render_when("2026-11-21T03:00:05Z", kNow) == "in 5s");
    CHECK(render_when("soon", kNow) == "soon");
}

TEST_CASE("members that are absent or of another type do no harm") {
    const auto object = Json::parse(R"({"text": "t", "number": 7, "null": null, "flag": true})");
    CHECK(text_of(object, "number") == "7");
    CHECK(text_of(object, "null").empty());
    CHECK(text_of(Json::parse("[1]"), "text").empty());
    CHECK(number_of(object, "text") == 0);
    CHECK(flag_of(object, "flag"));
    CHECK_FALSE(flag_of(object, "number"));
}

TEST_CASE("the configuration as YAML can be read again") {
    const auto value =
        Json::parse(R"({"database": {"url": "", "sessions": 4}, "listen": ["unix:/run/t.sock", "[::1]:80"],
                                       "tiers": {"free": {"cron": "0 2 * * *", "reports": true, "zone": "Europe/Berlin"}},
                                       "word": "no", "empty": {}, "nothing": null})");
    const auto text = render_yaml(value);
    const auto root = YamlNode::parse(text, "t");
    CHECK(root.at("tiers").at("free").at("cron").text() == "0 2 * * *");
    CHECK(root.at("tiers").at("free").at("reports").boolean());
    CHECK(root.at("listen").texts() == std::vector<std::string>{"unix:/run/t.sock", "[::1]:80"});
    CHECK(root.at("database").at("sessions").integer(0, 9) == 4);
    CHECK(contains(text, "word: \"no\"\n"));
    CHECK(contains(text, "      zone: Europe/Berlin\n") == false);
    CHECK(contains(text, "    zone: Europe/Berlin\n"));
}
