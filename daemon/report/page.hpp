// SPDX-License-Identifier: Apache-2.0
// A report as a page and as text, through templates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/report/content.hpp"

namespace tally::report {

/// The text of a template. Mustache; what a template may use is in tallyd(8), REPORTS.
struct Templates {
    std::string html, text;
};

/// Reads report.html and report.txt; of several directories the last that has a file counts.
/// @throws Error (config) when a file is missing or is no template
Templates load_templates(const std::vector<std::string>& directories);

/// Self-contained: styles and charts are in the page. What users, platforms and accounts are called is escaped.
std::string render_html(const Report& report, const Templates& templates);
std::string render_text(const Report& report, const Templates& templates);

/// Bars by day, those of the week before behind them, as SVG; of counters a line, whose scale does not begin at zero.
std::string render_chart(const Line& line, DayRange week);

}  // namespace tally::report
