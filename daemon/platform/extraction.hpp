// SPDX-License-Identifier: Apache-2.0
// The answers of one task, page by page, as numbers and as knowledge about its days.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "common/time_zone.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/platform.hpp"
#include "daemon/platform/row_reader.hpp"
#include "daemon/platform/sample.hpp"
#include "daemon/platform/target.hpp"

namespace tally::platform {

class Extraction {
public:
    struct Result {
        std::vector<Sample> samples;   ///< by metric and day, each pair once
        std::vector<Sample> compared;  ///< numbers that another request gives: for comparison only
        DayMap days;  ///< the state of every day of the task; of a `now` task that of the day of the answer
        unsigned missing_values = 0;  ///< numbers that were there in name only: null, hidden, no number, absent
    };

    /// @param platform must outlive the extraction, as must the platform's request that the task names
    /// @param fetched_at when the (first) answer came
    Extraction(const Platform& platform, const Target& target, const Task& task, Instant fetched_at);

    /// @throws Error (failed) when the shape is not what the file says: then nothing of the task may be stored
    void add_page(const std::string& body);
    /// The same of a body that was parsed already.
    void add_answer(const nlohmann::json& answer);
    /// The next page's link or cursor after the last page that was added. @throws Error (failed) beyond the most pages
    /// and when a page leads back to one before.
    std::optional<std::string> next_page() const;
    /// Once, after the last page. @throws Error (failed) when pages are missing: a part of a sum is a wrong number.
    Result finish();

private:
    struct Number {
        double value = 0;
        std::string metadata;
    };
    void add(Row row);
    bool is_final(Day day) const;
    std::string metadata(const Row& row, const Metric& metric);
    std::string render_metadata(const Row& row, const Metric& metric, const std::string& currency) const;

    const Platform& platform_;
    const Task task_;
    const TimeZone zone_;
    const Instant fetched_at_;
    const std::string currency_;
    const Day today_;  // the platform's date at fetched_at
    std::map<std::pair<std::string, Day>, Number> numbers_;
    /// By day, unit, currency, stamp: most numbers of an answer share theirs.
    std::map<std::tuple<Day, std::string, std::string, std::string>, std::string> shared_metadata_;
    std::set<std::string> counted_;  ///< items of a count, over all pages
    std::set<std::string> seen_next_;
    std::optional<std::string> next_;
    bool next_repeats_ = false;
    unsigned pages_ = 0, missing_ = 0;
};

/// All days of the task as refused.
DayMap refuse(const Task& task, const TimeZone& zone, Instant asked_at);

}  // namespace tally::platform
