// SPDX-License-Identifier: Apache-2.0
// What several commands take.
#pragma once

#include "cli/command_table.hpp"

namespace tally::cli {

inline const Argument kUser{"USER"};
inline const Argument kPlatform{"PLATFORM"};
inline const Option kAccount{"account", "ID", "the platform's account id; needed when the user has several"};
inline const Option kFrom{"from", "DATE", "first day: 2026-11-21, today or -30d (days are UTC)"};
inline const Option kTo{"to", "DATE", "last day, included"};
inline const Option kOnlyAccount{"account", "ID", "only this account"};
inline const Option kOnlyUser{"user", "USER", "only this user"};

}  // namespace tally::cli
