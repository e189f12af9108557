// SPDX-License-Identifier: Apache-2.0
// tallyctl export
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/copy_out.hpp"
#include "cli/database_url.hpp"
#include "cli/dates.hpp"
#include "cli/export_progress.hpp"
#include "cli/export_writer.hpp"
#include "cli/filters.hpp"
#include "cli/interrupt.hpp"
#include "cli/missing_rows.hpp"
#include "cli/output_file.hpp"
#include "cli/packing.hpp"
#include "cli/wanted_accounts.hpp"
#include "cli/wide_rows.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/postgres/statements.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

using std::chrono::steady_clock;

constexpr std::string_view kView = "snapshots_export";  // of the statements, which name it once
constexpr std::int64_t kLook = 1'000;                   // rows between two looks at Ctrl-C and the clock
constexpr std::chrono::milliseconds kShow{100};         // between two lines of progress
constexpr std::chrono::days kMostDays{3'660};           // of --with-missing

constexpr std::array<std::pair<std::string_view, ExportFormat>, 4> kFormats{{{"csv", ExportFormat::csv},
                                                                             {"ndjson", ExportFormat::ndjson},
                                                                             {"json", ExportFormat::json},
                                                                             {"xlsx", ExportFormat::xlsx}}};

ExportFormat read_format(const Arguments& arguments, std::string_view path) {
    const auto text = arguments.find("format");
    const auto name = without_packing(path);
    for (const auto& [word, format] : kFormats)
        if (text ? *text == word : name.ends_with(fmt::format(".{}", word))) return format;
    if (!text) return ExportFormat::csv;
    throw Error{Fault::usage, fmt::format("--format: not a format: '{}'", *text), "Write csv, ndjson, json or xlsx."};
}

/// What the options ask for.
struct ExportQuery {
    std::vector<std::string> users, tiers, platforms, accounts, sources, metrics;  // empty: all
    DateOptions dates;
    std::optional<Instant> changed_since, as_of;
    bool wide = false, with_missing = false;

    /// A statement that reads numbers, with its parameters.
    std::string select(std::string_view name) const {
        const auto day = [](const std::optional<Day>& date) {
            return date ? std::optional{render_day(*date)} : std::nullopt;
        };
        auto statement =
            with_literals(postgres::statement(name),
                          {array_of(users), array_of(tiers), pattern_array(platforms), pattern_array(accounts),
                           pattern_array(sources), pattern_array(metrics), day(dates.from), day(dates.to),
                           changed_since ? std::optional{render_instant(*changed_since)} : std::nullopt,
                           std::to_string(kMostMetrics + 1)});
        if (as_of)
            statement.replace(statement.find(kView), kView.size(),
                              fmt::format("snapshots_as_of('{}')", render_instant(*as_of)));
        return statement;
    }

    WantedFilter wanted() const {
        return {.users = array_of(users),
                .tiers = array_of(tiers),
                .platforms = pattern_array(platforms),
                .accounts = pattern_array(accounts),
                .sources = sources,
                .metrics = metrics,
                .from = dates.from.value(),
                .to = dates.to};
    }
};

void check_with_missing(const Arguments& arguments, const DateOptions& dates, Day today) {
    for (const auto* other : {"wide", "as-of", "changed-since"}) {
        if (arguments.has(other))
            throw Error{Fault::usage, fmt::format("--with-missing does not go with --{}", other),
                        "What is missing is known of numbers as they are now, a row each."};
    }
    if (!dates.from)
        throw Error{Fault::usage, "--with-missing needs --from or --last",
                    "Without a first day there is no end to what is missing: --last 30d"};
    if (dates.to.value_or(today) - *dates.from >= kMostDays)
        throw Error{Fault::usage, fmt::format("--with-missing: more than {} days are asked for", kMostDays.count()),
                    "Ask for a part of them."};
}

ExportQuery read_query(const Arguments& arguments) {
    const auto today = TimeZone::utc().day_of(now());
    ExportQuery query{.users = read_list(arguments, "user"),
                      .tiers = read_list(arguments, "tier"),
                      .platforms = read_list(arguments, "platform"),
                      .accounts = read_list(arguments, "account"),
                      .sources = read_list(arguments, "source"),
                      .metrics = read_list(arguments, "metric"),
                      .dates = read_dates(arguments, today),
                      .changed_since = read_time(arguments, "changed-since", today),
                      .as_of = read_time(arguments, "as-of", today),
                      .wide = arguments.has("wide"),
                      .with_missing = arguments.has("with-missing")};
    if (query.with_missing) check_with_missing(arguments, query.dates, today);
    return query;
}

/// One export: reads, writes, and tells how far it is.
class Export {
public:
    Export(Context& context, const ExportQuery& query, const ExportStyle& style, ExportWriter::Sink sink)
        : context_(context),
          query_(query),
          style_(style),
          sink_(std::move(sink)),
          url_(reader_url(context.config())),
          source_(url_) {}

    /// @returns how many rows were written
    std::int64_t run() {
        if (query_.wide)
            run_wide();
        else if (query_.with_missing)
            run_with_missing();
        else
            run_plain();
        writer_->finish();
        context_.console.end_progress();
        return written_;
    }

private:
    void run_plain() {
        begin(export_columns());
        const auto select = query_.select("export_snapshots");
        estimate(select);
        ExportRow row{kExportColumns};
        read(select, row, [&] { write(row.fields()); });
    }

    /// Twice over the numbers of one snapshot: which metrics there are, then the numbers themselves.
    void run_wide() {
        context_.console.progress("looking which metrics there are …");
        std::vector<std::string> metrics;
        ExportRow name{1};
        source_.copy(query_.select("export_metrics"), [&](std::string_view line) {
            check_interrupt();
            name.decode(line);
            metrics.emplace_back(name.fields().front().value_or(""));
        });
        begin(wide_columns(metrics));
        const auto select = query_.select("export_by_day");
        estimate(select);
        WideRows wide{std::move(metrics), [&](Fields fields) { write(fields); }};
        ExportRow row{kWideFields};
        read(select, row, [&] { wide.add(row.fields()); });
        wide.finish();
    }

    void run_with_missing() {
        const auto catalog = platform::Catalog::load(context_.platform_directories());
        WantedAccounts wanted{url_, source_.export_snapshot(), catalog, query_.wanted(), now()};
        begin(columns_with_state());
        share_ = [&] { return wanted.share(); };
        MissingRows merged{[&] { return wanted.next(); }, [&](Fields fields) { write(fields); }};
        ExportRow row{kExportColumns};
        read(query_.select("export_snapshots"), row, [&] { merged.add(row.fields()); });
        merged.finish();
        share_ = nullptr;
    }

    void begin(const Columns& columns) {
        writer_ = make_export_writer(columns, style_, [this](std::string_view block) {
            check_interrupt();
            sink_(block);
        });
    }

    /// From the planner, when somebody looks.
    void estimate(const std::string& select) {
        if (!context_.console.words_are_seen()) return;
        const auto rows = std::max(source_.estimate_rows(select), 1.0);
        share_ = [this, rows] { return static_cast<double>(read_) / rows; };
    }

    template <class Take>
    void read(const std::string& select, ExportRow& row, Take take) {
        source_.copy(select, [&](std::string_view line) {
            row.decode(line);
            take();
            if (++read_ % kLook == 0) look();
        });
    }

    void write(Fields fields) {
        writer_->append(fields);
        if (++written_ % kLook == 0) look();
    }

    void look() {
        check_interrupt();
        const auto at = steady_clock::now();
        if (at < show_at_) return;
        show_at_ = at + kShow;
        context_.console.progress(
            render_export_progress(written_, at - begun_, share_ ? std::optional{share_()} : std::nullopt));
    }

    void check_interrupt() const {
        if (watch_.interrupted()) throw Interrupted{};
    }

    Context& context_;
    const ExportQuery& query_;
    const ExportStyle& style_;
    const ExportWriter::Sink sink_;
    const InterruptWatch watch_;
    const steady_clock::time_point begun_ = steady_clock::now();
    steady_clock::time_point show_at_ = begun_;
    const std::string url_;
    CopySource source_;
    std::unique_ptr<ExportWriter> writer_;
    std::function<double()> share_;  // of all there is to do; empty: not known
    std::int64_t read_ = 0, written_ = 0;
};

}  // namespace

int export_snapshots(Context& context, const Arguments& arguments) {
    const auto path = arguments.find("out").value_or("-");
    const ExportStyle style{.format = read_format(arguments, path),
                            .escape_formulas = arguments.has("escape-formulas")};
    const auto query = read_query(arguments);
    auto& console = context.console;
    if (style.format == ExportFormat::xlsx && path == "-" && console.out_is_terminal())
        throw Error{Fault::usage, "a workbook is nothing for a terminal", "Write it to a file: --out FILE."};
    try {
        if (path == "-") {
            Export{context, query, style, [&](std::string_view block) { console.out(block); }}.run();
        } else {
            OutputFile file{path};
            const auto packer = make_packer(path, [&](std::string_view block) { file.write(block); });
            const auto count =
                Export{context, query, style, [&](std::string_view block) { packer->write(block); }}.run();
            packer->finish();
            file.commit();
            console.say(fmt::format("{} in '{}'", counted(count, "row", "rows"), printable(path)));
        }
    } catch (const Interrupted&) {
        console.end_progress();
        return kExitInterrupted;
    }
    return kExitDone;
}

}  // namespace tally::cli
