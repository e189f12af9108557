// SPDX-License-Identifier: Apache-2.0
// Answers in the shapes that the platforms really send, with the rows that must come of them: one file a case, below
// recorded/<platform>/. The data is our own.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/yaml.hpp"
#include "daemon/platform/extraction.hpp"
#include "tests/daemon/platform/fixtures.hpp"

namespace tally::platform::test {

struct Recorded {
    std::string name;  ///< "facebook/clock_change"
    const Platform* platform = nullptr;
    Target who;
    Task task;
    Instant now;                       ///< of the answer
    std::vector<std::string> answers;  ///< page by page
    std::vector<std::string> pages;    ///< URLs of the second page and those after it
    std::vector<std::string> rows, compared, states;
    unsigned missing = 0;
};

inline Recorded read_recorded(const std::filesystem::path& path) {
    const auto root = YamlNode::load(path.string());
    root.allow({"request", "metrics", "attributes", "days", "at", "answers", "pages", "rows", "compared", "states",
                "missing"});
    const auto texts = [&](std::string_view key) {
        const auto node = root.find(key);
        return node ? node->texts() : std::vector<std::string>{};
    };
    const auto platform = path.parent_path().filename().string();
    Recorded recorded{.name = platform + "/" + path.stem().string(),
                      .platform = &shipped(platform),
                      .who = target(),
                      .task = {},
                      .now = at(root.at("at").text()),
                      .answers = texts("answers"),
                      .pages = texts("pages"),
                      .rows = texts("rows"),
                      .compared = texts("compared"),
                      .states = texts("states")};
    const auto* request = recorded.platform->find_request(root.at("request").text());
    if (request == nullptr) root.at("request").fail("there is no such request");
    recorded.task = {.request = request, .days = {}, .metrics = texts("metrics")};
    if (recorded.task.metrics.empty()) recorded.task.metrics = request->metrics;
    if (const auto days = texts("days"); !days.empty()) recorded.task.days = from_to(days.at(0), days.at(1));
    if (const auto attributes = root.find("attributes")) {
        for (const auto& [name, value] : attributes->entries()) recorded.who.attributes[name] = value.text();
    }
    if (const auto missing = root.find("missing")) recorded.missing = static_cast<unsigned>(missing->integer(0, 1000));
    return recorded;
}

inline std::vector<Recorded> all_recorded() {
    namespace fs = std::filesystem;
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator{TALLY_SOURCE_DIR "/tests/daemon/platform/recorded"}) {
        if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<Recorded> all;
    std::transform(paths.begin(), paths.end(), std::back_inserter(all), read_recorded);
    return all;
}

/// "2026-11-16 spend 41250000 EUR", by day and name.
inline std::vector<std::string> rows_of(const std::vector<Sample>& samples) {
    std::vector<std::string> rows;
    for (const auto& sample : samples) {
        const auto currency = nlohmann::json::parse(sample.metadata).value("currency", std::string{});
        rows.push_back(fmt::format("{} {} {}{}{}", render_day(sample.day), sample.metric, sample.value,
                                   currency.empty() ? "" : " ", currency));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}

inline std::vector<std::string> states_of(const DayMap& days) {
    std::vector<std::string> states;
    for (const auto& [day, status] : days)
        states.push_back(fmt::format("{} {}", render_day(day), to_text(status.state)));
    return states;
}

}  // namespace tally::platform::test
