// SPDX-License-Identifier: Apache-2.0
// A vault key that is not the one that the tokens were sealed with.
#include "daemon/store/vault_check.hpp"

#include <doctest/doctest.h>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;

TEST_CASE("a wrong vault key raises one alert, which the right one ends") {
    test::StoreFixture f;
    const store::Vault wrong{Secret{std::string(32, 'x')}};
    const auto open_alerts = [&] {
        return f.database.value("SELECT count(*) FROM alerts WHERE kind = 'vault_key' AND resolved_at IS NULL");
    };
    CHECK(store::check_vault(f.session, f.vault));
    CHECK(open_alerts() == "0");
    CHECK_FALSE(store::check_vault(f.session, wrong));
    CHECK_FALSE(store::check_vault(f.session, wrong));
    CHECK(open_alerts() == "1");
    CHECK(f.database.value("SELECT message FROM alerts WHERE kind = 'vault_key'").find("tally(7)") !=
          std::string::npos);
    CHECK(store::check_vault(f.session, f.vault));
    CHECK(open_alerts() == "0");
}

TEST_CASE("without sealed tokens any key is right") {
    test::StoreFixture f{0};
    CHECK(store::check_vault(f.session, store::Vault{Secret{std::string(32, 'x')}}));
}

TEST_CASE("one user that it does not open is enough") {
    test::StoreFixture f;
    const store::Vault other{Secret{std::string(32, 'x')}};
    store::Registry registry{f.session, other, test::slots_in(std::chrono::seconds{60})};
    registry.put_user("v", {.tier = "free", .zone = {}, .report_to = {}});
    registry.put_connection({.name = {"v", "youtube", "b1"},
                             .attributes = {},
                             .credential = Secret{"{}"},
                             .expires_at = std::nullopt,
                             .source = "test"});
    CHECK_FALSE(store::check_vault(f.session, f.vault));
}
