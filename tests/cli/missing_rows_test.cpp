// SPDX-License-Identifier: Apache-2.0
// What is missing, between what is there.
#include "cli/missing_rows.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

using namespace tally;
using namespace tally::cli;
using platform::Knowledge;
using std::chrono::days;

namespace {

const Day kFirst = *parse_day("2026-11-18");

/// user/account/metric/date and the state of each row.
struct Shown {
    std::string key, value, state;
    friend bool operator==(const Shown&, const Shown&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Shown& shown) {
        return out << shown.key << " " << shown.value << " " << shown.state;
    }
};

/// A row of `export_snapshots`.
struct Present {
    std::string user, account, metric, date, value;
    bool is_final = true;
};

std::vector<Shown> merge(std::vector<WantedAccount> accounts, const std::vector<Present>& rows) {
    std::vector<Shown> shown;
    std::size_t at = 0;
    MissingRows merged{[&] { return at < accounts.size() ? std::optional{std::move(accounts[at++])} : std::nullopt; },
                       [&](Fields fields) {
                           REQUIRE(fields.size() == kExportColumns + 1);
                           std::string key;
                           for (const auto column : {0U, 2U, 4U, 5U}) key += std::string{*fields[column]} + "/";
                           const bool absent = !fields[6];
                           for (const auto column : {7U, 8U, 9U, 10U, 11U}) CHECK(fields[column].has_value() != absent);
                           shown.push_back({key, std::string{fields[6].value_or("-")}, std::string{*fields[12]}});
                       }};
    for (const auto& row : rows) {
        const auto copy = row;  // gone after the call, as a row of COPY is
        const std::vector<Field> fields{copy.user,
                                        "x",
                                        copy.account,
                                        "s",
                                        copy.metric,
                                        copy.date,
                                        copy.value,
                                        "count",
                                        copy.is_final ? "t" : "f",
                                        "2026-11-21 02:00:00+00",
                                        "0",
                                        "{}"};
        merged.add(fields);
    }
    merged.finish();
    return shown;
}

WantedAccount account(const std::string& user, const std::string& id, std::vector<WantedMetric> metrics) {
    return {.user_id = user,
            .platform = "x",
            .account_id = id,
            .source = "s",
            .first = kFirst,
            .metrics = std::move(metrics)};
}

}  // namespace

TEST_CASE("missing: why there is no number, in the words of coverage") {
    CHECK(absence_of(Knowledge::final) == Knowledge::empty);
    CHECK(absence_of(Knowledge::provisional) == Knowledge::pending);
    for (const auto state :
         {Knowledge::pending, Knowledge::empty, Knowledge::refused, Knowledge::never_asked, Knowledge::impossible})
        CHECK(absence_of(state) == state);
    CHECK(columns_with_state().size() == kExportColumns + 1);
    CHECK(columns_with_state().back().name == "state");
}

TEST_CASE("missing: rows in key order, present ones as they are") {
    const auto shown =
        merge({account("a", "1", {{"m", {Knowledge::final, Knowledge::never_asked, Knowledge::pending}}}),
               account("b", "1", {{"m", {Knowledge::final}}, {"n", {Knowledge::refused, std::nullopt}}})},
              {{"a", "1", "m", "2026-11-19", "5"},
               {"a", "1", "z", "2026-11-19", "6", false},
               {"aa", "1", "m", "2026-11-18", "7"},
               {"b", "1", "m.country.de", "2026-11-17", "8"},
               {"c", "1", "m", "2026-11-18", "9"}});
    CHECK(shown == std::vector<Shown>{{"a/1/m/2026-11-18/", "-", "empty"},
                                      {"a/1/m/2026-11-19/", "5", "final"},
                                      {"a/1/m/2026-11-20/", "-", "pending"},
                                      {"a/1/z/2026-11-19/", "6", "provisional"},
                                      {"aa/1/m/2026-11-18/", "7", "final"},
                                      {"b/1/m/2026-11-18/", "-", "empty"},
                                      {"b/1/m.country.de/2026-11-17/", "8", "final"},
                                      {"b/1/n/2026-11-18/", "-", "refused"},
                                      {"c/1/m/2026-11-18/", "9", "final"}});
    CHECK(merge({}, {}).empty());
    CHECK(merge({account("a", "1", {{"m", {Knowledge::impossible}}})}, {}) ==
          std::vector<Shown>{{"a/1/m/2026-11-18/", "-", "impossible"}});
}

TEST_CASE("missing: whatever is wanted and whatever is there, each day comes once, in order") {
    CHECK(rc::check([] {
        std::map<std::string, Shown> expected;
        std::vector<WantedAccount> accounts;
        std::map<std::string, Present> rows;
        for (const std::string user : {"a", "b", "c"}) {
            std::vector<WantedMetric> metrics;
            for (const std::string metric : {"m", "m.x", "n"}) {
                std::vector<std::optional<Knowledge>> states;
                const auto length = *rc::gen::inRange(0, 5);
                for (int i = 0; i < length; ++i) {
                    const auto state = *rc::gen::inRange(0, 8);
                    states.push_back(state == 7 ? std::nullopt : std::optional{static_cast<Knowledge>(state)});
                    const auto key = user + "/1/" + metric + "/" + render_day(kFirst + days{i}) + "/";
                    if (states.back()) expected[key] = {key, "-", std::string{to_text(absence_of(*states.back()))}};
                }
                if (*rc::gen::inRange(0, 4) > 0)
                    metrics.push_back({metric, states});
                else
                    std::erase_if(expected, [&](const auto& entry) {
                        return entry.first.starts_with(user + "/1/" + metric + "/");
                    });
            }
            if (*rc::gen::inRange(0, 4) > 0)
                accounts.push_back(account(user, "1", metrics));
            else
                std::erase_if(expected, [&](const auto& entry) { return entry.first.starts_with(user + "/"); });
        }
        const auto count = *rc::gen::inRange(0, 20);
        for (int i = 0; i < count; ++i) {
            const Present row{*rc::gen::element<std::string>("a", "ab", "b", "c", "d"),
                              "1",
                              *rc::gen::element<std::string>("a", "m", "m.x", "n", "o"),
                              render_day(kFirst + days{*rc::gen::inRange(-2, 7)}),
                              "5",
                              *rc::gen::arbitrary<bool>()};
            const auto key = row.user + "/1/" + row.metric + "/" + row.date + "/";
            rows[key] = row;
            expected[key] = {key, "5", row.is_final ? "final" : "provisional"};
        }
        std::vector<Present> present;
        for (const auto& [key, row] : rows) present.push_back(row);
        const auto by_key = [](const auto& a, const auto& b) {
            return std::tie(a.user, a.metric, a.date) < std::tie(b.user, b.metric, b.date);
        };
        std::sort(present.begin(), present.end(), by_key);
        const auto shown = merge(accounts, present);
        std::map<std::string, Shown> found;
        std::vector<std::string> before;
        for (const auto& row : shown) {
            RC_ASSERT(found.emplace(row.key, row).second);
            std::vector<std::string> parts;
            for (std::size_t at = 0, end; (end = row.key.find('/', at)) != std::string::npos; at = end + 1)
                parts.push_back(row.key.substr(at, end - at));
            RC_ASSERT(before < parts);
            before = parts;
        }
        RC_ASSERT(found == expected);
    }));
}
