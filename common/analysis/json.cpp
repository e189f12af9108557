// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/json.hpp"

#include <algorithm>

#include "common/or_null.hpp"

namespace tally::analysis {

using nlohmann::json;

json point_json(const Point& point) {
    return {{"date", render_day(point.day)}, {"value", point.value}, {"final", point.final}};
}

json points_json(const Series& series, DayRange days) {
    json list = json::array();
    for (const auto& point : series.points)
        if (days.first <= point.day && point.day <= days.last) list.push_back(point_json(point));
    return list;
}

json series_json(const Series& series) {
    return {{"platform", series.platform},       {"account_id", series.account_id},
            {"source", series.source},           {"metric", series.metric},
            {"unit", or_null(series.unit)},      {"currency", or_null(series.currency)},
            {"summary", to_text(series.summary)}};
}

json figures_json(const Series& series, const Figures& figures, DayRange period, Day today) {
    auto object = series_json(series);
    const auto begun = std::min(period.last, today) - period.first + std::chrono::days{1};
    object.update({{"value", or_null(figures.value)},
                   {"before", or_null(figures.before)},
                   {"change", or_null(figures.change)},
                   {"change_percent", or_null(figures.change_percent)},
                   {"days_known", figures.days_known},
                   {"days_missing", std::max<std::int64_t>(begun.count() - figures.days_known, 0)},
                   {"days_not_final", figures.days_not_final},
                   {"days_compared", figures.days_compared},
                   {"best", figures.best ? point_json(*figures.best) : json(nullptr)},
                   {"worst", figures.worst ? point_json(*figures.worst) : json(nullptr)}});
    return object;
}

json anomaly_json(const Anomaly& anomaly, const Series& series) {
    return {{"date", render_day(anomaly.day)}, {"value", anomaly.value}, {"expected", anomaly.expected},
            {"score", anomaly.score},          {"weeks", anomaly.weeks}, {"text", describe(anomaly, series)}};
}

json trend_json(const std::optional<Trend>& trend) {
    if (!trend) return nullptr;
    const char* direction = trend->direction == Direction::rising    ? "rising"
                            : trend->direction == Direction::falling ? "falling"
                                                                     : "flat";
    return {{"direction", direction}, {"per_week", trend->per_week}};
}

json range_json(DayRange days) {
    return {{"from", render_day(days.first)}, {"to", render_day(days.last)}};
}

}  // namespace tally::analysis
