// SPDX-License-Identifier: Apache-2.0
// Secrets are found where they are, and no message shows one.
#include "common/config/secret_ref.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "tests/common/config/environment.hpp"

using namespace tally;
using config::SecretRef;
using test::Directory;
using test::Variable;

namespace {

std::string clear_text(const std::string& reference) {
    return config::resolve({reference, "api.cron_secret"}).reveal();
}

std::string refusal(const std::string& reference) {
    try {
        config::resolve({reference, "api.cron_secret"});
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("references are read without one trailing newline") {
    const Directory directory;
    const auto file = directory.write("secret", "hunter2\n");
    CHECK(clear_text("file:" + file) == "hunter2");
    directory.write("two", "hunter2\n\n");
    CHECK(clear_text("file:" + directory.path() + "/two") == "hunter2\n");
    directory.write("crlf", "hunter2\r\n");
    CHECK(clear_text("file:" + directory.path() + "/crlf") == "hunter2");
    const Variable credentials{"CREDENTIALS_DIRECTORY", directory.path().c_str()};
    CHECK(clear_text("credential:secret") == "hunter2");
    const Variable variable{"TALLY_TEST_SECRET", "hunter3"};
    CHECK(clear_text("env:TALLY_TEST_SECRET") == "hunter3");
    CHECK(clear_text("plain text") == "plain text");
    CHECK(clear_text("").empty());
}

TEST_CASE("a reference that cannot be read is named, its content is not") {
    const Directory directory;
    directory.write("large", std::string(70'000, 'x'));
    directory.write("empty", "\n");
    const Variable none{"CREDENTIALS_DIRECTORY", nullptr}, unset{"TALLY_TEST_SECRET", nullptr};
    CHECK(refusal("credential:secret") == "api.cron_secret: 'credential:secret' cannot be read outside the service");
    CHECK(refusal("env:TALLY_TEST_SECRET") == "api.cron_secret: 'env:TALLY_TEST_SECRET' is not set");
    CHECK(refusal("file:/nonexistent") == "api.cron_secret: 'file:/nonexistent' cannot be read");
    CHECK(refusal("file:" + directory.path()).ends_with("' cannot be read"));
    CHECK(refusal("file:" + directory.path() + "/large").ends_with("' is larger than 64 KiB"));
    CHECK(refusal("file:" + directory.path() + "/empty").ends_with("' is empty"));
    const Variable credentials{"CREDENTIALS_DIRECTORY", directory.path().c_str()};
    CHECK(refusal("credential:../secret") == "api.cron_secret: 'credential:../secret' is not a name");
    CHECK(refusal("credential:") == "api.cron_secret: 'credential:' is not a name");
}

TEST_CASE("a database URL is shown without its password") {
    CHECK(config::without_password("postgresql://ann:p%40ss@db:5432/tally") == "postgresql://ann:***@db:5432/tally");
    CHECK(config::without_password("postgresql://ann:p@ss:w@db/tally") == "postgresql://ann:***@db/tally");
    CHECK(config::without_password("postgresql://ann@db/tally") == "postgresql://ann@db/tally");
    CHECK(config::without_password("postgresql://db/tally?password=x%20y&sslmode=require") ==
          "postgresql://db/tally?password=***&sslmode=require");
    CHECK(config::without_password("host=db password=secret user=ann") == "host=db password=*** user=ann");
    CHECK(config::without_password("host=db password = 'a \\' b' user=ann") == "host=db password = *** user=ann");
    CHECK(config::without_password("host=db PASSWORD=a\\ b user=ann") == "host=db PASSWORD=*** user=ann");
    CHECK(config::without_password("host=db user=ann") == "host=db user=ann");
    CHECK(config::without_password("").empty());
}
