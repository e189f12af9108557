// SPDX-License-Identifier: Apache-2.0
// Builds reports from what the database holds now, and keeps them.
#pragma once

#include <optional>
#include <string>

#include "common/postgres/session.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/report/archive.hpp"

namespace tally::report {

/// The first day of the oldest week whose report is kept.
Day oldest_week(const config::Config& config, Instant at);

/// Blocking; for one thread. What it refers to must outlive it. A report is built in three steps, so that no
/// transaction waits for a disk.
class Reporter {
public:
    Reporter(const collect::Rules& rules, std::string node)
        : rules_(rules), node_(std::move(node)), archive_(rules.config.state_dir + "/reports") {}

    const Archive& archive() const noexcept { return archive_; }

    /// Reads the user's numbers and what is known of their days. @param now decides what is still to come
    Report build(postgres::Transaction& transaction, const std::string& user_id, DayRange week, Instant now) const;
    /// Keeps it on this node in place of the one that was. Templates are read when the first one is kept, so that what
    /// was changed counts at once. @throws Error (config, failed)
    Archive::Sizes keep(const Report& report);
    /// Notes in the database that this node keeps it.
    void note(postgres::Transaction& transaction, const Report& report, const Archive::Sizes& sizes) const;

    /// Gives the archive a report that the database knows: as it was, or built anew when another node keeps it.
    /// @throws Error (missing) when there is none, or what it was made of is not kept any more
    void fetch(postgres::Session& session, const std::string& user_id, Day monday, Instant now);
    /// A form of what fetch() gave the archive. @throws Error (failed) when it has just gone
    std::string read(const std::string& user_id, Day monday, Format format) const;

private:
    const collect::Rules& rules_;
    const std::string node_;
    const Archive archive_;
    std::optional<Templates> templates_;
};

}  // namespace tally::report
