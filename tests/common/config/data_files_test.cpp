// SPDX-License-Identifier: Apache-2.0
// Where the programs look for platform files.
#include "common/config/data_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace tally;

TEST_CASE("the sysadmin's platform files come last, so that they override") {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto source = std::filesystem::weakly_canonical(TALLY_SOURCE_DIR).string();
    const auto directories = config::platform_directories("/srv/one/tallyd.yaml");
    REQUIRE(directories.size() == 3);
    CHECK(directories[1] == "/etc/tally/platforms");
    CHECK(directories[2] == "/srv/one/platforms");
    CHECK(config::platform_directories("/etc/tally/other.yaml").size() == 2);
    CHECK(config::platform_directories("").size() == 2);
    CHECK(config::template_directories("/srv/one/tallyd.yaml").back() == "/srv/one/templates");
    CHECK((directories[0] == TALLY_SOURCE_DIR "/etc/platforms") == program.starts_with(source + "/"));
    CHECK(directories[0].ends_with("/platforms"));
}
