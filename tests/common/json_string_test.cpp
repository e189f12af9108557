// SPDX-License-Identifier: Apache-2.0
// Whatever a text holds, a parser gives it back.
#include "common/json_string.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

TEST_CASE("a JSON string by hand is read back as it was") {
    std::string all;
    for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
    for (const std::string& text : {std::string{}, std::string{"plain"}, std::string{"\""}, std::string{"a\\"},
                                    std::string{"\n\nend"}, std::string{"Grüße, 世界 🙂"}, all}) {
        std::string json = "[";
        tally::append_json_string(json, text);
        CHECK(nlohmann::json::parse(json + "]")[0] == text);
    }
}
