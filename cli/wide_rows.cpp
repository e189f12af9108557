// SPDX-License-Identifier: Apache-2.0
// Pivots one row at a time.
#include "cli/wide_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/counted.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {
constexpr std::size_t kMetric = 5, kValue = 6;  // of a number
}

Columns wide_columns(const std::vector<std::string>& metrics) {
    const auto& all = export_columns();
    Columns columns;
    for (const auto key : {ExportColumn::user_id, ExportColumn::platform, ExportColumn::account_id,
                           ExportColumn::source, ExportColumn::date})
        columns.push_back(all[static_cast<std::size_t>(key)]);
    if (metrics.size() > kMostMetrics)
        throw Error{Fault::failed,
                    fmt::format("more than {} metrics match: too many columns", with_separators(kMostMetrics)),
                    "Name some with --metric, or export without --wide."};
    for (const auto& metric : metrics) {
        if (std::any_of(columns.begin(), columns.begin() + kWideKeys,
                        [&](const TypedColumn& key) { return key.name == metric; }))
            throw Error{Fault::failed, fmt::format("the metric '{}' is called like a column of the key", metric),
                        "Leave it out with --metric, or export without --wide."};
        columns.push_back({.name = metric, .kind = ColumnKind::number});
    }
    return columns;
}

WideRows::WideRows(std::vector<std::string> metrics, std::function<void(Fields)> emit)
    : metrics_(std::move(metrics)),
      emit_(std::move(emit)),
      values_(metrics_.size()),
      row_(kWideKeys + metrics_.size()) {}

bool WideRows::is_same_day(Fields number) const noexcept {
    for (std::size_t i = 0; i < kWideKeys; ++i)
        if (number[i].value_or("") != key_[i]) return false;
    return true;
}

void WideRows::begin(Fields number) {
    for (std::size_t i = 0; i < kWideKeys; ++i) {
        key_[i].assign(number[i].value_or(""));
        row_[i] = key_[i];
    }
    std::fill(row_.begin() + kWideKeys, row_.end(), std::nullopt);
    next_ = 0;
    begun_ = true;
}

void WideRows::add(Fields number) {
    if (!begun_ || !is_same_day(number)) {
        if (begun_) emit_(row_);
        begin(number);
    }
    const auto metric = number[kMetric].value_or("");
    // Most days have the same metrics: usually it is the next one.
    if (next_ >= metrics_.size() || metrics_[next_] != metric)
        next_ = static_cast<std::size_t>(std::lower_bound(metrics_.begin(), metrics_.end(), metric) - metrics_.begin());
    if (next_ == metrics_.size() || metrics_[next_] != metric)
        throw Error{Fault::internal, fmt::format("the metric '{}' has no column", metric)};
    if (const auto& value = number[kValue]) {
        values_[next_].assign(*value);
        row_[kWideKeys + next_] = values_[next_];
    }
    ++next_;
}

void WideRows::finish() {
    if (begun_) emit_(row_);
    begun_ = false;
}

}  // namespace tally::cli
