// SPDX-License-Identifier: Apache-2.0
// tallyctl export
#include <fmt/format.h>

#include <functional>
#include <optional>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/copy_out.hpp"
#include "cli/database_url.hpp"
#include "cli/dates.hpp"
#include "cli/export_row.hpp"
#include "cli/glob.hpp"
#include "cli/interrupt.hpp"
#include "cli/output_file.hpp"
#include "common/error.hpp"
#include "common/postgres/statements.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

constexpr std::size_t kBlock = 256U << 10U;  // bytes gathered before a write

ExportFormat read_format(const Arguments& arguments) {
    const auto text = arguments.find("format").value_or("csv");
    if (text == "csv") return ExportFormat::csv;
    if (text == "ndjson") return ExportFormat::ndjson;
    throw Error{Fault::usage, fmt::format("--format: not a format: '{}'", text), "Write csv or ndjson."};
}

std::string read_statement(const Arguments& arguments) {
    const auto dates = read_dates(arguments, TimeZone::utc().day_of(now()));
    const auto day = [](const std::optional<Day>& date) {
        return date ? std::optional{render_day(*date)} : std::nullopt;
    };
    auto metric = arguments.find("metric");
    if (metric) metric = like_pattern(*metric);
    return with_literals(postgres::statement("export_snapshots"),
                         {arguments.find("user"), arguments.find("platform"), metric, day(dates.from), day(dates.to)});
}

/// Streams all rows into `write`. @returns how many there were
std::int64_t stream(Context& context, const std::string& statement, ExportFormat format,
                    const std::function<void(std::string_view)>& write) {
    ExportRows rows{format};
    auto block = rows.header();
    std::int64_t count = 0;
    const InterruptWatch watch;
    copy_out(reader_url(context.config()), statement, [&](std::string_view line) {
        rows.append(block, line);
        ++count;
        if (block.size() < kBlock) return;
        if (watch.interrupted()) throw Interrupted{};
        write(block);
        block.clear();
        context.console.progress(fmt::format("{} rows", with_separators(count)));
    });
    write(block);
    context.console.end_progress();
    return count;
}

}  // namespace

int export_snapshots(Context& context, const Arguments& arguments) {
    const auto format = read_format(arguments);
    const auto statement = read_statement(arguments);
    const auto path = arguments.find("out").value_or("-");
    auto& console = context.console;
    try {
        if (path == "-") {
            stream(context, statement, format, [&](std::string_view block) { console.out(block); });
        } else {
            OutputFile file{path};
            const auto count = stream(context, statement, format, [&](std::string_view block) { file.write(block); });
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
