// SPDX-License-Identifier: Apache-2.0
// The release that these programs are of.
#pragma once

#include <string_view>

namespace tally {

std::string_view version() noexcept;  ///< such as "0.1.0"

}  // namespace tally
