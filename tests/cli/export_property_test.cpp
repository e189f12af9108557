// SPDX-License-Identifier: Apache-2.0
// Whatever the texts hold: what a reader of CSV, NDJSON or JSON gets back is what was in the table.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <nlohmann/json.hpp>

#include "cli/export_writer.hpp"

using namespace tally::cli;
using nlohmann::json;

namespace {

using Texts = std::vector<std::optional<std::string>>;  // a row; nullopt is NULL
using Table = std::vector<Texts>;

/// Pieces that somewhere mean something, between plain ones. Valid UTF-8 without NUL, as PostgreSQL has it.
rc::Gen<std::string> hostile_text() {
    const auto piece = rc::gen::weightedOneOf<std::string>(
        {{30, rc::gen::element<std::string>("\"", "\"\"", ",", ";", "\r", "\n", "\r\n", "\t", "\\", "\\N", "\\.", "\\t",
                                            "'", "=", "+", "-", "@", "=1+1", "-5", "null", "{}", "\x01", "\x1f", "\x7f",
                                            " ", "\b", "\f", "\v", "é", "🎉", "👩‍👩‍👧", "\u2028", "\ufeff")},
         {30,
          rc::gen::map(rc::gen::inRange('a', static_cast<char>('z' + 1)), [](char c) { return std::string(1, c); })},
         {1, rc::gen::map(rc::gen::inRange<std::size_t>(1'000, 40'000),
                          [](std::size_t size) { return std::string(size, size % 2 == 0 ? '"' : 'x'); })}});
    const auto pieces = rc::gen::resize(8, rc::gen::container<std::vector<std::string>>(piece));
    return rc::gen::map(pieces, [](const std::vector<std::string>& list) {
        std::string text;
        for (const auto& each : list) text += each;
        return text;
    });
}

rc::Gen<Table> tables(std::size_t columns) {
    const auto field = rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 8), hostile_text()), [](auto pair) {
        return pair.first == 0 ? std::optional<std::string>{} : std::optional{std::move(pair.second)};
    });
    return rc::gen::resize(12, rc::gen::container<Table>(rc::gen::container<Texts>(columns, field)));
}

/// As PostgreSQL's COPY writes a row.
std::string copy_line(const Texts& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) line += '\t';
        if (!row[i]) {
            line += "\\N";
            continue;
        }
        for (const char c : *row[i]) {
            switch (c) {
                case '\b':
                    line += "\\b";
                    break;
                case '\f':
                    line += "\\f";
                    break;
                case '\n':
                    line += "\\n";
                    break;
                case '\r':
                    line += "\\r";
                    break;
                case '\t':
                    line += "\\t";
                    break;
                case '\v':
                    line += "\\v";
                    break;
                case '\\':
                    line += "\\\\";
                    break;
                default:
                    line += c;
            }
        }
    }
    return line + "\n";
}

std::string document(const Columns& columns, const ExportStyle& style, const Table& table) {
    std::string out;
    const auto writer = make_export_writer(columns, style, [&](std::string_view block) { out += block; });
    ExportRow row{columns.size()};
    for (const auto& texts : table) {
        const auto line = copy_line(texts);
        row.decode(line);
        writer->append(row.fields());
    }
    writer->finish();
    return out;
}

/// RFC 4180 to the letter; nullopt for a document that breaks it.
std::optional<std::vector<std::vector<std::string>>> read_csv(std::string_view text) {
    std::vector<std::vector<std::string>> records;
    std::size_t at = 0;
    while (at < text.size()) {
        auto& record = records.emplace_back();
        for (;;) {
            std::string field;
            if (at < text.size() && text[at] == '"') {
                for (++at;; ++at) {
                    if (at == text.size()) return std::nullopt;  // the quotes do not end
                    if (text[at] == '"' && (++at == text.size() || text[at] != '"')) break;
                    field += text[at];
                }
            } else {
                for (; at < text.size() && text[at] != ',' && text[at] != '\r'; ++at) {
                    if (text[at] == '"' || text[at] == '\n') return std::nullopt;
                    field += text[at];
                }
            }
            record.push_back(std::move(field));
            if (at < text.size() && text[at] == ',') {
                ++at;
                continue;
            }
            if (text.substr(at, 2) != "\r\n") return std::nullopt;
            at += 2;
            break;
        }
    }
    return records;
}

Columns text_columns(const std::vector<std::string>& names) {
    Columns columns;
    for (const auto& name : names) columns.push_back({.name = name});
    return columns;
}

json object_of(const Columns& columns, const Texts& row) {
    json object = json::object();
    for (std::size_t i = 0; i < row.size(); ++i) object[columns[i].name] = row[i] ? json(*row[i]) : json(nullptr);
    return object;
}

const Columns kThree = text_columns({"a", "b", "c"});

}  // namespace

TEST_CASE("the reader of this test knows RFC 4180") {
    using Records = std::vector<std::vector<std::string>>;
    CHECK(read_csv("a,b\r\n\"c,\"\"\r\n\",\r\n") == Records{{"a", "b"}, {"c,\"\r\n", ""}});
    for (const auto* broken : {"a", "a\n", "\"a\r\n", "a\"b\r\n", "\"a\"b\r\n", "a\rb\r\n"})
        CHECK_FALSE(read_csv(broken));
}

TEST_CASE("CSV gives the same texts back") {
    CHECK(rc::check([] {
        const auto table = *tables(3);
        const auto read = read_csv(document(kThree, {.format = ExportFormat::csv}, table));
        RC_ASSERT(read.has_value());
        RC_ASSERT(read->size() == table.size() + 1);
        for (std::size_t i = 0; i < table.size(); ++i) {
            RC_ASSERT((*read)[i + 1].size() == 3U);
            for (std::size_t c = 0; c < 3; ++c) RC_ASSERT((*read)[i + 1][c] == table[i][c].value_or(""));
        }
    }));
}

TEST_CASE("escaped formulas: no field begins like one, and but for the apostrophe nothing changes") {
    CHECK(rc::check([] {
        const auto table = *tables(3);
        const auto read = read_csv(document(kThree, {.format = ExportFormat::csv, .escape_formulas = true}, table));
        RC_ASSERT(read.has_value());
        RC_ASSERT(read->size() == table.size() + 1);
        for (std::size_t i = 0; i < table.size(); ++i) {
            RC_ASSERT((*read)[i + 1].size() == 3U);
            for (std::size_t c = 0; c < 3; ++c) {
                const auto text = table[i][c].value_or("");
                const bool formula = !text.empty() && std::string_view{"=+-@\t\r"}.find(text[0]) != std::string::npos;
                RC_ASSERT((*read)[i + 1][c] == (formula ? "'" + text : text));
            }
        }
    }));
}

TEST_CASE("NDJSON is an object a line, with the same texts and nulls") {
    CHECK(rc::check([] {
        const auto table = *tables(3);
        const auto text = document(kThree, {.format = ExportFormat::ndjson}, table);
        std::vector<json> objects;
        for (std::string_view rest = text; !rest.empty();) {
            const auto end = rest.find('\n');
            RC_ASSERT(end != std::string_view::npos);
            objects.push_back(json::parse(rest.substr(0, end)));
            rest.remove_prefix(end + 1);
        }
        RC_ASSERT(objects.size() == table.size());
        for (std::size_t i = 0; i < table.size(); ++i) RC_ASSERT(objects[i] == object_of(kThree, table[i]));
    }));
}

TEST_CASE("JSON is one array of the same objects, whatever the columns are called") {
    CHECK(rc::check([] {
        const auto names = *rc::gen::suchThat(rc::gen::pair(hostile_text(), hostile_text()),
                                              [](const auto& pair) { return pair.first != pair.second; });
        const auto columns = text_columns({names.first, names.second});
        const auto table = *tables(2);
        const auto array = json::parse(document(columns, {.format = ExportFormat::json}, table));
        RC_ASSERT(array.is_array());
        RC_ASSERT(array.size() == table.size());
        for (std::size_t i = 0; i < table.size(); ++i) RC_ASSERT(array[i] == object_of(columns, table[i]));
    }));
}
