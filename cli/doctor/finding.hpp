// SPDX-License-Identifier: Apache-2.0
// What `tallyctl doctor` says of one thing that it looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::doctor {

enum class Verdict {
    ok,
    warning,  ///< it works, and somebody should do something
    failed,   ///< it does not work, or will not for long
    skipped,  ///< it could not be looked at from here
};

std::string_view to_text(Verdict verdict) noexcept;

struct Finding {
    std::string_view check;  ///< static; such as "vault key"
    Verdict verdict = Verdict::ok;
    std::string message;  ///< one line; of a skipped one why
    std::string remedy;   ///< sentences; empty for what is ok
};

using Findings = std::vector<Finding>;

/// What was seen, or why nothing could be.
template <class T>
struct Seen {
    std::optional<T> value = {};
    std::string reason = {};  ///< without a value: why there is none
    std::string remedy = {};  ///< without a value: how to see it

    const T* operator->() const { return &*value; }
    const T& operator*() const { return *value; }
    explicit operator bool() const noexcept { return value.has_value(); }
};

/// 0, or 1 when something failed; warnings do not count.
int exit_code_of(const Findings& findings) noexcept;

}  // namespace tally::doctor
