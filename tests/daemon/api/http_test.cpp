// SPDX-License-Identifier: Apache-2.0
// The route table, and what failures look like from outside.
#include "daemon/api/http.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

using namespace tally;
using api::Access;

namespace {

boost::asio::awaitable<api::Response> nothing(const api::Request&) {
    co_return api::Response{};
}

api::Router sample_router() {
    api::Router router;
    router.add("GET", "/api/health", Access::open, nothing);
    router.add("GET", "/api/internal/users/{id}", Access::guarded, nothing);
    router.add("PUT", "/api/internal/users/{id}", Access::guarded, nothing);
    router.add("POST", "/api/internal/users/import", Access::guarded, nothing);
    return router;
}

}  // namespace

TEST_CASE("a route is found by method and path, and its parameters are decoded") {
    const auto router = sample_router();
    const auto match = router.find("GET", "/api/internal/users/a%2Fb%20c");
    REQUIRE(match.handler != nullptr);
    CHECK(match.params.at("id") == "a/b c");
    CHECK(match.access == Access::guarded);
    CHECK(router.find("GET", "/api/health").access == Access::open);
}

TEST_CASE("an unknown path is not found, a known one with another method names its methods") {
    const auto router = sample_router();
    CHECK(router.find("GET", "/api/nothing").handler == nullptr);
    CHECK(router.find("GET", "/api/nothing").allow.empty());
    const auto match = router.find("DELETE", "/api/internal/users/7");
    CHECK(match.handler == nullptr);
    CHECK(match.allow == "GET, HEAD, PUT");
    CHECK(router.find("POST", "/api/internal/users/import").handler != nullptr);
    CHECK_MESSAGE(router.find("GET", "/api/internal/users/").handler == nullptr, "an empty name is no user");
}

TEST_CASE("percent decoding refuses what is malformed or hides a NUL") {
    CHECK(api::percent_decode("a%20b") == "a b");
    CHECK(api::percent_decode("%C3%A4") == "ä");
    for (const auto* bad : {"%", "%2", "%zz", "a%00b"}) CHECK_MESSAGE(!api::percent_decode(bad), bad);
}

TEST_CASE("a failure becomes a status by its fault, and a bug does not tell its text") {
    const auto status = [](Fault fault) { return api::Response::from(Error(fault, "what")).status; };
    CHECK(status(Fault::usage) == 400);
    CHECK(status(Fault::missing) == 404);
    CHECK(status(Fault::denied) == 403);
    CHECK(status(Fault::temporary) == 503);
    const auto bug = api::Response::from(std::runtime_error("SELECT secret"));
    CHECK(bug.status == 500);
    CHECK(bug.body.find("SELECT") == std::string::npos);
    const auto usage =
        nlohmann::json::parse(api::Response::from(Error(Fault::usage, "no such tier 'x'", "One of: free.")).body);
    CHECK(usage["success"] == false);
    CHECK(usage["error"]["message"] == "no such tier 'x'");
    CHECK(usage["error"]["hint"] == "One of: free.");
}

TEST_CASE("a body is a JSON object or an error") {
    api::Request request;
    CHECK(request.json().empty());
    request.body = R"({"user": "u"})";
    CHECK(request.json().at("user") == "u");
    for (const auto* bad : {"[1]", "{", "nonsense", "\"text\""}) {
        request.body = bad;
        CHECK_THROWS_AS(request.json(), Error);
    }
}
