// SPDX-License-Identifier: Apache-2.0
// Builds reports from what the database holds now, and keeps them.
#pragma once

#include <optional>
#include <string>

#include "common/config/config.hpp"
#include "common/postgres/session.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/report/archive.hpp"

namespace tally::report {

/// The last day on which a report's week begins that is kept.
Day oldest_week(const config::Config& config, Instant at);

/// Blocking; for one thread. What it refers to must outlive it. Templates are read when the first report is built, so
/// that what was changed counts at once.
class Reporter {
public:
    Reporter(const config::Config& config, const platform::Catalog& catalog, std::string node)
        : config_(config), catalog_(catalog), node_(std::move(node)), archive_(config.state_dir + "/reports") {}

    const Archive& archive() const noexcept { return archive_; }

    /// Builds the report of a week, keeps it on this node in place of the one that was and notes it in the database;
    /// nothing of the kind when there is no number of the week. @param now decides what is still to come
    /// @return how many metrics have numbers
    std::int64_t make(postgres::Transaction& transaction, const std::string& user_id, DayRange week, Instant now);

    /// A report that was built, in the words of then; built anew when another node keeps it. nullopt: there is none, or
    /// its numbers are gone.
    std::optional<std::string> read(postgres::Transaction& transaction, const std::string& user_id, Day monday,
                                    Format format, Instant now);

private:
    const config::Config& config_;
    const platform::Catalog& catalog_;
    const std::string node_;
    const Archive archive_;
    std::optional<Templates> templates_;
};

}  // namespace tally::report
