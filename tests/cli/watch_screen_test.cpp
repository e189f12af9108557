// SPDX-License-Identifier: Apache-2.0
// How a page is drawn over the one before. The rest is tried on a terminal by tests/e2e/test_watch.py.
#include "cli/watch_screen.hpp"

#include <doctest/doctest.h>

using namespace tally::cli;

TEST_CASE("a page replaces the one before line by line, without clearing the screen first") {
    CHECK(draw_over("one\ntwo\n", 24) == "\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J");
    CHECK(draw_over("one\n\ntwo", 24) == "\x1b[Hone\x1b[K\r\n\x1b[K\r\ntwo\x1b[K\x1b[J");
    CHECK(draw_over("", 24) == "\x1b[H\x1b[J");
}

TEST_CASE("what does not fit is counted in the last line, and nothing scrolls") {
    CHECK(draw_over("a\nb\nc\n", 3) == "\x1b[Ha\x1b[K\r\nb\x1b[K\r\nc\x1b[K\x1b[J");
    CHECK(draw_over("a\nb\nc\nd\n", 3) == "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n… 2 more lines\x1b[K\x1b[J");
    CHECK(draw_over("a\nb\n", 1) == "\x1b[H… 2 more lines\x1b[K\x1b[J");
}
