// SPDX-License-Identifier: Apache-2.0
// A signal handler that sets a flag.
#include "cli/interrupt.hpp"

namespace tally::cli {

namespace {
volatile std::sig_atomic_t flag = 0;
}

InterruptWatch::InterruptWatch() {
    flag = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { flag = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_);
}

InterruptWatch::~InterruptWatch() {
    ::sigaction(SIGINT, &before_, nullptr);
}

bool InterruptWatch::interrupted() const noexcept {
    return flag != 0;
}

}  // namespace tally::cli
