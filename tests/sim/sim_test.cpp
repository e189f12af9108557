// SPDX-License-Identifier: Apache-2.0
// The entry of the simulator's tests.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
