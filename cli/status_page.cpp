// SPDX-License-Identifier: Apache-2.0
// Lays the daemon's status out on one screen.
#include "cli/status_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/run_progress.hpp"
#include "cli/text_table.hpp"
#include "common/counted.hpp"

namespace tally::cli {

namespace {

using Seconds = std::chrono::seconds;

constexpr std::size_t kShownBackfills = 3;
constexpr double kGoodService = 0.99;  // of the slots in time

class StatusPage {
public:
    StatusPage(const Json& status, Instant now, const Palette& palette)
        : status_(status), now_(now), palette_(palette) {}

    std::string render() {
        daemon();
        database();
        attention();
        backlog();
        backfills();
        runs();
        tiers();
        platforms();
        quarantine();
        nodes();
        return std::move(out_);
    }

private:
    void line(std::string_view label, const std::string& text) { out_ += fmt::format("{:<10} {}\n", label, text); }

    std::string when(const Json& object, std::string_view name, std::string_view never) const {
        const auto time = printable(text_of(object, name));
        return time.empty() ? std::string{never} : render_when(time, now_);
    }

    std::string counted(const Json& object, std::string_view name, Tone tone, std::string_view word) const {
        const auto count = number_of(object, name);
        return palette_.paint(count > 0 ? tone : Tone::plain, fmt::format("{} {}", with_separators(count), word));
    }

    void daemon() {
        const auto& daemon = member(status_, "daemon");
        const auto state = text_of(daemon, "state");
        const bool running = state == "running";
        line("tallyd", fmt::format("{} {} (version {}, node {}, pid {})",
                                   palette_.paint(running ? Tone::good : Tone::warning, printable(state)),
                                   render_span(Seconds{number_of(daemon, "uptime_seconds")}),
                                   printable(text_of(daemon, "version")), printable(text_of(daemon, "node")),
                                   number_of(daemon, "pid")));
        const auto file = text_of(daemon, "config_file");
        line("config", file.empty() ? "no file, all defaults" : printable(file));
        if (const auto error = text_of(daemon, "reload_error"); !error.empty())
            line("",
                 palette_.paint(Tone::bad, fmt::format("the last reload was refused, the old configuration stays: {}",
                                                       printable(error))));
    }

    void database() {
        const auto& database = member(status_, "database");
        if (text_of(database, "status") != "up") {
            line("database",
                 palette_.paint(Tone::bad, fmt::format("{} ({}{})", printable(text_of(database, "status")),
                                                       printable(text_of(database, "kind")), url_of(database))));
            return;
        }
        line("database",
             fmt::format("{} ({}{}), schema {}, {}, answers in {} ms", palette_.paint(Tone::good, "up"),
                         printable(text_of(database, "kind")), url_of(database),
                         printable(text_of(database, "schema_version")), render_size(number_of(database, "size_bytes")),
                         printable(text_of(database, "response_ms"))));
        if (text_of(database, "vault_key") == "file")
            line("", palette_.paint(Tone::faint,
                                    "the vault key is a file under state_dir: back it up apart from the database"));
    }

    static std::string url_of(const Json& database) {
        const auto url = text_of(database, "url");
        return url.empty() ? url : ", " + printable(url);
    }

    void attention() {
        const auto& list = member(status_, "attention");
        if (!list.is_array() || list.empty()) {
            line("attention", palette_.paint(Tone::good, "nothing needs you"));
            return;
        }
        line("attention", palette_.paint(Tone::bad, fmt::format("{} {} you", list.size(),
                                                                list.size() == 1 ? "thing needs" : "things need")));
        for (const auto& item : list) {
            const auto alert = text_of(item, "alert");
            out_ += fmt::format("  {} {} '{}': {} ({}{})\n", palette_.paint(Tone::bad, "!"),
                                printable(text_of(item, "kind")), printable(text_of(item, "subject")),
                                printable(text_of(item, "message")), when(item, "since", "since when is not known"),
                                alert.empty() ? "" : ", alert " + printable(alert));
        }
        if (std::any_of(list.begin(), list.end(), [](const Json& item) { return !text_of(item, "alert").empty(); }))
            line("", palette_.paint(Tone::faint, "'tallyctl alert ack ID' takes an alert off this list"));
    }

    void backfills() {
        const auto& list = member(status_, "backfills");
        std::size_t shown = 0;
        for (const auto& group : list) {
            if (shown == kShownBackfills) {
                line("", fmt::format("and {} more", list.size() - shown));
                return;
            }
            line(shown++ == 0 ? "backfill" : "",
                 printable(fmt::format("{} to {}: {} of {} connections done{} (run group {})", text_of(group, "from"),
                                       text_of(group, "to"), with_separators(read_run_group(group).done()),
                                       with_separators(number_of(group, "total")),
                                       render_requests(read_run_group(group)), text_of(group, "run_group"))));
        }
    }

    /// A platform's words may list all that it knows; 'tallyctl alert list' has them in full.
    static std::string shortened(std::string text) {
        constexpr std::size_t kMost = 90;
        if (text.size() <= kMost) return text;
        auto end = kMost;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // between two characters
        text.resize(end);
        return text + "…";
    }

    void quarantine() {
        table("quarantine",
              {{"REFUSED BY"}, {"REQUEST"}, {"METRIC"}, {"WHERE"}, {"SINCE"}, {"TRIED AGAIN"}, {"REASON"}},
              [this](TextTable& table, const Json& item) {
                  const auto connections = number_of(item, "connections");
                  const auto metric = text_of(item, "metric");
                  table.add({text_of(item, "platform"), text_of(item, "request"), metric.empty() ? "(all)" : metric,
                             flag_of(item, "everywhere") ? "everywhere"
                                                         : fmt::format("{} connection{}", with_separators(connections),
                                                                       connections == 1 ? "" : "s"),
                             when(item, "since", ""), when(item, "probe_at", ""), shortened(text_of(item, "message"))},
                            flag_of(item, "everywhere") ? Tone::warning : Tone::plain);
              });
    }

    void backlog() {
        const auto& backlog = member(status_, "backlog");
        const auto late = number_of(backlog, "late_seconds");
        auto text = fmt::format(
            "{}{} due, {} running, {} asked for by hand", flag_of(backlog, "due_at_least") ? "at least " : "",
            with_separators(number_of(backlog, "due")), with_separators(number_of(backlog, "running")),
            with_separators(number_of(backlog, "waiting_manual")));
        if (late > 0)
            text += ", " + palette_.paint(Tone::warning, fmt::format("late by {}", render_span(Seconds{late})));
        line("backlog", text);
    }

    void runs() {
        const auto& runs = member(status_, "runs");
        const auto& day = member(runs, "last_24h");
        line("runs", fmt::format("last 24 h: {} succeeded, {}, {}; the last one finished {}",
                                 with_separators(number_of(day, "succeeded")),
                                 counted(day, "partial", Tone::warning, "in part"),
                                 counted(day, "failed", Tone::bad, "failed"), when(runs, "last_finished_at", "never")));
        line("rows",
             fmt::format("last 24 h: {} written, {} changed", with_separators(number_of(runs, "rows_written_24h")),
                         with_separators(number_of(runs, "rows_changed_24h"))));
    }

    template <class Fill>
    void table(std::string_view name, std::vector<Column> columns, Fill fill) {
        const auto& list = member(status_, name);
        if (!list.is_array() || list.empty()) return;
        out_ += '\n';
        TextTable table{std::move(columns), palette_, [this](std::string_view text) { out_ += text; }};
        for (const auto& item : list) fill(table, item);
        table.finish();
    }

    void tiers() {
        table(
            "tiers",
            {{"TIER"},
             {"SCHEDULE"},
             {"ZONE"},
             {"USERS", true},
             {"NEXT"},
             {"SLACK"},
             {"IN TIME 24H", true},
             {"LATE P50", true},
             {"P95", true},
             {"P99", true}},
            [this](TextTable& table, const Json& tier) {
                const auto& late = member(tier, "lateness");
                const auto in_time = fraction_of(late, "in_time");
                const auto seconds = [&](std::string_view name) {
                    const auto value = fraction_of(late, name);
                    return !value ? std::string{"-"} : *value < 1 ? "< 1s" : render_span(Seconds{std::lround(*value)});
                };
                table.add({text_of(tier, "name"), text_of(tier, "schedule"), text_of(tier, "zone"),
                           with_separators(number_of(tier, "users")), when(tier, "next_slot", ""),
                           render_span(Seconds{number_of(tier, "slack_seconds")}),
                           in_time ? fmt::format("{:.2f} %", std::floor(*in_time * 10'000) / 100) : "-",
                           seconds("p50_seconds"), seconds("p95_seconds"), seconds("p99_seconds")},
                          in_time && *in_time < kGoodService ? Tone::warning : Tone::plain);
            });
    }

    void platforms() {
        table("platforms",
              {{"PLATFORM"},
               {"CONNECTIONS", true},
               {"ACTIVE", true},
               {"NEED YOU", true},
               {"FAILED 24H", true},
               {"LAST SUCCESS"},
               {"STATE"},
               {"API"}},
              [this](TextTable& table, const Json& platform) {
                  const auto title = text_of(platform, "title");
                  const bool trouble =
                      number_of(platform, "needs_attention") > 0 || number_of(platform, "failed_24h") > 0;
                  table.add(
                      {title.empty() ? text_of(platform, "platform") : title,
                       with_separators(number_of(platform, "connections")),
                       with_separators(number_of(platform, "active")),
                       with_separators(number_of(platform, "needs_attention")),
                       with_separators(number_of(platform, "failed_24h")), when(platform, "last_success_at", "never"),
                       text_of(platform, "state"), text_of(platform, "api_version")},
                      text_of(platform, "state") == "down" ? Tone::bad
                      : trouble                            ? Tone::warning
                                                           : Tone::plain);
              });
    }

    void nodes() {
        table("nodes", {{"NODE"}, {"HOST"}, {"PID", true}, {"VERSION"}, {"STARTED"}, {"STATE"}, {"LEASES", true}},
              [this](TextTable& table, const Json& node) {
                  const bool alive = flag_of(node, "alive");
                  table.add({text_of(node, "node"), text_of(node, "host"), text_of(node, "pid"),
                             text_of(node, "version"), when(node, "started_at", ""), alive ? "alive" : "gone",
                             with_separators(number_of(node, "leases"))},
                            alive ? Tone::plain : Tone::warning);
              });
    }

    const Json& status_;
    Instant now_;
    const Palette& palette_;
    std::string out_;
};

}  // namespace

std::string render_status(const Json& status, Instant now, const Palette& palette) {
    return StatusPage{status, now, palette}.render();
}

}  // namespace tally::cli
