// SPDX-License-Identifier: Apache-2.0
// Start, life and drained stop of the daemon. Members stand in dependency order, so destruction is right by
// construction.
#include "daemon/daemon.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "common/config/config.hpp"
#include "common/error.hpp"
#include "common/host_name.hpp"
#include "common/postgres/cluster.hpp"
#include "common/postgres/migrate.hpp"
#include "common/postgres/pool.hpp"
#include "common/version.hpp"
#include "daemon/api/alert_routes.hpp"
#include "daemon/api/analytics_routes.hpp"
#include "daemon/api/connection_routes.hpp"
#include "daemon/api/control.hpp"
#include "daemon/api/coverage_routes.hpp"
#include "daemon/api/duty_routes.hpp"
#include "daemon/api/platform_routes.hpp"
#include "daemon/api/report_routes.hpp"
#include "daemon/api/server.hpp"
#include "daemon/api/status_routes.hpp"
#include "daemon/collect/dispatcher.hpp"
#include "daemon/collect/radar.hpp"
#include "daemon/duty/duty_repository.hpp"
#include "daemon/duty/runner.hpp"
#include "daemon/lease/lease_repository.hpp"
#include "daemon/net/async.hpp"
#include "daemon/net/http_client.hpp"
#include "daemon/report/mail.hpp"
#include "daemon/service/database_watch.hpp"
#include "daemon/service/log.hpp"
#include "daemon/service/notify.hpp"
#include "daemon/service/passed_sockets.hpp"
#include "daemon/service/pulse.hpp"
#include "daemon/service/status_line.hpp"
#include "daemon/store/vault.hpp"
#include "daemon/store/vault_check.hpp"

namespace tally {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto kNodeTimeToLive = 12s;  // and others look every two seconds: its work goes on within 15 s
constexpr auto kHeartbeat = 3s;
constexpr auto kClockWarning = 5s;
constexpr auto kSilence = 6s;           // without any answer of the database: more than a heartbeat
constexpr auto kTell = 5s;              // how often the service manager hears how it goes
constexpr auto kHeartbeatRound = 1min;  // at most: connecting to several hosts, three statements, the pause
constexpr auto kClaimRound = 5min;      // at most: behind others on the database threads, some statements, the pause
constexpr auto kStopOfCluster = 90s;    // and of all else after collect.grace
constexpr auto kHeartbeatLimit = 2s;    // of a statement: with our own grace a node is told before it is taken for dead

service::Level level_of(config::LogLevel level) noexcept {
    switch (level) {
        case config::LogLevel::error:
            return service::Level::error;
        case config::LogLevel::warning:
            return service::Level::warning;
        case config::LogLevel::info:
            return service::Level::info;
        case config::LogLevel::debug:
            break;
    }
    return service::Level::debug;
}

service::LogFormat format_of(config::LogFormat format) {
    switch (format) {
        case config::LogFormat::text:
            return service::LogFormat::text;
        case config::LogFormat::json:
            return service::LogFormat::json;
        case config::LogFormat::auto_:
            break;
    }
    return service::Log::detect_format();
}

/// Makes the state directory and holds its lock for as long as this lives: one daemon a directory.
class StateDirectory {
public:
    explicit StateDirectory(const std::string& path) {
        std::error_code error;
        std::filesystem::create_directories(path, error);
        if (error)
            throw Error(Fault::config, fmt::format("cannot make the state directory '{}': {}", path, error.message()),
                        "Set state_dir to a directory that tallyd may write to.");
        const auto lock = path + "/tallyd.lock";
        file_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file_ < 0)
            throw Error(Fault::config,
                        fmt::format("cannot write to the state directory '{}': {}", path, std::strerror(errno)),
                        "Set state_dir to a directory that tallyd may write to.");
        if (::flock(file_, LOCK_EX | LOCK_NB) != 0)
            throw Error(Fault::failed, fmt::format("another tallyd uses the state directory '{}'", path),
                        "Stop it first, or give this one its own state_dir.");
    }
    ~StateDirectory() { ::close(file_); }
    StateDirectory(const StateDirectory&) = delete;
    StateDirectory& operator=(const StateDirectory&) = delete;

private:
    int file_;
};

/// The node's name, kept in the state directory: after a crash the same node frees its own leases at once.
std::string node_id(const std::string& state_dir) {
    const auto path = state_dir + "/node";
    std::string id;
    std::getline(std::ifstream{path}, id);
    if (!id.empty()) return id;
    id = fmt::format("{}-{:08x}", host_name(), std::random_device{}());
    std::ofstream file{path, std::ios::trunc};
    file << id << '\n';
    file.close();
    if (!file) throw Error(Fault::failed, fmt::format("cannot write '{}'", path), "Is the disk full?");
    return id;
}

store::Vault open_vault(const config::Config& config) {
    if (config.vault.key) return store::Vault{store::Vault::parse_key(config::resolve(*config.vault.key))};
    return store::Vault{store::Vault::load_or_create_key(config.state_dir + "/vault.key")};
}

api::ServerSettings server_settings(const config::Config& config, std::vector<int> passed) {
    api::ServerSettings settings;
    settings.passed = std::move(passed);
    for (const auto& address : config.listen)
        settings.listen.push_back({.unix_path = address.unix_path, .host = address.host, .port = address.port});
    if (config.api.cron_secret) settings.cron_secret = config::resolve(*config.api.cron_secret);
    return settings;
}

}  // namespace

class Daemon::Impl {
public:
    explicit Impl(std::optional<std::string> config_file)
        : config_file_(std::move(config_file)), rules_(collect::Rules::load(config::load(config_file_))) {
        apply_log_settings();
    }

    void run() {
        const auto& config = rules_->config;
        const StateDirectory state{config.state_dir};
        vault_.emplace(open_vault(config));
        facts_.started_at = now();
        facts_.vault_key = config.vault.key ? "config" : "file";
        facts_.node = node_id(config.state_dir);
        log_.set_node(facts_.node);
        open_database();
        try {
            serve();
        } catch (...) {
            stop_cluster();
            throw;
        }
        stop_cluster();
        log_.info("stopped");
    }

private:
    void apply_log_settings() {
        log_.set_level(level_of(rules_->config.log.level));
        log_.set_format(format_of(rules_->config.log.format));
    }

    void open_database() {
        const auto& database = rules_->config.database;
        std::string url;
        if (database.url.empty()) {
            service::notify_status("starting the private PostgreSQL");
            cluster_.emplace(postgres::PrivateCluster::start(rules_->config.state_dir));
            url = cluster_->place().url;
            facts_.database_kind = "private";
            log_.info(cluster_->adopted() ? "found the private PostgreSQL running" : "private PostgreSQL started",
                      {{"data", cluster_->place().data}});
        } else {
            url = config::resolve(database.url).reveal();
            facts_.database_kind = "external";
        }
        facts_.database_url = postgres::display_url(url);
        const bool migrates = database.migrate == config::Migrate::auto_;
        try {
            // A migration of a large table takes what it takes.
            const postgres::Options options{
                .url = url, .application_name = "tallyd migrate", .statement_timeout = migrates ? 0s : 60s};
            if (!cluster_) postgres::Session::require_own(options);
            postgres::Session session{options};
            if (migrates) {
                for (const auto& migration : postgres::migrate(session))
                    log_.info("migrated", {{"version", std::to_string(migration.version)}, {"name", migration.name}});
            } else {
                postgres::require_current_schema(session);
            }
            if (cluster_) session.exec_alone("ALTER ROLE tally_reader LOGIN");
        } catch (...) {
            stop_cluster();
            throw;
        }
        pool_.emplace(postgres::Options{.url = url, .application_name = "tallyd", .role = "tally_collector"},
                      database.sessions);
    }

    void stop_cluster() {
        pool_.reset();
        if (!cluster_) return;
        try {
            cluster_->stop();
        } catch (const Error& error) {
            log_.error("cannot stop the private PostgreSQL", {{"error", describe_line(error)}});
        }
        cluster_.reset();
    }

    /// Builds the services, runs the loop dry, tears down in reverse.
    void serve() {
        asio::io_context loop{1};
        asio::thread_pool threads{rules_->config.database.sessions};
        asio::thread_pool heart{1};  // beats on a thread and a session of its own: it waits behind nobody
        service::DatabaseWatch database{log_, kSilence, service::DatabaseWatch::Clock::now()};
        const auto executor = loop.get_executor();
        const auto concurrency = rules_->config.collect.concurrency;
        net::HttpClient http{executor,
                             {.max_connections = concurrency + 16,
                              .max_per_host = concurrency,
                              .user_agent = fmt::format("tally/{}", version())}};
        collect::Budgets budgets{executor, &threads, &*pool_};
        collect::HealthBook health{executor, threads, *pool_};
        collect::Radar radar{executor, threads, *pool_, [this] { return rules_->catalog.all(); }};
        collect::TokenClient token_client{executor, http};
        lease::Trust trust{kNodeTimeToLive};
        collect::TokenKeeper tokens{{.executor = executor,
                                     .threads = threads,
                                     .pool = *pool_,
                                     .client = token_client,
                                     .vault = *vault_,
                                     .trust = trust,
                                     .log = log_},
                                    rules_->config.state_dir + "/tokens"};
        collect::Metrics metrics;
        collect::Runner runner{
            {.http = http, .budgets = budgets, .health = health, .tokens = tokens, .trust = trust, .metrics = metrics},
            *vault_,
            facts_.node,
            std::random_device{}()};
        collect::Dispatcher dispatcher{{.executor = executor,
                                        .threads = threads,
                                        .pool = *pool_,
                                        .runner = runner,
                                        .log = log_,
                                        .database = database,
                                        .metrics = metrics,
                                        .node = facts_.node,
                                        .seed = std::random_device{}()},
                                       rules_};
        duty::Runner duties{{.executor = executor,
                             .threads = threads,
                             .pool = *pool_,
                             .log = log_,
                             .node = facts_.node,
                             .rules = [this] { return rules_; }},
                            std::random_device{}()};
        alert::Courier courier{{.executor = executor,
                                .threads = threads,
                                .pool = *pool_,
                                .log = log_,
                                .database = database,
                                .sender = host_name(),
                                .config = [this] { return rules_->config; },
                                .report_mail = [this](alert::ReportName name) { return report_mail(std::move(name)); }},
                               std::random_device{}()};
        const api::Parts parts{.executor = executor,
                               .threads = threads,
                               .pool = *pool_,
                               .vault = *vault_,
                               .dispatcher = dispatcher,
                               .http = http,
                               .budgets = budgets,
                               .token_client = token_client,
                               .tokens = tokens,
                               .database = database,
                               .metrics = metrics,
                               .facts = facts_};
        api::Control control{parts};
        api::StatusRoutes status{parts};
        api::ConnectionRoutes connections{parts};
        api::PlatformRoutes platforms{parts};
        api::DutyRoutes duty_routes{parts, duties};
        api::CoverageRoutes coverage{parts};
        api::AlertRoutes alerts{parts, courier};
        api::AnalyticsRoutes analytics{parts};
        api::ReportRoutes reports{parts, courier};
        api::Router router;
        control.add_to(router);
        status.add_to(router);
        connections.add_to(router);
        platforms.add_to(router);
        duty_routes.add_to(router);
        coverage.add_to(router);
        alerts.add_to(router);
        analytics.add_to(router);
        reports.add_to(router);
        api::Server server{executor, std::move(router), server_settings(rules_->config, std::exchange(passed_, {})),
                           log_};

        std::exception_ptr failure;
        asio::co_spawn(
            loop,
            live(loop, threads,
                 {dispatcher, server, budgets, health, radar, tokens, trust, heart, database, duties, courier}),
            [&failure](std::exception_ptr error) { failure = std::move(error); });
        loop.run();
        threads.join();
        heart.join();
        if (failure) std::rethrow_exception(failure);
    }

    /// With the rules of now: on a thread of the database there may be others already.
    alert::MakePosting report_mail(alert::ReportName name) const {
        return [name = std::move(name), rules = rules_, node = facts_.node](postgres::Session& session) {
            report::Reporter reporter{*rules, node};
            return report::make_posting(session, reporter, name.user_id, name.monday, now());
        };
    }

    struct Services {
        collect::Dispatcher& dispatcher;
        api::Server& server;
        collect::Budgets& budgets;
        collect::HealthBook& health;
        collect::Radar& radar;
        collect::TokenKeeper& tokens;
        lease::Trust& trust;
        asio::thread_pool& heart;
        service::DatabaseWatch& database;
        duty::Runner& duties;
        alert::Courier& courier;
    };

    asio::awaitable<void> live(asio::io_context& loop, asio::thread_pool& threads, Services services) {
        auto& [dispatcher, server, budgets, health, radar, tokens, trust, heart, database, duties, courier] = services;
        asio::signal_set signals{loop, SIGTERM, SIGINT, SIGHUP};
        net::TaskGroup background{loop.get_executor()};
        trust.renew(trust.now());
        auto sign_on = [this] {
            const auto session = pool_->acquire();
            lease::LeaseRepository leases{*session};
            leases.register_node(node(), kNodeTimeToLive);
            return leases.heartbeat(facts_.node, kNodeTimeToLive, 0);
        };
        const auto asked_at = now();
        const auto told = co_await net::run_blocking(threads, std::move(sign_on));
        set_clock(told, asked_at);
        co_await budgets.load();
        co_await health.load();
        co_await try_vault(threads);
        co_await tokens.recover();
        background.spawn(heartbeat_loop(loop, services, signals));
        background.spawn(listen_loop(loop, threads, dispatcher, courier));
        background.spawn(budgets.share());
        background.spawn(health.share());
        background.spawn(tokens.watch());
        background.spawn(radar.watch());
        background.spawn(duties.watch());
        background.spawn(courier.watch());
        dispatcher.start();
        server.start();
        background.spawn(tell_loop(loop, services));
        background.spawn(follow_rules(threads, duties));
        log_.info("ready", {{"version", std::string{version()}},
                            {"node", facts_.node},
                            {"config", rules_->config.source_file.empty() ? "defaults" : rules_->config.source_file},
                            {"database", facts_.database_url}});
        service::notify_ready(status(services));

        for (int signal = 0; signal != SIGTERM && signal != SIGINT && !outdated_;) {
            const auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
            signal = number;
            if (error || signal != SIGHUP) continue;
            reload(services);
            radar.wake();
            background.spawn(follow_rules(threads, duties));
        }
        const auto grace = rules_->config.collect.grace;
        log_.info("stopping: no new runs, waiting for those under way",
                  {{"running", std::to_string(dispatcher.running())}, {"grace", render_duration(grace)}});
        service::notify_stopping("finishing what is under way", grace + kStopOfCluster);
        signals.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            log_.warning("stopped at once by a second signal");
            ::_exit(kExitFailed);
        });
        duties.stop();
        co_await dispatcher.drain(grace);
        co_await server.stop(1s);
        background.stop();
        co_await background.join();
        try {
            co_await budgets.flush();
        } catch (const Error& error) {
            log_.warning("cannot write the budgets down", {{"error", describe_line(error)}});
        }
        try {
            co_await net::run_blocking(threads, [this] {
                const auto session = pool_->acquire();
                lease::LeaseRepository{*session}.retire_node(facts_.node);
            });
        } catch (const Error& error) {
            log_.warning("cannot sign off from the database", {{"error", describe_line(error)}});
        }
        signals.cancel();
        if (outdated_) throw postgres::newer_schema(*outdated_);
    }

    /// A key that was lost or mixed up is said at once; what can be done without it goes on.
    asio::awaitable<void> try_vault(asio::thread_pool& threads) {
        auto look = [this] {
            const auto session = pool_->acquire();
            return store::check_vault(*session, *vault_);
        };
        if (!co_await net::run_blocking(threads, std::move(look)))
            log_.error("the vault key does not open the tokens in the database",
                       {{"hint", "restore it from its backup, see tally(7), BACKUP AND RESTORE"}});
    }

    lease::Node node() const {
        return {.id = facts_.node, .host = host_name(), .pid = ::getpid(), .version = std::string{version()}};
    }

    /// Tells the database that this node lives, and learns from it: what time it is for all nodes, how many there are,
    /// and whether a newer program has changed the schema. A database that is away is told again.
    asio::awaitable<void> heartbeat_loop(asio::io_context& loop, Services services, asio::signal_set& signals) {
        constexpr auto kTask = "say that this node lives";
        auto options = pool_->options();
        options.statement_timeout = options.lock_timeout = kHeartbeatLimit;
        options.connect_timeout = kHeartbeatLimit;
        std::optional<postgres::Session> session;
        asio::steady_timer timer{loop};
        for (beat_at_ = service::PulseClock::now();; beat_at_ = service::PulseClock::now()) {
            timer.expires_after(kHeartbeat);
            co_await timer.async_wait(asio::use_awaitable);
            try {
                const auto sent = services.trust.now();
                const auto asked_at = now();
                auto beat = [this, &session, &options, held = services.dispatcher.running()] {
                    if (!session || !session->is_open()) session.emplace(options);
                    lease::LeaseRepository leases{*session};
                    auto told = leases.heartbeat(facts_.node, kNodeTimeToLive, held);
                    if (told.nodes > 0) return told;
                    leases.register_node(node(), kNodeTimeToLive);
                    return leases.heartbeat(facts_.node, kNodeTimeToLive, held);
                };
                const auto told = co_await net::run_blocking(services.heart, std::move(beat));
                services.trust.renew(sent);
                services.budgets.set_nodes(told.nodes);
                services.database.answered(kTask);
                set_clock(told, asked_at);
                if (told.schema_version > postgres::newest_migration()) {
                    outdated_ = told.schema_version;
                    signals.cancel();
                }
            } catch (const Error& error) {
                services.database.failed(kTask, "others may take over what it serves, trying again every three seconds",
                                         error);
                beat_failed_at_ = service::PulseClock::now();
            }
        }
    }

    /// All nodes live by the database's clock.
    void set_clock(const lease::LeaseRepository::Beat& told, Instant asked_at) {
        if (follow_clock(told.clock, asked_at, lease::kClockTolerance) &&
            std::chrono::abs(clock_shift()) >= kClockWarning)
            log_.warning(
                "this machine's clock differs from the database's, which counts",
                {{"seconds", std::to_string(std::chrono::floor<std::chrono::seconds>(clock_shift()).count())}});
    }

    /// Wakes the claims when another node, or pg_cron, made something due. Only a wake-up: a timer is the truth.
    asio::awaitable<void> listen_loop(asio::io_context& loop, asio::thread_pool& threads,
                                      collect::Dispatcher& dispatcher, alert::Courier& courier) {
        for (;;) {
            try {
                auto connect = [this] {
                    auto options = pool_->options();
                    options.application_name = "tallyd listen";
                    auto session = std::make_unique<postgres::Session>(options);
                    session->listen("tally");
                    return session;
                };
                const auto session = co_await net::run_blocking(threads, std::move(connect));
                asio::posix::stream_descriptor socket{loop, ::dup(session->socket())};
                for (;;) {
                    co_await socket.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
                    if (!session->take_notifications()) continue;
                    dispatcher.wake();
                    courier.wake();
                }
            } catch (const Error&) {  // the claims tell of a database that is away
            }
            asio::steady_timer pause{loop, kHeartbeat};
            co_await pause.async_wait(asio::use_awaitable);
        }
    }

    /// The configuration may have other schedules than those by which the slots were planned, and the platform files
    /// other metrics. A database that is away has it done within the hour.
    asio::awaitable<void> follow_rules(asio::thread_pool& threads, duty::Runner& duties) {
        auto ask = [this] {
            const auto session = pool_->acquire();
            duty::DutyRepository duty{*session};
            for (const auto* name : {"schedules", "metrics"}) duty.request(name);
            return true;
        };
        try {
            co_await net::run_blocking(threads, std::move(ask));
            duties.wake();
        } catch (const Error&) {  // the claims tell of it
        }
    }

    /// Tells the service manager how it goes, and feeds its watchdog while everything comes round. A database that is
    /// away is none of its business: calls that fail in time are rounds, too, and claims are not waited for then.
    asio::awaitable<void> tell_loop(asio::io_context& loop, Services services) {
        const auto watchdog = service::watchdog_interval();
        const auto pause = std::min<std::chrono::microseconds>(kTell, watchdog.value_or(kTell) / 3);
        asio::steady_timer timer{loop};
        std::string told;
        bool told_stuck = false;
        while (!services.dispatcher.draining()) {  // what stops has said so, and is not watched any more
            const auto claimed_at = services.dispatcher.activity().claimed_at;
            const std::array pulses{
                service::Pulse{"the heartbeat in the database", beat_at_, kHeartbeatRound},
                service::Pulse{"the claiming of work", std::max(claimed_at, beat_failed_at_), kClaimRound}};
            const auto stuck = service::stuck(pulses, service::PulseClock::now());
            if (!stuck && watchdog) service::notify_watchdog();
            if (stuck && !told_stuck)
                log_.error("something hangs", {{"what", std::string{*stuck}},
                                               {"watchdog", watchdog ? "not fed any more" : "there is none"}});
            told_stuck = stuck.has_value();
            if (auto line = status(services); line != told) service::notify_status(told = std::move(line));
            timer.expires_after(pause);
            co_await timer.async_wait(asio::use_awaitable);
        }
    }

    std::string status(const Services& services) const {
        using std::chrono::ceil, std::chrono::floor, std::chrono::milliseconds;
        const auto activity = services.dispatcher.activity();
        const auto at = std::chrono::steady_clock::now();
        service::StatusFacts facts{.running = activity.running,
                                   .ready = activity.ready,
                                   .unstored = activity.unstored,
                                   .last_run = {},
                                   .next_slot = {},
                                   .database_trouble = ceil<milliseconds>(services.database.trouble(at)),
                                   .platforms_down = {},
                                   .reload_refused = !facts_.reload_error.empty()};
        if (activity.stored_at) facts.last_run = floor<milliseconds>(at - *activity.stored_at);
        if (activity.next_slot) facts.next_slot = ceil<milliseconds>(*activity.next_slot - now());
        for (const auto& [platform, breaker] : services.dispatcher.troubled()) facts.platforms_down.push_back(platform);
        return service::status_line(facts);
    }

    /// Takes the new configuration whole or keeps the old one and says why.
    void reload(const Services& services) {
        service::notify_reloading();
        try {
            auto fresh = collect::Rules::load(config::load(config_file_));
            std::optional<Secret> secret;
            if (fresh->config.api.cron_secret) secret = config::resolve(*fresh->config.api.cron_secret);
            const auto restart = config::changed_unreloadable(rules_->config, fresh->config);
            rules_ = std::move(fresh);
            apply_log_settings();
            services.server.set_cron_secret(std::move(secret));
            services.dispatcher.set_rules(rules_);
            facts_.reload_error.clear();
            log_.info("configuration reloaded");
            if (!restart.empty())
                log_.warning("these changes wait for a restart",
                             {{"options", fmt::format("{}", fmt::join(restart, ", "))}});
        } catch (const Error& error) {
            facts_.reload_error = describe_line(error);
            log_.error("reload refused, the old configuration stays", {{"error", facts_.reload_error}});
        }
        service::notify_ready(status(services));
    }

    std::optional<std::string> config_file_;
    std::shared_ptr<const collect::Rules> rules_;
    service::Log log_;
    api::DaemonFacts facts_{};
    std::optional<store::Vault> vault_;
    std::optional<postgres::PrivateCluster> cluster_;
    std::optional<postgres::Pool> pool_;
    std::vector<int> passed_ = service::take_passed_sockets();
    service::PulseClock::time_point beat_at_ = service::PulseClock::now(),
                                    beat_failed_at_{};  ///< the heartbeat's rounds
    std::optional<std::int64_t> outdated_;              ///< the schema's version, when a newer program has changed it
};

Daemon::Daemon(std::optional<std::string> config_file) : impl_(std::make_unique<Impl>(std::move(config_file))) {}
Daemon::~Daemon() = default;
void Daemon::run() {
    impl_->run();
}

}  // namespace tally
