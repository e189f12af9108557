// SPDX-License-Identifier: Apache-2.0
// One request on its way through a platform.
#pragma once

#include "http.hpp"
#include "world.hpp"

#include <cstdint>
#include <string>

namespace sim {

struct Call {
    const World& world;
    const Request& request;
    Instant now;
    std::uint64_t serial = 0;  ///< counts requests; colours ids and headers, never numbers

    /// The base that links in answers begin with: the real host when the client called us by it, else ourselves.
    std::string link_base(std::string_view real_host) const {
        if (request.host == real_host) return "https://" + request.host;
        return "http://" + request.host;
    }
};

}  // namespace sim
