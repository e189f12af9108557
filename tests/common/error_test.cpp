// SPDX-License-Identifier: Apache-2.0
// Exit codes and texts of errors.
#include "common/error.hpp"

#include <doctest/doctest.h>

#include <exception>

using namespace tally;

namespace {

/// A hint below, two layers of context above.
template <class Check>
void with_nested_error(Check check) {
    try {
        try {
            throw Error(Fault::unreachable, "connection refused\n", "Is PostgreSQL running?");
        } catch (const std::exception&) {
            std::throw_with_nested(Error(Fault::temporary, "cannot store run 7"));
        }
    } catch (const std::exception& error) {
        check(error);
    }
}

}  // namespace

TEST_CASE("exit codes are a contract") {
    CHECK(exit_code(Fault::failed) == 1);
    CHECK(exit_code(Fault::missing) == 1);
    CHECK(exit_code(Fault::usage) == 64);
    CHECK(exit_code(Fault::unreachable) == 69);
    CHECK(exit_code(Fault::internal) == 70);
    CHECK(exit_code(Fault::temporary) == 75);
    CHECK(exit_code(Fault::denied) == 77);
    CHECK(exit_code(Fault::config) == 78);
    CHECK(kExitPartly == 3);
}

TEST_CASE("an error tells its causes in one line and the innermost hint below") {
    with_nested_error([](const std::exception& error) {
        CHECK(describe(error) == "cannot store run 7: connection refused\n  hint: Is PostgreSQL running?");
        CHECK(describe_line(error) == "cannot store run 7: connection refused");
        CHECK(fault_of(error) == Fault::temporary);
    });
    CHECK(describe(Error(Fault::failed, "no")) == "no");
    CHECK(describe_line(std::runtime_error("a\nb\n")) == "a b");
    CHECK(fault_of(std::runtime_error("x")) == Fault::internal);
}
