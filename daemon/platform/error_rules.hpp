// SPDX-License-Identifier: Apache-2.0
// The model of error rules: what an answer may mean, and which answers mean it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time_zone.hpp"
#include "daemon/platform/json_path.hpp"

namespace tally::platform {

/// What an answer means for the work; the collector decides what follows.
enum class Outcome {
    ok,
    retry,        ///< may pass later
    wait,         ///< throttled: not before the time given
    reauthorize,  ///< the token is dead: a person must connect again
    forbidden,    ///< this request is not allowed: skip it and tell
    bad_metric,   ///< one of the metrics is refused: split the request
    gone,         ///< the account does not exist (any more)
    bug,          ///< the request itself is wrong: the file or the engine must change
};

/// Whom a limit or a wait concerns.
enum class BudgetScope { app, token, account };
std::string_view to_text(BudgetScope scope) noexcept;
std::optional<BudgetScope> parse_scope(std::string_view text) noexcept;

/// How long to wait at least.
struct Wait {
    std::chrono::milliseconds at_least{0};
    std::optional<TimeZone> until_midnight;  ///< until the next midnight there
};

/// A list of texts and of ranges of whole numbers; texts are compared without case.
struct Values {
    std::vector<std::string> texts;
    std::vector<std::pair<long, long>> ranges;  ///< both ends included
    bool empty() const noexcept { return texts.empty() && ranges.empty(); }
    bool contain(const std::string& value) const;
    bool contain(long value) const;
};

/// All conditions that are written must hold.
struct ErrorRule {
    Values status, code, subcode;
    std::vector<std::string> texts;  ///< any of them is in the message, without case
    std::optional<JsonPath> at;      ///< some value there is one of `is`, or is none of `is_not`, or just exists
    Values is, is_not;
    Outcome outcome = Outcome::bug;
    Wait wait;
    BudgetScope scope = BudgetScope::account;  ///< of `wait`: who must wait
    std::string
        names;  ///< "field '*'": the metric's name stands where the star is; "metric[#]": its place in the request
};

/// Where an error answer keeps its parts, and what it means.
struct Errors {
    std::vector<JsonPath> code, subcode, message;  ///< the first that exists is shown; a code rule looks at all
    std::vector<ErrorRule> rules;                  ///< the first that matches decides
};

}  // namespace tally::platform
