// SPDX-License-Identifier: Apache-2.0
// What an answer means: the platform file's rules decide, then the HTTP status.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::platform {

struct HttpAnswer {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    mutable std::shared_ptr<const nlohmann::json> parsed = nullptr;  ///< what document() gave

    /// The body as JSON, parsed once; discarded (`is_discarded()`) when it is none. Not thread-safe.
    const std::shared_ptr<const nlohmann::json>& document() const;
    /// The first header of that name, compared without case; null when there is none.
    const std::string* header(std::string_view name) const noexcept;
};

struct Verdict {
    Outcome outcome = Outcome::ok;
    std::chrono::milliseconds wait{0};  ///< the platform's word: not again before this (of retry and wait)
    std::string code;                   ///< a short class, such as "190/463", "quotaExceeded" or "http 503"
    std::string message;  ///< the platform's own words: one line of valid UTF-8, at most 300 bytes, without secrets
    std::optional<std::string> metric = std::nullopt;          ///< when the message names the guilty one
    std::optional<std::size_t> metric_place = std::nullopt;    ///< when it tells the guilty one's place, from 0
    BudgetScope wait_scope = BudgetScope::account;             ///< of `wait`: who must wait
    std::optional<std::string> served_version = std::nullopt;  ///< when it is not the version asked for
};

/// @param now for dates in Retry-After and for waits until midnight
/// @param asked_version that the request named; only the API's own can be told from the one that was served
Verdict classify(const Platform& platform, const HttpAnswer& answer, Instant now, std::string_view asked_version);
/// The same for a request of the API's own version.
Verdict classify(const Platform& platform, const HttpAnswer& answer, Instant now);
/// The same for an answer of one of the login's token endpoints.
Verdict classify(const Login& login, const HttpAnswer& answer, Instant now);

std::string_view to_text(Outcome outcome) noexcept;

}  // namespace tally::platform
