// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/workbook.hpp"

#include <fmt/format.h>
#include <xlsxwriter.h>

#include <array>
#include <memory>

#include "common/error.hpp"

namespace tally::report {

namespace {

constexpr Day kDayZero{std::chrono::year{1899} / 12 / 30};  // of the numbers by which Excel counts days

struct Free {
    void operator()(lxw_workbook* workbook) const noexcept { lxw_workbook_free(workbook); }
};

/// Writes cells of one sheet, row by row.
class Sheet {
public:
    Sheet(lxw_workbook* workbook, const char* name, lxw_format* head, lxw_format* day)
        : sheet_(workbook_add_worksheet(workbook, name)), head_(head), day_(day) {
        if (sheet_ == nullptr) throw Error(Fault::failed, "a sheet of the workbook cannot be begun");
        worksheet_freeze_panes(sheet_, 1, 0);
    }
    void title(const char* text, double width) {
        worksheet_set_column(sheet_, column_, column_, width, nullptr);
        worksheet_write_string(sheet_, row_, column_++, text, head_);
    }
    void text(const std::string& text) { worksheet_write_string(sheet_, row_, column_++, text.c_str(), nullptr); }
    void number(const std::optional<double>& value) {
        if (value) worksheet_write_number(sheet_, row_, column_, *value, nullptr);
        ++column_;
    }
    void date(Day day) {
        worksheet_write_number(sheet_, row_, column_++, static_cast<double>((day - kDayZero).count()), day_);
    }
    void boolean(bool value) { worksheet_write_boolean(sheet_, row_, column_++, value ? 1 : 0, nullptr); }
    void next_row() {
        ++row_;
        column_ = 0;
    }

private:
    lxw_worksheet* sheet_;
    lxw_format *head_, *day_;
    lxw_row_t row_ = 0;
    lxw_col_t column_ = 0;
};

template <class Visit>
void each_line(const Report& report, Visit visit) {
    for (const auto& account : report.accounts) {
        for (const auto& line : account.lines) visit(line);
        for (const auto& breakdown : account.breakdowns)
            for (const auto& part : breakdown.parts) visit(part.line);
    }
}

void write_key(Sheet& sheet, const analysis::Series& series) {
    for (const auto* text : {&series.platform, &series.account_id, &series.source, &series.metric}) sheet.text(*text);
}

void write_summary(Sheet& sheet, const Report& report) {
    constexpr std::array<std::pair<const char*, double>, 14> kTitles{{{"platform", 16},
                                                                      {"account_id", 24},
                                                                      {"source", 13},
                                                                      {"metric", 34},
                                                                      {"unit", 14},
                                                                      {"currency", 9},
                                                                      {"summary", 9},
                                                                      {"value", 16},
                                                                      {"week before", 16},
                                                                      {"change", 14},
                                                                      {"change in percent", 17},
                                                                      {"days with a number", 18},
                                                                      {"days compared", 14},
                                                                      {"not final", 9}}};
    for (const auto& [title, width] : kTitles) sheet.title(title, width);
    each_line(report, [&](const Line& line) {
        const auto& [series, figures, trend, anomalies, days] = line;
        sheet.next_row();
        write_key(sheet, series);
        sheet.text(series.unit);
        sheet.text(series.currency);
        sheet.text(std::string{analysis::to_text(series.summary)});
        for (const auto& value : {figures.value, figures.before, figures.change, figures.change_percent})
            sheet.number(value);
        for (const auto count : {figures.days_known, figures.days_compared, figures.days_not_final})
            sheet.number(static_cast<double>(count));
    });
}

void write_days(Sheet& sheet, const Report& report) {
    constexpr std::array<std::pair<const char*, double>, 7> kTitles{{{"platform", 16},
                                                                     {"account_id", 24},
                                                                     {"source", 13},
                                                                     {"metric", 34},
                                                                     {"date", 11},
                                                                     {"value", 16},
                                                                     {"final", 7}}};
    for (const auto& [title, width] : kTitles) sheet.title(title, width);
    each_line(report, [&](const Line& line) {
        for (const auto& point : line.days) {
            if (!point) continue;
            sheet.next_row();
            write_key(sheet, line.series);
            sheet.date(point->day);
            sheet.number(point->value);
            sheet.boolean(point->final);
        }
    });
}

}  // namespace

void write_workbook(const Report& report, const std::string& path) {
    const auto refuse = [&](const char* why) -> Error {
        return {Fault::failed, fmt::format("cannot write the workbook '{}': {}", path, why)};
    };
    std::unique_ptr<lxw_workbook, Free> workbook{workbook_new(path.c_str())};
    if (!workbook) throw refuse("it cannot be begun");
    auto* head = workbook_add_format(workbook.get());
    format_set_bold(head);
    auto* day = workbook_add_format(workbook.get());
    format_set_num_format(day, "yyyy-mm-dd");
    Sheet summary{workbook.get(), "summary", head, day};
    write_summary(summary, report);
    Sheet days{workbook.get(), "days", head, day};
    write_days(days, report);
    if (const auto error = workbook_close(workbook.release()); error != LXW_NO_ERROR) throw refuse(lxw_strerror(error));
}

}  // namespace tally::report
