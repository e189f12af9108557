// SPDX-License-Identifier: Apache-2.0
// Who does which duty when, in the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"

namespace tally::duty {

/// The right of one node to do a duty once.
struct Claim {
    std::string name;
    std::int64_t token = 0;  ///< every step and the end must name it
    unsigned attempt = 1;    ///< since the last success, this one included
    Instant at;              ///< database clock
};

/// How a duty stands.
struct DutyState {
    std::string name;
    Instant due_at;
    unsigned attempt = 0;                  ///< since the last success
    std::string node;                      ///< a living node that does it now; empty: nobody
    std::optional<Instant> running_since;  ///< of that
    std::optional<Instant> last_start, last_end;
    std::optional<double> took_seconds;
    std::string last_error;  ///< empty: it went well
    std::string last_result;
};

/// Blocking; for one database thread at a time. Each operation is one transaction.
class DutyRepository {
public:
    explicit DutyRepository(postgres::Session& session) : session_(session) {}

    /// Makes the rows that are missing, and brings back what lies further off than its next regular time.
    void plan(Instant at);
    /// A duty that is due and that no other living node does. Only for a node that does none.
    /// @param now nullopt: the database's clock
    std::optional<Claim> claim(const std::string& node, std::optional<Instant> now = std::nullopt);
    /// False when the lease was lost meanwhile: then nothing is written. Success ends the alert, failure raises it.
    bool finish(const Claim& claim, Instant next, const std::string& result);
    bool fail(const Claim& claim, Instant again, const std::string& error);
    /// Gives back what was broken off; it is due at once.
    void release(const Claim& claim);
    /// Due now. Gives the moment: an attempt that starts then or later serves it. nullopt: not planned yet
    std::optional<Instant> request(const std::string& name);
    /// Of the duties that this program knows, in the order of its table.
    std::vector<DutyState> list();

private:
    postgres::Session& session_;
};

}  // namespace tally::duty
