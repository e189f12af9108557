// SPDX-License-Identifier: Apache-2.0
// A merge of two ordered lists.
#include "cli/missing_rows.hpp"

#include <array>
#include <utility>

#include "common/postgres/value.hpp"

namespace tally::cli {

using platform::Knowledge;

Columns columns_with_state() {
    auto columns = export_columns();
    columns.push_back({.name = "state", .width = 12});
    return columns;
}

Knowledge absence_of(Knowledge day) noexcept {
    switch (day) {
        case Knowledge::final:
            return Knowledge::empty;
        case Knowledge::provisional:
            return Knowledge::pending;
        default:
            return day;
    }
}

MissingRows::MissingRows(Next next, std::function<void(Fields)> emit)
    : next_(std::move(next)), emit_(std::move(emit)), row_(kExportColumns + 1) {
    load();
}

void MissingRows::load() {
    account_ = next_();
    metric_ = day_ = 0;
}

/// The account beside the row's: negative when it comes first.
int MissingRows::compare(Fields row) const noexcept {
    const std::array<std::pair<const std::string*, ExportColumn>, 4> key{
        {{&account_->user_id, ExportColumn::user_id},
         {&account_->platform, ExportColumn::platform},
         {&account_->account_id, ExportColumn::account_id},
         {&account_->source, ExportColumn::source}}};
    for (const auto& [own, column] : key) {
        if (const int order = own->compare(field_of(row, column).value_or("")); order != 0) return order;
    }
    return 0;
}

void MissingRows::add(Fields row) {
    while (account_ && compare(row) < 0) {
        emit_before({}, std::nullopt);
        load();
    }
    if (account_ && compare(row) == 0) {
        const auto metric = field_of(row, ExportColumn::metric).value_or("");
        const auto day = postgres::day_from_text(field_of(row, ExportColumn::date).value_or(""));
        emit_before(metric, day);
        // It may be the very row that was wanted.
        if (metric_ < account_->metrics.size() && account_->metrics[metric_].metric == metric &&
            account_->first + std::chrono::days{day_} == day)
            ++day_;
    }
    for (std::size_t i = 0; i < kExportColumns; ++i) row_[i] = row[i];
    const bool is_final = field_of(row, ExportColumn::final_) == "t";
    row_[kExportColumns] = to_text(is_final ? Knowledge::final : Knowledge::provisional);
    emit_(row_);
}

void MissingRows::finish() {
    for (; account_; load()) emit_before({}, std::nullopt);
}

/// Emits what is missing of the account before this metric and day; all that is left when `day` is nullopt.
void MissingRows::emit_before(std::string_view metric, std::optional<Day> day) {
    for (; metric_ < account_->metrics.size(); ++metric_, day_ = 0) {
        const auto& wanted = account_->metrics[metric_];
        const int order = day ? wanted.metric.compare(metric) : -1;
        if (order > 0) return;
        for (; day_ < wanted.days.size(); ++day_) {
            const auto at = account_->first + std::chrono::days{day_};
            if (order == 0 && at >= *day) return;
            if (const auto& state = wanted.days[day_]) emit_missing(wanted, at, *state);
        }
        if (order == 0) return;
    }
}

void MissingRows::emit_missing(const WantedMetric& metric, Day day, Knowledge state) {
    date_ = render_day(day);
    row_.assign(row_.size(), std::nullopt);
    const auto set = [this](ExportColumn column, std::string_view text) {
        row_[static_cast<std::size_t>(column)] = text;
    };
    set(ExportColumn::user_id, account_->user_id);
    set(ExportColumn::platform, account_->platform);
    set(ExportColumn::account_id, account_->account_id);
    set(ExportColumn::source, account_->source);
    set(ExportColumn::metric, metric.metric);
    set(ExportColumn::date, date_);
    row_[kExportColumns] = to_text(absence_of(state));
    emit_(row_);
}

}  // namespace tally::cli
