// SPDX-License-Identifier: Apache-2.0
// A report as a mail.
#pragma once

#include "daemon/alert/letter.hpp"
#include "daemon/report/reporter.hpp"

namespace tally::report {

/// The report as text, with page and workbook attached, to the address of the user. nullopt: the user has none, or
/// there is no such report. Blocking; what it does to the database is the caller's to commit.
std::optional<alert::Posting> make_posting(postgres::Transaction& transaction, Reporter& reporter,
                                           const std::string& user_id, Day monday, Instant now);

}  // namespace tally::report
