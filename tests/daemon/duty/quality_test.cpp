// SPDX-License-Identifier: Apache-2.0
// The duty that looks for odd counters, on a real PostgreSQL.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/daemon/duty/fixture.hpp"

using namespace tally;

namespace {

struct Fixture : test::DutyFixture {
    Fixture() {
        rules.catalog = platform::Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
        database.execute(
            "SELECT ensure_snapshot_month((date_trunc('month', now() AT TIME ZONE 'UTC') - n * interval '1 "
            "month')::date) FROM generate_series(0, 2) n");
    }
    /// 20 days of 1,000 and one of something else.
    void add(const std::string& user, const std::string& metric, int last) const {
        database.execute(fmt::format(
            "INSERT INTO users (user_id, tier) VALUES ('{0}', 'free') ON CONFLICT DO NOTHING;"
            "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, metadata, "
            "fetched_at, run_id, first_seen_at, revision)"
            " SELECT '{0}', 'youtube', 'a', 'social_media', '{1}', CASE n WHEN 0 THEN {2} ELSE 1000 END,"
            " (now() AT TIME ZONE 'UTC')::date - n, '{{}}', now(), 1, now(), 0 FROM generate_series(0, 20) n",
            user, metric, last));
    }
    std::string open() const {
        return database.value(
            "SELECT coalesce(string_agg(subject, ', ' ORDER BY subject), '') FROM alerts WHERE kind = 'data_quality' "
            "AND resolved_at IS NULL");
    }
};

}  // namespace

TEST_CASE("counters that fell to zero are alerts until they are back") {
    Fixture f;
    for (int n = 0; n < 510; ++n) f.add(fmt::format("u{:03}", n), "viewCount", 1'001);  // more than one go
    f.add("u200", "subscriberCount", 0);
    f.add("u509", "subscriberCount", 0);
    f.add("u300", "views", 0);  // of a day, which may be a quiet one
    auto done = f.run("quality");
    CHECK(done.words == "found 2 odd counters");
    CHECK(f.open() == "u200 youtube a subscriberCount, u509 youtube a subscriberCount");
    f.database.execute("UPDATE analytics_snapshots SET value = 1000 WHERE user_id = 'u200'");
    CHECK(f.run("quality").words == "found 1 odd counter");
    CHECK(f.open() == "u509 youtube a subscriberCount");
}
