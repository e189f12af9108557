// SPDX-License-Identifier: Apache-2.0
// The duty that writes down what platform files say of metrics, on a real PostgreSQL.
#include <doctest/doctest.h>

#include "tests/daemon/duty/fixture.hpp"

using namespace tally;

TEST_CASE("metrics are described once, anew when their file changes, and kept when it goes") {
    test::DutyFixture f;
    CHECK_FALSE(f.run("metrics").changed);
    f.rules.catalog = platform::Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    const auto done = f.run("metrics");
    CHECK(done.changed);
    CHECK(done.words == "described " + f.database.value("SELECT count(*) FROM metrics") + " metrics");
    const auto shown = [&](const std::string& metric) {
        return f.database.value(
            "SELECT unit || ' ' || additive || ' ' || replaces FROM metrics WHERE platform = 'instagram' AND metric = "
            "'" +
            metric + "'");
    };
    CHECK(shown("views") == "count true impressions");
    CHECK(shown("reach") == "count false ");
    CHECK(f.run("metrics").words == "no metric has changed");
    f.database.execute("UPDATE metrics SET additive = false WHERE platform = 'instagram' AND metric = 'views'");
    CHECK(f.run("metrics").words == "described 1 metric");
    CHECK(shown("views") == "count true impressions");
    f.rules.catalog = {};
    CHECK_FALSE(f.run("metrics").changed);
    CHECK(shown("views") == "count true impressions");
}
