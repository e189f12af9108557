// SPDX-License-Identifier: Apache-2.0
// Reads what the database knows of the days of connections.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/postgres/session.hpp"
#include "daemon/platform/coverage.hpp"

namespace tally::store {

/// By connection id; connections of which nothing is known are absent.
std::map<std::int64_t, platform::Coverage> load_coverage(postgres::Transaction& transaction,
                                                         const std::vector<std::int64_t>& ids);

}  // namespace tally::store
