// SPDX-License-Identifier: Apache-2.0
// Series and figures as the JSON that tallyctl and the HTTP interface share. Numbers that are not known are null.
#pragma once

#include <nlohmann/json.hpp>

#include "common/analysis/anomaly.hpp"
#include "common/analysis/series.hpp"

namespace tally::analysis {

/// {"date", "value", "final"}
nlohmann::json point_json(const Point& point);
/// Of the days in a range.
nlohmann::json points_json(const Series& series, DayRange days);

/// platform, account_id, source, metric, unit, currency and summary.
nlohmann::json series_json(const Series& series);
/// The same with value, before, change, change_percent, days_known, days_missing, days_not_final, days_compared, best
/// and worst. @param today later days are not missing yet
nlohmann::json figures_json(const Series& series, const Figures& figures, DayRange period, Day today);

/// {"date", "value", "expected", "score", "weeks", "text"}
nlohmann::json anomaly_json(const Anomaly& anomaly, const Series& series);
/// {"direction", "per_week"}; null for nullopt
nlohmann::json trend_json(const std::optional<Trend>& trend);

/// {"from", "to"}
nlohmann::json range_json(DayRange days);

}  // namespace tally::analysis
