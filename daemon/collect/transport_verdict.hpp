// SPDX-License-Identifier: Apache-2.0
// What it means when there is no answer at all.
#pragma once

#include "daemon/net/http_client.hpp"
#include "daemon/platform/classify.hpp"

namespace tally::collect {

/// A `retry` whose code says what went wrong. @param response one without an answer
platform::Verdict transport_verdict(const net::Response& response);

}  // namespace tally::collect
