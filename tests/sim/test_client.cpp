// SPDX-License-Identifier: Apache-2.0
// Asks a Simulator at chosen instants, and reads the oracle; for tests only.
#include "test_client.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace sim {

Instant at(std::string_view text) {
    return parse_time(text, find_zone("UTC")).value();
}

Day on(std::string_view text) {
    return parse_day(text).value();
}

Reply TestClient::get(const std::string& target, const std::string& token) {
    return simulator.answer(make_request("GET", target, host, token.empty() ? "" : "Bearer " + token), now);
}

Reply TestClient::helix(const std::string& target, const std::string& token, const std::string& client_id) {
    auto request = make_request("GET", "/helix/" + target, host, token.empty() ? "" : "Bearer " + token);
    request.client_id = client_id;
    return simulator.answer(request, now);
}

Json TestClient::get_json(const std::string& target, const std::string& token, unsigned status) {
    const auto reply = get(target, token);
    CAPTURE(target);
    CAPTURE(reply.body);
    REQUIRE(reply.status == status);
    return Json::parse(reply.body);
}

Json TestClient::post(const std::string& target, const Json& body, unsigned status) {
    const auto reply = simulator.answer(make_request("POST", target, host, "", body.dump()), now);
    CAPTURE(reply.body);
    REQUIRE(reply.status == status);
    return Json::parse(reply.body);
}

Json TestClient::form(const std::string& target, const std::map<std::string, std::string>& fields, unsigned status) {
    Query form;
    for (const auto& [name, value] : fields) form.add(name, value);
    const auto reply = simulator.answer(make_request("POST", target, host, "", form.render()), now);
    CAPTURE(target);
    CAPTURE(reply.body);
    REQUIRE(reply.status == status);
    return reply.body.empty() ? Json{} : Json::parse(reply.body);
}

Query TestClient::authorize(const std::string& target) {
    const auto reply = get(target);
    CAPTURE(target);
    CAPTURE(reply.body);
    REQUIRE(reply.status == 302);
    const auto* location = reply.find("Location");
    REQUIRE(location != nullptr);
    return make_request("GET", *location, host, "").query;
}

std::map<std::string, double> TestClient::oracle(const std::string& platform, const std::string& account,
                                                 const std::string& from, const std::string& to) {
    const auto reply = get("/_sim/oracle?platform=" + platform + "&account=" + account + "&from=" + from + "&to=" + to);
    REQUIRE(reply.status == 200);
    std::map<std::string, double> rows;
    std::istringstream lines{reply.body};
    for (std::string line; std::getline(lines, line);) {
        const auto row = Json::parse(line);
        CHECK(row["platform"] == platform);
        CHECK(row["account_id"] == account);
        CHECK(row["source"] == (platform == "snapchat" ? "ads" : "social_media"));
        const auto key = row["metric"].get<std::string>() + "@" + row["date"].get<std::string>();
        CHECK_MESSAGE(rows.emplace(key, row["value"].get<double>()).second, key);
    }
    return rows;
}

}  // namespace sim
