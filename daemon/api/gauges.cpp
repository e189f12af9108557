// SPDX-License-Identifier: Apache-2.0
// Gauges from the views, the dispatcher and /proc.
#include "daemon/api/gauges.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "daemon/alert/notice.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::api {

namespace {

using nlohmann::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double unix_seconds(Instant at) {
    return std::chrono::duration<double>{at.time_since_epoch()}.count();
}

/// One family, value by value.
class Family {
public:
    Family(std::string name, std::string help, MetricType type = MetricType::Gauge)
        : family_{.name = std::move(name), .help = std::move(help), .type = type, .metric = {}} {}

    Family& add(double value, Labels labels = {}) {
        ClientMetric metric;
        metric.label = std::move(labels);
        (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
        family_.metric.push_back(std::move(metric));
        return *this;
    }
    void put_into(std::vector<MetricFamily>& families) {
        if (!family_.metric.empty()) families.push_back(std::move(family_));
    }

private:
    MetricFamily family_;
};

void put(std::vector<MetricFamily>& families, std::string name, std::string help, double value, Labels labels = {}) {
    Family{std::move(name), std::move(help)}.add(value, std::move(labels)).put_into(families);
}

void put_users(std::vector<MetricFamily>& families, const json& seen) {
    Family users{"tally_users", "Users, by tier."};
    for (const auto& [tier, facts] : seen["tiers"].items()) users.add(facts.value("users", 0.0), {{"tier", tier}});
    users.put_into(families);
}

void put_platforms(std::vector<MetricFamily>& families, const json& seen) {
    Family connections{"tally_connections", "Connections, by platform and state (other: paused)."};
    Family success{"tally_last_success_timestamp_seconds", "When a collection of the platform last brought something."};
    for (const auto& [platform, facts] : seen["platforms"].items()) {
        const auto all = facts.value("connections", 0.0), active = facts.value("active", 0.0),
                   attention = facts.value("needs_attention", 0.0);
        connections.add(active, {{"platform", platform}, {"state", "active"}})
            .add(attention, {{"platform", platform}, {"state", "needs_attention"}})
            .add(all - active - attention, {{"platform", platform}, {"state", "other"}});
        const auto at = facts.find("last_success_at");
        const auto when = at != facts.end() && at->is_string() ? parse_instant(at->get<std::string>()) : std::nullopt;
        if (when) success.add(unix_seconds(*when), {{"platform", platform}});
    }
    connections.put_into(families);
    success.put_into(families);
}

void put_alerts(std::vector<MetricFamily>& families, const json& seen) {
    Family open{"tally_alerts_open", "Open alerts, by kind."};
    const auto& counts = seen["open_alerts"];
    // Zero is said, too: a rule over a metric that is not there never fires, and never ends.
    for (const auto kind : alert::kinds()) {
        const std::string name{kind};
        open.add(counts.value(name, 0.0), {{"kind", name}});
    }
    open.put_into(families);
}

void put_budgets(std::vector<MetricFamily>& families, const std::vector<collect::Spending>& spending) {
    Family allowed{"tally_app_budget_requests", "Requests that a platform allows an app in the window of a limit."};
    Family used{"tally_app_budget_used_requests", "Requests that all nodes together made in the window of a limit."};
    Family blocked{"tally_app_blocked_until_timestamp_seconds", "Until when a platform has told an app to wait."};
    for (const auto& spent : spending) {
        const Labels app{{"platform", spent.platform}, {"app", spent.key}};
        if (spent.limit.empty()) {
            if (spent.blocked_until) blocked.add(unix_seconds(*spent.blocked_until), app);
            continue;
        }
        if (!spent.counted) continue;  // a pace: nothing is used up
        auto labels = app;
        labels.push_back({"limit", spent.limit});
        allowed.add(static_cast<double>(spent.allowed), labels);
        used.add(static_cast<double>(spent.used), labels);
    }
    allowed.put_into(families);
    used.put_into(families);
    blocked.put_into(families);
}

void put_seen(std::vector<MetricFamily>& families, const json& seen) {
    put_users(families, seen);
    put_platforms(families, seen);
    const auto& backlog = seen["backlog"];
    put(families, "tally_backlog_slots", "Slots that are due and not begun.", backlog.value("due", 0.0));
    put(families, "tally_backlog_age_seconds", "For how long the oldest of them has been due; 0 when none is.",
        std::max(0.0, backlog.value("late_seconds", 0.0)));
    put(families, "tally_waiting_manual_runs", "Collections asked for by hand that have not begun.",
        backlog.value("waiting_manual", 0.0));
    double alive = 0;
    for (const auto& node : seen["nodes"]) alive += node.value("alive", false) ? 1 : 0;
    put(families, "tally_nodes_alive", "Nodes whose heartbeat is not overdue.", alive);
    put(families, "tally_database_size_bytes", "Size of the database.", seen["database"].value("size_bytes", 0.0));
    put_alerts(families, seen);
}

std::optional<double> count_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator files{"/proc/self/fd", error};
    if (error) return std::nullopt;
    return static_cast<double>(std::distance(begin(files), end(files)));
}

}  // namespace

std::vector<MetricFamily> gauges(const GaugeFacts& facts) {
    std::vector<MetricFamily> families;
    put(families, "tally_build_info", "1, with the version of tallyd.", 1, {{"version", facts.version}});
    put(families, "tally_runs_active", "Runs of this node that ask platforms now.",
        static_cast<double>(facts.activity.running));
    put(families, "tally_runs_claimed", "Runs that this node has claimed and not begun.",
        static_cast<double>(facts.activity.ready));
    put(families, "tally_results_unstored", "Results of this node that wait for the database.",
        static_cast<double>(facts.activity.unstored));
    Family up{"tally_platform_up", "0 while this node finds a platform down and only probes it."};
    for (const auto& platform : facts.platforms) {
        const auto trouble = facts.troubled.find(platform);
        const bool down = trouble != facts.troubled.end() && trouble->second.state() == collect::Breaker::State::open;
        up.add(down ? 0 : 1, {{"platform", platform}});
    }
    up.put_into(families);
    put(families, "tally_database_up", "Whether the database answers this node.", facts.database_up ? 1 : 0);
    if (!facts.database_up || facts.seen.is_null()) return families;
    put(families, "tally_database_response_seconds", "How long the database took for the numbers of this page.",
        facts.database_response.count());
    put_seen(families, facts.seen);
    put_budgets(families, facts.spending);
    return families;
}

std::vector<MetricFamily> process_gauges(Instant started_at) {
    std::vector<MetricFamily> families;
    put(families, "process_start_time_seconds", "When the process began, as Unix time.", unix_seconds(started_at));
    double all = 0, resident = 0;
    if (std::ifstream{"/proc/self/statm"} >> all >> resident) {
        const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
        put(families, "process_resident_memory_bytes", "Resident memory size in bytes.", resident * page);
        put(families, "process_virtual_memory_bytes", "Virtual memory size in bytes.", all * page);
    }
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0) {
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        Family{"process_cpu_seconds_total", "User and system CPU time spent in seconds.", MetricType::Counter}
            .add(seconds(usage.ru_utime) + seconds(usage.ru_stime))
            .put_into(families);
    }
    if (const auto open = count_descriptors())
        put(families, "process_open_fds", "Number of open file descriptors.", *open);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put(families, "process_max_fds", "Maximum number of open file descriptors.",
            static_cast<double>(limit.rlim_cur));
    return families;
}

}  // namespace tally::api
