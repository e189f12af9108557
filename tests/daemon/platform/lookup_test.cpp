// SPDX-License-Identifier: Apache-2.0
// Facts and tokens from look-ups.
#include "daemon/platform/lookup.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

LookupResult read(const Lookup& lookup, const char* body) {
    return read_lookup(lookup, nlohmann::json::parse(body, nullptr, false));
}

}  // namespace

TEST_CASE("an ad account tells its zone and currency") {
    const auto& lookup = shipped("snapchat").lookups.front();
    const auto found = read(lookup, R"({"request_status": "SUCCESS", "adaccounts": [{"sub_request_status": "SUCCESS",
        "adaccount": {"id": "x", "currency": "EUR", "timezone": "Europe/Berlin", "unknown": [1]}}]})");
    CHECK(found.attributes == std::map<std::string, std::string>{{"timezone", "Europe/Berlin"}, {"currency", "EUR"}});
    CHECK(found.derived_tokens.empty());
}

TEST_CASE("a needed fact that is missing fails, an optional token does not") {
    const auto& needed = shipped("snapchat").lookups.front();
    CHECK_THROWS_WITH_AS(read(needed, R"({"adaccounts": [{"adaccount": {"currency": "EUR"}}]})"),
                         doctest::Contains("did not tell 'timezone'"), Error);
    CHECK_THROWS_AS(read(needed, R"({"adaccounts": [{"adaccount": {"currency": "EUR", "timezone": {"a": 1}}}]})"),
                    Error);
    CHECK_THROWS_AS(read(needed, "<html>"), Error);
    const auto& optional = shipped("facebook").lookups.front();
    CHECK(read(optional, R"({"id": "777"})").derived_tokens.empty());
    CHECK(read(optional, R"({"id": "777", "access_token": "a\nb"})").derived_tokens.empty());  // would split a header
    CHECK(read(optional, R"({"id": "777", "access_token": "PAGE"})").derived_tokens.at("page").reveal() == "PAGE");
}

TEST_CASE("a look-up is due while something is not known") {
    auto who = target();
    const auto& facts = shipped("snapchat").lookups.front();
    CHECK(lookup_due(facts, who));
    who.attributes["timezone"] = "Europe/Berlin";
    CHECK(lookup_due(facts, who));
    who.attributes["currency"] = "EUR";
    CHECK_FALSE(lookup_due(facts, who));
    const auto& token = shipped("facebook").lookups.front();
    CHECK(lookup_due(token, who));
    who.derived_tokens["page"] = Secret{"PAGE"};
    CHECK_FALSE(lookup_due(token, who));
}
