// SPDX-License-Identifier: Apache-2.0
// Maps errors to exit codes and to text.
#include "common/error.hpp"

#include <sysexits.h>

#include <exception>

namespace tally {

int exit_code(Fault fault) noexcept {
    switch (fault) {
        case Fault::failed:
        case Fault::missing:
            return kExitFailed;
        case Fault::usage:
            return EX_USAGE;
        case Fault::config:
            return EX_CONFIG;
        case Fault::unreachable:
            return EX_UNAVAILABLE;
        case Fault::temporary:
            return EX_TEMPFAIL;
        case Fault::denied:
            return EX_NOPERM;
        case Fault::internal:
            break;
    }
    return EX_SOFTWARE;
}

namespace {

void append_causes(const std::exception& error, std::string& line, std::string& hint) {
    if (!line.empty()) line += ": ";
    line += error.what();
    if (const auto* ours = dynamic_cast<const Error*>(&error); ours != nullptr && hint.empty()) hint = ours->hint();
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception& cause) {
        append_causes(cause, line, hint);
    }
}

}  // namespace

std::string describe(const std::exception& error) {
    std::string line, hint;
    append_causes(error, line, hint);
    while (!line.empty() && line.back() == '\n') line.pop_back();
    if (!hint.empty()) line += "\n  hint: " + hint;
    return line;
}

std::string describe_line(const std::exception& error) {
    std::string line, hint;
    append_causes(error, line, hint);
    for (char& c : line) {
        if (c == '\n' || c == '\r') c = ' ';
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

Fault fault_of(const std::exception& error) noexcept {
    const auto* ours = dynamic_cast<const Error*>(&error);
    return ours != nullptr ? ours->fault() : Fault::internal;
}

}  // namespace tally
