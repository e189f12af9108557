// SPDX-License-Identifier: Apache-2.0
// A report as a workbook.
#pragma once

#include <string>

#include "daemon/report/content.hpp"

namespace tally::report {

/// Writes an XLSX file with two sheets: "summary", a line a metric, and "days", a line a number with its date. What is
/// not known is an empty cell, and no text is a formula. @throws Error (failed) when the file cannot be written
void write_workbook(const Report& report, const std::string& path);

}  // namespace tally::report
