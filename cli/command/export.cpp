// SPDX-License-Identifier: Apache-2.0
// tallyctl export
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/copy_out.hpp"
#include "cli/database_url.hpp"
#include "cli/dates.hpp"
#include "cli/export_writer.hpp"
#include "cli/filters.hpp"
#include "cli/interrupt.hpp"
#include "cli/output_file.hpp"
#include "cli/packing.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/postgres/statements.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

constexpr std::string_view kView = "snapshots_export";  // of the statement, which names it once
constexpr std::int64_t kLook = 1'000;                   // rows between two looks at Ctrl-C

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

std::string read_statement(const Arguments& arguments) {
    const auto today = TimeZone::utc().day_of(now());
    const auto dates = read_dates(arguments, today);
    const auto changed = read_time(arguments, "changed-since", today), as_of = read_time(arguments, "as-of", today);
    const auto day = [](const std::optional<Day>& date) {
        return date ? std::optional{render_day(*date)} : std::nullopt;
    };
    auto statement =
        with_literals(postgres::statement("export_snapshots"),
                      {read_list(arguments, "user", false), read_list(arguments, "tier", false),
                       read_list(arguments, "platform", true), read_list(arguments, "account", true),
                       read_list(arguments, "source", true), read_list(arguments, "metric", true), day(dates.from),
                       day(dates.to), changed ? std::optional{render_instant(*changed)} : std::nullopt});
    if (as_of)
        statement.replace(statement.find(kView), kView.size(),
                          fmt::format("snapshots_as_of('{}')", render_instant(*as_of)));
    return statement;
}

/// Streams all rows into `sink`. @returns how many there were
std::int64_t stream(Context& context, const std::string& statement, ExportFormat format, bool escape_formulas,
                    ExportWriter::Sink sink) {
    const InterruptWatch watch;
    const auto begun = std::chrono::steady_clock::now();
    const auto writer = make_export_writer(
        format,
        [&](std::string_view block) {
            if (watch.interrupted()) throw Interrupted{};
            sink(block);
        },
        escape_formulas);
    ExportRow row;
    std::int64_t count = 0;
    copy_out(reader_url(context.config()), statement, [&](std::string_view line) {
        row.decode(line);
        writer->append(row);
        if (++count % kLook != 0) return;
        if (watch.interrupted()) throw Interrupted{};
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun;
        context.console.progress(
            fmt::format("{} rows, {}/s", with_separators(count),
                        with_separators(std::llround(static_cast<double>(count) / std::max(elapsed.count(), 0.001)))));
    });
    writer->finish();
    context.console.end_progress();
    return count;
}

}  // namespace

int export_snapshots(Context& context, const Arguments& arguments) {
    const auto path = arguments.find("out").value_or("-");
    const auto format = read_format(arguments, path);
    const bool escape_formulas = arguments.has("escape-formulas");
    const auto statement = read_statement(arguments);
    auto& console = context.console;
    if (format == ExportFormat::xlsx && path == "-" && console.out_is_terminal())
        throw Error{Fault::usage, "a workbook is nothing for a terminal", "Write it to a file: --out FILE."};
    try {
        if (path == "-") {
            stream(context, statement, format, escape_formulas, [&](std::string_view block) { console.out(block); });
        } else {
            OutputFile file{path};
            const auto packer = make_packer(path, [&](std::string_view block) { file.write(block); });
            const auto count = stream(context, statement, format, escape_formulas,
                                      [&](std::string_view block) { packer->write(block); });
            packer->finish();
            file.commit();
            console.say(fmt::format("{} rows in '{}'", with_separators(count), printable(path)));
        }
    } catch (const Interrupted&) {
        console.end_progress();
        return kExitInterrupted;
    }
    return kExitDone;
}

}  // namespace tally::cli
