// SPDX-License-Identifier: Apache-2.0
// The one error type of both programs: what failed, whose fault it is, and what to do next.
#pragma once

#include <stdexcept>
#include <string>

namespace tally {

/// Whose fault a failure is; it decides the exit code and the HTTP status.
enum class Fault {
    failed,       ///< the work was tried and failed
    usage,        ///< the caller asked for something that cannot be asked
    missing,      ///< the thing named does not exist
    config,       ///< the configuration, a platform file or the schema is wrong: a restart will not help
    unreachable,  ///< the daemon or the database cannot be reached
    temporary,    ///< the same request may pass later
    denied,       ///< not allowed
    internal,     ///< a bug of ours
};

class Error : public std::runtime_error {
public:
    /// @param message lower case, no full stop, the thing in quotes; @param hint a sentence, or empty
    Error(Fault fault, const std::string& message, std::string hint = {})
        : std::runtime_error(message), fault_(fault), hint_(std::move(hint)) {}

    Fault fault() const noexcept { return fault_; }
    const std::string& hint() const noexcept { return hint_; }

private:
    Fault fault_;
    std::string hint_;
};

/// Exit codes are a contract (man tallyctl, EXIT STATUS).
constexpr int kExitDone = 0, kExitFailed = 1, kExitPartly = 3;
int exit_code(Fault fault) noexcept;

/// Message, the nested causes and the hint as one text: "what: cause" and, on a line of its own, "  hint: …".
std::string describe(const std::exception& error);

/// The same without the hint: one line, for logs and for rows.
std::string describe_line(const std::exception& error);

/// The fault class of any exception; what is not an Error is internal.
Fault fault_of(const std::exception& error) noexcept;

}  // namespace tally
