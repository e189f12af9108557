// SPDX-License-Identifier: Apache-2.0
// Numbers side by side.
#include "cli/wide_rows.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <map>
#include <set>
#include <tuple>

#include "common/error.hpp"

using namespace tally;
using namespace tally::cli;

namespace {

using Texts = std::vector<std::string>;

/// Rows as texts; "-" is NULL.
std::vector<Texts> widen(const Texts& metrics, const std::vector<Texts>& numbers) {
    std::vector<Texts> rows;
    WideRows wide{metrics, [&](Fields fields) {
                      auto& row = rows.emplace_back();
                      for (const auto& field : fields) row.emplace_back(field.value_or("-"));
                  }};
    for (const auto& number : numbers) {
        // Gone after the call, as a row of COPY is.
        const Texts copy = number;
        const std::vector<Field> fields(copy.begin(), copy.end());
        wide.add(fields);
    }
    wide.finish();
    return rows;
}

}  // namespace

TEST_CASE("wide: a row a day, absent numbers are NULL") {
    CHECK(widen({"likes", "reach", "views"}, {{"u", "x", "1", "s", "2026-11-20", "likes", "1"},
                                              {"u", "x", "1", "s", "2026-11-20", "views", "3"},
                                              {"u", "x", "1", "s", "2026-11-21", "reach", "0"},
                                              {"u", "y", "1", "s", "2026-11-21", "reach", "5"},
                                              {"u", "y", "1", "s", "2026-11-21", "views", "6"}}) ==
          std::vector<Texts>{{"u", "x", "1", "s", "2026-11-20", "1", "-", "3"},
                             {"u", "x", "1", "s", "2026-11-21", "-", "0", "-"},
                             {"u", "y", "1", "s", "2026-11-21", "-", "5", "6"}});
    CHECK(widen({}, {}).empty());
    CHECK(widen({"likes"}, {}).empty());
}

TEST_CASE("wide: whatever the numbers, each is once in the row of its day and the column of its metric") {
    CHECK(rc::check([] {
        using Key = std::tuple<std::string, std::string, std::string>;  // account, date, metric
        std::map<Key, std::string> numbers;
        std::set<std::string> metrics;
        const auto count = *rc::gen::inRange(0, 60);
        for (int i = 0; i < count; ++i) {
            const auto metric = "m" + std::to_string(*rc::gen::inRange(0, 12));
            metrics.insert(metric);
            numbers[{"a" + std::to_string(*rc::gen::inRange(0, 3)),
                     "2026-11-2" + std::to_string(*rc::gen::inRange(0, 4)), metric}] =
                std::to_string(*rc::gen::arbitrary<int>());
        }
        std::vector<Texts> list;
        for (const auto& [key, value] : numbers)
            list.push_back({"u", "x", std::get<0>(key), "s", std::get<1>(key), std::get<2>(key), value});
        const Texts names(metrics.begin(), metrics.end());
        std::map<Key, std::string> found;
        Texts before;
        for (const auto& row : widen(names, list)) {
            RC_ASSERT(row.size() == kWideKeys + names.size());
            const Texts key(row.begin(), row.begin() + kWideKeys);
            RC_ASSERT(before < key);
            before = key;
            for (std::size_t i = 0; i < names.size(); ++i)
                if (row[kWideKeys + i] != "-") found[{row[2], row[4], names[i]}] = row[kWideKeys + i];
        }
        RC_ASSERT(found == numbers);
    }));
}

TEST_CASE("wide: the columns are the key and the metrics, and there is a limit") {
    const auto columns = wide_columns({"reach", "views"});
    Texts names;
    for (const auto& column : columns) names.push_back(column.name);
    CHECK(names == Texts{"user_id", "platform", "account_id", "source", "date", "reach", "views"});
    CHECK(columns[4].kind == ColumnKind::date);
    CHECK(columns[5].kind == ColumnKind::number);
    CHECK_NOTHROW(wide_columns(Texts(kMostMetrics, "m")));
    CHECK_THROWS_WITH_AS(wide_columns(Texts(kMostMetrics + 1, "m")), doctest::Contains("10,000 metrics"), Error);
    CHECK_THROWS_WITH_AS(wide_columns({"date"}), doctest::Contains("'date'"), Error);
}

TEST_CASE("wide: a metric that was not announced is a bug, not a lost number") {
    CHECK_THROWS_AS(widen({"likes"}, {{"u", "x", "1", "s", "2026-11-20", "views", "1"}}), Error);
    CHECK_THROWS_AS(widen({"views"}, {{"u", "x", "1", "s", "2026-11-20", "likes", "1"}}), Error);
}
