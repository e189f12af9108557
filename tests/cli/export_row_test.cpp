// SPDX-License-Identifier: Apache-2.0
// The export formats, from rows as COPY gives them.
#include "cli/export_writer.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "tests/common/config/environment.hpp"

using namespace tally;
using namespace tally::cli;

namespace {

std::string csv(std::string_view field) {
    std::string out;
    append_csv(out, field);
    return out;
}

std::string row(ExportFormat format, std::string_view line) {
    ExportRow row{kExportColumns};
    row.decode(line);
    std::string out;
    if (format == ExportFormat::csv)
        CsvFormat{export_columns()}.append(out, row.fields());
    else
        JsonFormat{export_columns()}.append(out, row.fields());
    return out;
}

std::string csv_header() {
    return CsvFormat{export_columns()}.header();
}

/// The whole document of rows as COPY gives them.
std::string document(ExportFormat format, std::initializer_list<std::string_view> lines) {
    std::string out;
    const auto writer =
        make_export_writer(export_columns(), {.format = format}, [&](std::string_view block) { out += block; });
    ExportRow row{kExportColumns};
    for (const auto line : lines) {
        row.decode(line);
        writer->append(row.fields());
    }
    writer->finish();
    return out;
}

constexpr const char* kPlain =
    "acme\tinstagram\t17\tsocial_media\treach\t2026-11-20\t1234\tcount\tt\t2026-11-21 02:00:00.25+00\t1\t"
    "{\"api\": \"reach\", \"unit\": \"count\"}\n";

}  // namespace

TEST_CASE("CSV quotes what RFC 4180 wants quoted, and nothing else") {
    CHECK(csv("plain text") == "plain text");
    CHECK(csv("") == "");
    CHECK(csv("a,b") == R"("a,b")");
    CHECK(csv("say \"hi\"") == R"("say ""hi""")");
    CHECK(csv("\"") == R"("""")");
    CHECK(csv("two\nlines") == "\"two\nlines\"");
    CHECK(csv("return\r") == "\"return\r\"");
}

TEST_CASE("times are RFC 3339 in UTC") {
    std::string out = "a b ";
    append_utc(out, "2026-11-21 02:00:00+00");
    CHECK(out == "a b 2026-11-21T02:00:00Z");
}

TEST_CASE("JSON loses its spaces only outside of texts") {
    std::string out;
    append_compact_json(out, R"({"a": "b c", "d\" e": [1, 2], "f\\": true})");
    CHECK(out == R"({"a":"b c","d\" e":[1,2],"f\\":true})");
}

TEST_CASE("a CSV row") {
    CHECK(csv_header() ==
          "user_id,platform,account_id,source,metric,date,value,unit,final,fetched_at,revision,metadata\r\n");
    CHECK(row(ExportFormat::csv, kPlain) ==
          "acme,instagram,17,social_media,reach,2026-11-20,1234,count,true,2026-11-21T02:00:00.25Z,1,"
          "\"{\"\"api\"\":\"\"reach\"\",\"\"unit\"\":\"\"count\"\"}\"\r\n");
}

TEST_CASE("a CSV row with an absent unit and odd texts") {
    CHECK(row(ExportFormat::csv, "a\\tb\tx\t1\ts\tm,n\t2026-11-20\t0.1\t\\N\tf\t2026-11-21 02:00:00+00\t0\t{}\n") ==
          "a\tb,x,1,s,\"m,n\",2026-11-20,0.1,,false,2026-11-21T02:00:00Z,0,{}\r\n");
}

TEST_CASE("an NDJSON row is one JSON object with typed values") {
    const auto text = row(ExportFormat::ndjson, kPlain);
    const auto json = nlohmann::json::parse(text);
    CHECK(json.size() == kExportColumns);
    CHECK(json["value"] == 1234);
    CHECK(json["final"] == true);
    CHECK(json["revision"] == 1);
    CHECK(json["metadata"]["unit"] == "count");
    CHECK(json["fetched_at"] == "2026-11-21T02:00:00.25Z");
}

TEST_CASE("NDJSON: an absent unit is null, escapes survive, the value keeps PostgreSQL's digits") {
    const auto text = row(ExportFormat::ndjson,
                          "q\\\\\"\\n\x01\tx\t1\ts\tm\t2026-11-20\t1e+300\t\\N\tf\t2026-11-21 02:00:00+00\t0\t"
                          "{\"k\": \"a\\\\nb\"}\n");
    CHECK(text.find("\"value\":1e+300,\"unit\":null,") != std::string::npos);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["user_id"] == "q\\\"\n\x01");
    CHECK(json["metadata"]["k"] == "a\nb");
}

TEST_CASE("a row of another shape is a bug, not a shifted column") {
    CHECK_THROWS_AS(row(ExportFormat::csv, "a\tb\n"), Error);
    CHECK_THROWS_AS(row(ExportFormat::csv, "1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\n"), Error);
}

TEST_CASE("columns of any kind and number, with names of any kind") {
    const Columns columns{{.name = "say \"hi\", or =not"},
                          {.name = "=on", .kind = ColumnKind::date},
                          {.name = "share", .kind = ColumnKind::number},
                          {.name = "paid", .kind = ColumnKind::boolean},
                          {.name = "at", .kind = ColumnKind::time},
                          {.name = "more", .kind = ColumnKind::json}};
    ExportRow row{columns.size()};
    row.decode("=1+1\t2026-11-20\t-0.5\tf\t2026-11-21 02:00:00+00\t[1, \"a b\"]\n");
    std::string text;
    CsvFormat csv_format{columns, true};
    csv_format.append(text, row.fields());
    CHECK(csv_format.header() == "\"say \"\"hi\"\", or =not\",'=on,share,paid,at,more\r\n");
    CHECK(text == "'=1+1,2026-11-20,-0.5,false,2026-11-21T02:00:00Z,\"[1,\"\"a b\"\"]\"\r\n");
    std::string object;
    JsonFormat{columns}.append(object, row.fields());
    CHECK(nlohmann::json::parse(object) == nlohmann::json{{"say \"hi\", or =not", "=1+1"},
                                                          {"=on", "2026-11-20"},
                                                          {"share", -0.5},
                                                          {"paid", false},
                                                          {"at", "2026-11-21T02:00:00Z"},
                                                          {"more", {1, "a b"}}});
    row.decode("\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n");
    text.clear();
    csv_format.append(text, row.fields());
    CHECK(text == ",,,,,\r\n");
}

TEST_CASE("documents begin, go on and end as their formats want it, also without rows") {
    constexpr std::string_view kA = "a\tx\t1\ts\tm\t2026-11-20\t5\tcount\tt\t2026-11-21 02:00:00+00\t0\t{}\n";
    constexpr std::string_view kB = "b\tx\t1\ts\tm\t2026-11-20\t6\t\\N\tf\t2026-11-21 02:00:00+00\t0\t{}\n";
    CHECK(document(ExportFormat::csv, {}) == csv_header());
    CHECK(document(ExportFormat::csv, {kA, kB}) == csv_header() +
                                                       "a,x,1,s,m,2026-11-20,5,count,true,2026-11-21T02:00:00Z,0,{}\r\n"
                                                       "b,x,1,s,m,2026-11-20,6,,false,2026-11-21T02:00:00Z,0,{}\r\n");
    CHECK(document(ExportFormat::ndjson, {}).empty());
    const auto lines = document(ExportFormat::ndjson, {kA, kB});
    CHECK(lines == row(ExportFormat::ndjson, kA) + "\n" + row(ExportFormat::ndjson, kB) + "\n");
    CHECK(nlohmann::json::parse(document(ExportFormat::json, {})) == nlohmann::json::array());
    const auto array = nlohmann::json::parse(document(ExportFormat::json, {kA, kB}));
    REQUIRE(array.size() == 2);
    CHECK(array[1]["unit"].is_null());
    CHECK(array[1] == nlohmann::json::parse(row(ExportFormat::json, kB)));
}

TEST_CASE("a workbook that cannot be made says where and what to do, and leaves nothing behind") {
    const test::Directory directory;
    const test::Variable place{"TMPDIR", directory.path().c_str()};
    ExportRow row{kExportColumns};
    std::string out;
    const ExportStyle style{.format = ExportFormat::xlsx, .rows_a_sheet = 2};
    const auto make = [&](const Columns& columns) {
        return make_export_writer(columns, style, [&](std::string_view block) { out += block; });
    };
    {
        const auto writer = make(export_columns());
        const std::string line = "a\tx\t1\ts\tm\t2026-11-20\t5\tcount\tt\t2026-11-21 02:00:00+00\t0\t{\"k\": \"" +
                                 std::string(40'000, 'x') + "\"}\n";
        row.decode(line);
        CHECK_THROWS_WITH_AS(writer->append(row.fields()), doctest::Contains("row 1: 'metadata' cannot be a cell"),
                             Error);
    }
    {
        const auto writer = make(export_columns());
        row.decode("a\tx\t1\ts\tm\t2026-11-20\t5\tcount\tt\t2026-11-21 02:00:00+00\t0\t{}\n");
        for (int i = 0; i < 5; ++i) writer->append(row.fields());  // two and two and one
        writer->finish();
        CHECK(out.starts_with("PK"));
        for (const auto* sheet : {"sheet1.xml", "sheet2.xml", "sheet3.xml"})
            CHECK(out.find(sheet) != std::string::npos);
        CHECK(out.find("sheet4.xml") == std::string::npos);
    }
    CHECK_THROWS_WITH_AS(make(Columns(16'385)), doctest::Contains("16385 columns"), Error);
    CHECK(std::filesystem::is_empty(directory.path()));
    const test::Variable nowhere{"TMPDIR", (directory.path() + "/missing").c_str()};
    CHECK_THROWS_WITH_AS(make(export_columns()), doctest::Contains("/missing/tallyctl-xlsx-"), Error);
}
