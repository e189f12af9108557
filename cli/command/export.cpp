// SPDX-License-Identifier: Apache-2.0
// tallyctl export
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/copy_out.hpp"
#include "cli/database_url.hpp"
#include "cli/dates.hpp"
#include "cli/export_writer.hpp"
#include "cli/glob.hpp"
#include "cli/interrupt.hpp"
#include "cli/output_file.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/postgres/statements.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

constexpr std::int64_t kLook = 1'000;  // rows between two looks at Ctrl-C

constexpr std::array<std::pair<std::string_view, ExportFormat>, 4> kFormats{{{"csv", ExportFormat::csv},
                                                                             {"ndjson", ExportFormat::ndjson},
                                                                             {"json", ExportFormat::json},
                                                                             {"xlsx", ExportFormat::xlsx}}};

ExportFormat read_format(const Arguments& arguments) {
    const auto text = arguments.find("format").value_or("csv");
    for (const auto& [name, format] : kFormats)
        if (text == name) return format;
    throw Error{Fault::usage, fmt::format("--format: not a format: '{}'", text), "Write csv, ndjson, json or xlsx."};
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

/// Streams all rows into `sink`. @returns how many there were
std::int64_t stream(Context& context, const std::string& statement, ExportFormat format, ExportWriter::Sink sink) {
    const InterruptWatch watch;
    const auto writer = make_export_writer(format, [&](std::string_view block) {
        if (watch.interrupted()) throw Interrupted{};
        sink(block);
    });
    ExportRow row;
    std::int64_t count = 0;
    copy_out(reader_url(context.config()), statement, [&](std::string_view line) {
        row.decode(line);
        writer->append(row);
        if (++count % kLook != 0) return;
        if (watch.interrupted()) throw Interrupted{};
        context.console.progress(fmt::format("{} rows", with_separators(count)));
    });
    writer->finish();
    context.console.end_progress();
    return count;
}

}  // namespace

int export_snapshots(Context& context, const Arguments& arguments) {
    const auto format = read_format(arguments);
    const auto statement = read_statement(arguments);
    const auto path = arguments.find("out").value_or("-");
    auto& console = context.console;
    if (format == ExportFormat::xlsx && path == "-" && console.out_is_terminal())
        throw Error{Fault::usage, "a workbook is nothing for a terminal", "Write it to a file: --out FILE."};
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
