// SPDX-License-Identifier: Apache-2.0
// A report as a mail.
#pragma once

#include <optional>
#include <string>

#include "daemon/alert/letter.hpp"
#include "daemon/report/reporter.hpp"

namespace tally::report {

/// The report as text, with page and workbook attached, to the address of the user; nullopt: the user has none.
/// Blocking.
/// @throws Error like Reporter::fetch()
std::optional<alert::Posting> make_posting(postgres::Session& session, Reporter& reporter, const std::string& user_id,
                                           Day monday, Instant now);

}  // namespace tally::report
