// SPDX-License-Identifier: Apache-2.0
// Looks for what nobody else raises an alert about, and tells people of all alerts.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <optional>

#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/host_name.hpp"
#include "daemon/alert/outbox.hpp"
#include "daemon/duty/work.hpp"
#include "daemon/schedule/schedule.hpp"

namespace tally::duty {

namespace {

using namespace std::chrono_literals;

constexpr int kSlotsAhead = 8;  // among which the longest time between two slots is looked for

struct Finding {
    std::string subject, message;
};

/// Raises what was found and ends what is not found any more.
void keep(postgres::Transaction& transaction, const char* kind, const std::vector<Finding>& findings) {
    std::vector<std::string> subjects;
    for (const auto& finding : findings) {
        transaction.exec("raise_alert", {kind, finding.subject, finding.message});
        subjects.push_back(finding.subject);
    }
    transaction.exec("resolve_alerts_except", {kind, subjects});
}

std::vector<Finding> late_platforms(postgres::Transaction& transaction, const config::Config& config) {
    std::vector<Finding> findings;
    for (const auto& row : transaction.exec("late_lanes", {config.alerts.backlog.count()}))
        findings.push_back(
            {row.text("platform"),
             fmt::format("collections are more than {} behind their deadline; the oldest was due {}",
                         render_duration(config.alerts.backlog), render_instant(row.instant("oldest")))});
    return findings;
}

/// The longest a tier may be without a collection that brought something; nullopt: its slots come from outside.
std::optional<std::chrono::seconds> longest_pause(const collect::Rules& rules, const config::Tier& tier, Instant at) {
    if (tier.is_external()) return std::nullopt;
    const auto schedule = rules.schedule_of(tier.name);
    std::chrono::seconds longest{0};
    auto last = schedule::next_slot(schedule, 0s, std::nullopt, at);
    for (int i = 0; i < kSlotsAhead; ++i) {
        const auto next = schedule::next_slot(schedule, 0s, last, last);
        longest = std::max(longest, std::chrono::ceil<std::chrono::seconds>(next - last));
        last = next;
    }
    return longest + tier.spread + tier.slack + rules.config.alerts.staleness;
}

std::vector<Finding> stale_tiers(postgres::Transaction& transaction, const collect::Rules& rules, Instant at) {
    std::vector<std::string> tiers;
    std::vector<std::int64_t> seconds;
    for (const auto& [name, tier] : rules.config.tiers) {
        const auto pause = longest_pause(rules, tier, at);
        if (!pause) continue;
        tiers.push_back(name);
        seconds.push_back(pause->count());
    }
    std::vector<Finding> findings;
    for (const auto& row : transaction.exec("tiers_without_success", {tiers, seconds}))
        findings.push_back({row.text("tier"), fmt::format("no collection brought anything since {}",
                                                          render_instant(row.instant("last_success_at")))});
    return findings;
}

/// The disk of the node that does the duty. Another node's is looked at when that one does it, or is forgotten when it
/// is gone.
void keep_disk(postgres::Transaction& transaction, const config::Config& config) {
    struct statvfs disk {};
    if (::statvfs(config.state_dir.c_str(), &disk) != 0 || disk.f_blocks == 0) return;
    const auto free = static_cast<unsigned>(100 * disk.f_bavail / disk.f_blocks);
    const auto subject = host_name();
    if (free < config.alerts.disk)
        transaction.exec("raise_alert",
                         {"disk", subject, fmt::format("{} % of the disk with '{}' are free", free, config.state_dir)});
    else
        transaction.exec("resolve_alert", {"disk", subject});
    transaction.exec("resolve_alerts_of_gone_hosts", {subject});
}

}  // namespace

Done tell_alerts(Work& work) {
    const auto& config = work.rules().config;
    auto transaction = work.begin();
    const auto at = transaction.exec("database_day")[0].instant("at");
    keep(transaction, "backlog", late_platforms(transaction, config));
    keep(transaction, "stale", stale_tiers(transaction, work.rules(), at));
    keep_disk(transaction, config);
    std::vector<std::string> channels;
    for (const auto& [name, channel] : config.alerts.channels) channels.push_back(name);
    std::size_t told = 0;
    if (!channels.empty()) {
        const auto zone = TimeZone::find(config.alerts.zone).value_or(TimeZone::utc());
        const auto hours = config.alerts.quiet ? config::parse_quiet_hours(*config.alerts.quiet) : std::nullopt;
        const alert::Policy policy{.interval = config.alerts.interval,
                                   .remind = config.alerts.remind,
                                   .quiet = hours && alert::in_quiet_hours(*hours, zone, at)};
        const auto notices = alert::notices(alert::alerts_to_tell(transaction), policy, at);
        alert::tell(transaction, notices, channels, host_name(), at);
        told = notices.size();
    }
    if (told > 0) transaction.exec("wake_nodes");
    transaction.commit();
    if (told == 0) return {.words = "nothing new to tell", .changed = false};
    return {.words = "told " + counted(told, "thing", "things")};
}

}  // namespace tally::duty
