// SPDX-License-Identifier: Apache-2.0
// The version, as the build system knows it.
#include "common/version.hpp"

namespace tally {

std::string_view version() noexcept {
    return TALLY_VERSION;
}

}  // namespace tally
