// SPDX-License-Identifier: Apache-2.0
// Asks a Simulator at chosen instants, and reads the oracle; for tests only.
#pragma once

#include "simulator.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sim {

/// An instant written as `2026-11-20T12:00:00Z`; throws if it is none.
Instant at(std::string_view text);
Day on(std::string_view text);

class TestClient {
public:
    explicit TestClient(std::uint64_t seed = 1) : simulator{seed} {}

    Reply get(const std::string& target, const std::string& token = {});
    /// With the header Client-Id that Twitch wants.
    Reply helix(const std::string& target, const std::string& token, const std::string& client_id = "sim-app");
    Json get_json(const std::string& target, const std::string& token = {}, unsigned status = 200);
    Json post(const std::string& target, const Json& body, unsigned status = 200);
    /// A form to a token route.
    Json form(const std::string& target, const std::map<std::string, std::string>& fields, unsigned status = 200);
    /// Opens an authorize page: the query that the browser is sent back with.
    Query authorize(const std::string& target);
    /// `metric@date` to value.
    std::map<std::string, double> oracle(const std::string& platform, const std::string& account,
                                         const std::string& from, const std::string& to);

    Simulator simulator;
    Instant now = at("2026-11-20T20:00:00Z");
    std::string host = "127.0.0.1:8089";
};

}  // namespace sim
