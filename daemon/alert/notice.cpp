// SPDX-License-Identifier: Apache-2.0
// Groups alerts by kind, and words them.
#include "daemon/alert/notice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/counted.hpp"

namespace tally::alert {

namespace {

struct Kind {
    std::string_view name, one, many;  ///< many: behind a number
    bool urgent;
};

constexpr std::array kKinds{
    Kind{"backlog", "a platform's collections are behind", "platforms' collections are behind", true},
    Kind{"data_quality", "a number is odd", "numbers are odd", false},
    Kind{"database", "the database is in trouble", "databases are in trouble", true},
    Kind{"disk", "a disk is nearly full", "disks are nearly full", true},
    Kind{"duty_failed", "a duty failed", "duties failed", false},
    Kind{"given_up", "a collection was given up", "collections were given up", false},
    Kind{"gone", "an account is gone", "accounts are gone", false},
    Kind{"metric_ending", "a metric ends soon", "metrics end soon", false},
    Kind{"metric_refused", "a metric is refused", "metrics are refused", false},
    Kind{"missing_scope", "a connection lacks a permission", "connections lack a permission", false},
    Kind{"needs_authorization", "a connection needs authorization", "connections need authorization", false},
    Kind{"platform_down", "a platform is down", "platforms are down", true},
    Kind{"stale", "a tier gets no numbers", "tiers get no numbers", true},
    Kind{"token_expiring", "a token ends soon", "tokens end soon", false},
    Kind{"undelivered", "messages do not reach a channel", "channels are not reached by messages", false},
    Kind{"vault_key", "the vault key does not open the tokens", "vault keys do not open the tokens", true},
    Kind{"version_drift", "a platform serves another version", "platforms serve another version", false},
    Kind{"version_ending", "a platform's version ends soon", "platforms' versions end soon", false},
};

const Kind* find(std::string_view name) {
    const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.name == name; });
    return found != kKinds.end() ? &*found : nullptr;
}

/// "1,200 connections need authorization", "a token expires soon". An unknown kind is told by its name.
std::string words(std::string_view name, std::size_t count) {
    const auto* kind = find(name);
    if (kind == nullptr) return count == 1 ? std::string{name} : fmt::format("{} times {}", count, name);
    if (count == 1) return std::string{kind->one};  // "a connection …", without a number
    return counted(count, kind->one, kind->many);
}

Notice make(Reason reason, const std::vector<const Alert*>& about) {
    Notice notice;
    notice.reason = reason;
    notice.kind = about.front()->kind;
    notice.urgent = is_urgent(notice.kind);
    notice.count = about.size();
    const auto what = words(notice.kind, about.size());
    switch (reason) {
        case Reason::over:
            notice.title = "over: " + what;
            break;
        case Reason::reminded:
            notice.title = "still: " + what;
            break;
        default:
            notice.title = what;
    }
    for (const auto* alert : about) {
        notice.alerts.push_back(alert->id);
        if (notice.lines.size() < kMostLines)
            notice.lines.push_back(alert->message.empty() ? alert->subject
                                                          : fmt::format("{}: {}", alert->subject, alert->message));
    }
    return notice;
}

}  // namespace

std::string_view to_text(Reason reason) {
    switch (reason) {
        case Reason::raised:
            return "raised";
        case Reason::reminded:
            return "reminded";
        case Reason::over:
            return "over";
        case Reason::test:
            return "test";
    }
    return "raised";
}

std::vector<std::string_view> kinds() {
    std::vector<std::string_view> names;
    for (const auto& kind : kKinds) names.push_back(kind.name);
    return names;
}

bool is_urgent(std::string_view kind) {
    const auto* found = find(kind);
    return found != nullptr && found->urgent;
}

std::vector<Notice> notices(const std::vector<Alert>& alerts, const Policy& policy, Instant now) {
    std::vector<Notice> result;
    for (auto first = alerts.begin(); first != alerts.end();) {
        const auto last = std::find_if(first, alerts.end(), [&](const Alert& a) { return a.kind != first->kind; });
        std::vector<const Alert*> raised, old, over;
        Instant told = Instant::min();
        for (auto alert = first; alert != last; ++alert) {
            if (alert->told_at) told = std::max(told, *alert->told_at);
            if (alert->resolved_at) {
                if (alert->told_at) over.push_back(&*alert);
            } else if (alert->acked) {
                continue;
            } else if (!alert->told_at) {
                if (now - alert->raised_at >= kSettle) raised.push_back(&*alert);
            } else if (now - *alert->told_at >= policy.remind) {
                old.push_back(&*alert);
            }
        }
        if (!policy.quiet || is_urgent(first->kind)) {
            const bool may_tell = told == Instant::min() || now - told >= policy.interval;
            if (!raised.empty() && may_tell) result.push_back(make(Reason::raised, raised));
            if (!old.empty()) result.push_back(make(Reason::reminded, old));
            if (!over.empty()) result.push_back(make(Reason::over, over));
        }
        first = last;
    }
    return result;
}

Notice test_notice() {
    Notice notice;
    notice.reason = Reason::test;
    notice.kind = "test";
    notice.title = "a test: alerts arrive here";
    notice.lines = {"Somebody asked for this message. Nothing is wrong."};
    notice.count = 1;
    return notice;
}

bool in_quiet_hours(const config::QuietHours& hours, const TimeZone& zone, Instant at) {
    const auto wall = zone.wall_time(at);
    const auto clock = wall - std::chrono::floor<std::chrono::days>(wall);
    return hours.begin < hours.end ? clock >= hours.begin && clock < hours.end
                                   : clock >= hours.begin || clock < hours.end;
}

}  // namespace tally::alert
