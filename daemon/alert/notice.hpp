// SPDX-License-Identifier: Apache-2.0
// What is told of alerts, and when: pure decisions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.hpp"
#include "common/time_zone.hpp"

namespace tally::alert {

/// An open alert, or one that is over and was told.
struct Alert {
    std::int64_t id;
    std::string kind, subject, message;
    Instant raised_at;
    std::optional<Instant> told_at, resolved_at;
    bool acked = false;
};

enum class Reason { raised, reminded, over, test };
std::string_view to_text(Reason reason);

/// One message about alerts of one kind. What channels are sent is made of it.
struct Notice {
    Reason reason = Reason::raised;
    std::string kind;
    bool urgent = false;
    std::string title;               ///< one line
    std::vector<std::string> lines;  ///< the first few of what it is about
    std::size_t count = 0;           ///< how many it is about
    std::vector<std::int64_t> alerts;
};

struct Policy {
    std::chrono::seconds interval{900};  ///< between two messages that alerts of a kind were raised
    std::chrono::seconds remind{86'400};
    bool quiet = false;  ///< only what is urgent is told now
};

/// So long an alert must last before it is told: what passes by itself is nobody's business, and what fails together is
/// told together.
constexpr std::chrono::seconds kSettle{30};
/// Lines of one notice; the rest is counted.
constexpr std::size_t kMostLines = 10;

/// What is to be told now. @param alerts in the order of their kinds
std::vector<Notice> notices(const std::vector<Alert>& alerts, const Policy& policy, Instant now);

/// A message that says that messages arrive.
Notice test_notice();

/// Every kind of alert that is raised, in order of their names.
std::vector<std::string_view> kinds();

/// Whether what needs attention at once, by day and by night.
bool is_urgent(std::string_view kind);

bool in_quiet_hours(const config::QuietHours& hours, const TimeZone& zone, Instant at);

}  // namespace tally::alert
