// SPDX-License-Identifier: Apache-2.0
// What the daemon knows of its database's health, and the one place that tells people of it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/service/log.hpp"

namespace tally::service {

/// Whoever asks the database again and again says here what came of it. Of each the first failure is logged, and once
/// that all have their answers again. Use from the executor's thread only.
class DatabaseWatch {
public:
    using Clock = std::chrono::steady_clock;

    /// @param silence so long without any answer is trouble too; longer than the pause of whoever asks most often
    DatabaseWatch(Log& log, Clock::duration silence, Clock::time_point now)
        : log_(log), silence_(silence), answered_at_(now) {}

    void answered(std::string_view task, Clock::time_point now = Clock::now());
    /// @param task what cannot be done, such as "store results"; @param meanwhile what becomes of it
    void failed(std::string_view task, std::string_view meanwhile, const std::exception& error,
                Clock::time_point now = Clock::now());

    /// How long the trouble has lasted; zero: there is none.
    Clock::duration trouble(Clock::time_point now = Clock::now()) const;
    std::string error()
        const;  ///< of the task that has been in trouble for the longest time; empty: nobody has been told one

private:
    struct Failure {
        Clock::time_point since;
        std::string error;
    };
    Log& log_;
    Clock::duration silence_;
    Clock::time_point answered_at_;
    std::map<std::string, Failure, std::less<>> failing_;
};

}  // namespace tally::service
