// SPDX-License-Identifier: Apache-2.0
// The header Retry-After (RFC 9110): seconds or a date.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "common/time.hpp"

namespace tally::platform {

/// "Sat, 21 Nov 2026 08:00:00 GMT", the only form that is still sent.
std::optional<Instant> parse_http_date(std::string_view text);

/// From now on, never negative, at most a day: a wrong clock must not put an account to sleep for years.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, Instant now);

}  // namespace tally::platform
