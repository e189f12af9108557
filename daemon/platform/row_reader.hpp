// SPDX-License-Identifier: Apache-2.0
// Takes one answer apart by the shape that the platform file names. Knows nothing of states, sums and storage.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "common/time_zone.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::platform {

struct Row {
    std::string metric;                                           ///< as asked for
    std::vector<std::pair<std::string, std::string>> dimensions;  ///< name and value in the platform's own spelling
    std::string key;              ///< of a number inside an object of numbers; such an object names no dimension
    std::optional<Day> day;       ///< nullopt: the window's only day, or today
    std::string stamp;            ///< the raw `end_time` that the day comes from; may be empty
    std::string currency;         ///< that the answer names; may be empty
    std::optional<double> value;  ///< nullopt: there in name, but no number
};

/// Rows of the metrics that were asked for, in document order; what is there in name only comes as a row without value.
/// @throws Error (failed) when the answer does not have the shape
std::vector<Row> read_rows(const Platform& platform, const TimeZone& zone, const Request& request,
                           const std::vector<std::string>& metrics, const nlohmann::json& answer);

/// A finite JSON number, or a string that is one.
std::optional<double> read_number(const nlohmann::json& value);

}  // namespace tally::platform
