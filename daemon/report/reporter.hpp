// SPDX-License-Identifier: Apache-2.0
// A report from what the database holds now.
#pragma once

#include <string>

#include "common/postgres/session.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/report/content.hpp"

namespace tally::report {

/// Reads the user's numbers and what is known of their days. Blocking. @param now decides what is still to come
Report build(postgres::Transaction& transaction, const platform::Catalog& catalog, const std::string& user_id,
             DayRange week, Instant now);

}  // namespace tally::report
