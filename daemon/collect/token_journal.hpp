// SPDX-License-Identifier: Apache-2.0
// New tokens on their way to the database. A platform may hand out a refresh token once and forget the old one at the
// same moment: what came is put on disk, sealed, before anything else is done with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/value.hpp"
#include "common/time.hpp"

namespace tally::collect {

/// One file a connection. Blocking; any thread, one at a time for a connection. @throws Error (failed)
class TokenJournal {
public:
    struct Entry {
        std::int64_t connection_id = 0;
        postgres::Bytes before, after;  ///< the sealed credential that was used, and the new one
        std::optional<Instant> expires_at;
    };

    explicit TokenJournal(std::string directory);

    /// On disk when it returns: file and directory are synced.
    void write(const Entry& entry) const;
    std::optional<Entry> find(std::int64_t connection_id) const;
    /// A file that is damaged is left where it is.
    std::vector<Entry> entries() const;
    void remove(std::int64_t connection_id) const noexcept;

private:
    std::string path_of(std::int64_t connection_id) const;
    std::string directory_;
};

}  // namespace tally::collect
