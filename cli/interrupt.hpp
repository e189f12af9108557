// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as a question that a loop asks, where ending at once would leave something behind or unsaid.
#pragma once

#include <csignal>

namespace tally::cli {

constexpr int kExitInterrupted = 130;  ///< 128 + SIGINT, as shells say it

/// Thrown to leave nested loops after interrupted(); not a failure.
struct Interrupted {};

/// While this lives, the first SIGINT only sets interrupted(); the second ends the program. One at a time.
class InterruptWatch {
public:
    InterruptWatch();
    ~InterruptWatch();
    InterruptWatch(const InterruptWatch&) = delete;
    InterruptWatch& operator=(const InterruptWatch&) = delete;

    bool interrupted() const noexcept;

private:
    struct sigaction before_ {};
};

}  // namespace tally::cli
