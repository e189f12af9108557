// SPDX-License-Identifier: Apache-2.0
// Whole documents, byte by byte, beside the files in golden/: what consumers have built upon. Written anew by
// TALLY_WRITE_GOLDEN=1, for a change that is meant.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/export_writer.hpp"
#include "cli/missing_rows.hpp"
#include "cli/wide_rows.hpp"

using namespace tally;
using namespace tally::cli;
using platform::Knowledge;

namespace {

/// As COPY gives them.
constexpr std::array<std::string_view, 6> kRows{
    "acme\tinstagram\t17\tsocial_media\tlikes\t2026-11-19\t12\tcount\tt\t2026-11-21 02:00:00.25+00\t1\t"
    "{\"api\": \"likes\", \"unit\": \"count\"}\n",
    "acme\tinstagram\t17\tsocial_media\tlikes\t2026-11-20\t-0.5\t\\N\tf\t2026-11-21 02:00:00+00\t0\t{}\n",
    "acme\tinstagram\t17\tsocial_media\treach\t2026-11-20\t0\tcount\tf\t2026-11-21 02:00:00+00\t0\t{}\n",
    "acme\tinstagram\t17\tsocial_media\treach.city.\"a\", b\t2026-11-20\t1e+300\tcount\tf\t2026-11-21 02:00:00+00\t0\t"
    "{\"city\": \"\\\\\"A\\\\\", B\", \"list\": [1, 2]}\n",
    "two\\nlines\\tand tab\tyoutube\t=1+1\tsocial_media\treach\t2026-11-20\t7\tpercent\tt\t2026-11-21 "
    "02:00:00+00\t3\t{}\n",
    "ünï 🎉\tsnapchat\t-1\tads\tspend\t2026-11-20\t0.1\tcurrency\tt\t2026-11-21 02:00:00+00\t0\t{\"currency\": "
    "\"EUR\"}\n"};

/// The same numbers in the order of `export_by_day`.
constexpr std::array<std::string_view, 6> kByDay{
    "acme\tinstagram\t17\tsocial_media\t2026-11-19\tlikes\t12\n",
    "acme\tinstagram\t17\tsocial_media\t2026-11-20\tlikes\t-0.5\n",
    "acme\tinstagram\t17\tsocial_media\t2026-11-20\treach\t0\n",
    "acme\tinstagram\t17\tsocial_media\t2026-11-20\treach.city.\"a\", b\t1e+300\n",
    "two\\nlines\\tand tab\tyoutube\t=1+1\tsocial_media\t2026-11-20\treach\t7\n",
    "ünï 🎉\tsnapchat\t-1\tads\t2026-11-20\tspend\t0.1\n"};

using Fill = std::function<void(ExportWriter&)>;

std::string document(const Columns& columns, const ExportStyle& style, const Fill& fill) {
    std::string out;
    const auto writer = make_export_writer(columns, style, [&](std::string_view block) { out += block; });
    fill(*writer);
    writer->finish();
    return out;
}

void plain(ExportWriter& writer) {
    ExportRow row{kExportColumns};
    for (const auto line : kRows) {
        row.decode(line);
        writer.append(row.fields());
    }
}

void wide(ExportWriter& writer) {
    WideRows rows{{"likes", "reach", "reach.city.\"a\", b", "spend"}, [&](Fields fields) { writer.append(fields); }};
    ExportRow row{kWideFields};
    for (const auto line : kByDay) {
        row.decode(line);
        rows.add(row.fields());
    }
    rows.finish();
}

void with_missing(ExportWriter& writer) {
    std::vector<WantedAccount> accounts;
    const Day first = *parse_day("2026-11-18");
    accounts.push_back({.user_id = "acme",
                        .platform = "instagram",
                        .account_id = "17",
                        .source = "social_media",
                        .first = first,
                        .metrics = {{"likes", {Knowledge::never_asked, Knowledge::final, Knowledge::provisional}},
                                    {"reach", {Knowledge::final, Knowledge::empty, Knowledge::provisional}},
                                    {"saves", {Knowledge::refused, Knowledge::provisional, Knowledge::pending}}}});
    accounts.push_back({.user_id = "no rows, at all",
                        .platform = "twitch",
                        .account_id = "9",
                        .source = "social_media",
                        .first = first,
                        .metrics = {{"followers", {Knowledge::impossible}}}});
    std::size_t next = 0;
    MissingRows rows{[&] { return next < accounts.size() ? std::optional{accounts[next++]} : std::nullopt; },
                     [&](Fields fields) { writer.append(fields); }};
    ExportRow row{kExportColumns};
    for (const auto line : kRows) {
        row.decode(line);
        rows.add(row.fields());
    }
    rows.finish();
}

void check_golden(const std::string& name, const std::string& text) {
    CAPTURE(name);
    const auto path = std::filesystem::path{TALLY_SOURCE_DIR} / "tests/cli/golden" / name;
    if (std::getenv("TALLY_WRITE_GOLDEN") != nullptr) std::ofstream{path, std::ios::binary} << text;
    std::ifstream file{path, std::ios::binary};
    REQUIRE(file);
    CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == text);
}

void check_formats(const std::string& name, const Columns& columns, const Fill& fill) {
    check_golden(name + ".csv", document(columns, {.format = ExportFormat::csv}, fill));
    check_golden(name + ".ndjson", document(columns, {.format = ExportFormat::ndjson}, fill));
    check_golden(name + ".json", document(columns, {.format = ExportFormat::json}, fill));
}

}  // namespace

TEST_CASE("golden: export") {
    check_formats("export", export_columns(), plain);
    check_golden("export-escaped.csv",
                 document(export_columns(), {.format = ExportFormat::csv, .escape_formulas = true}, plain));
}

TEST_CASE("golden: export --wide") {
    check_formats("export-wide", wide_columns({"likes", "reach", "reach.city.\"a\", b", "spend"}), wide);
}

TEST_CASE("golden: export --with-missing") {
    check_formats("export-with-missing", columns_with_state(), with_missing);
}
