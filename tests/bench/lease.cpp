// SPDX-License-Identifier: Apache-2.0
// Claims and finishes everything that is due in a prepared database, once, and says how long it took. lease.py
// prepares, measures around it and compares.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libpq-fe.h>
#include <sodium.h>

#include <charconv>
#include <chrono>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/postgres/cluster.hpp"
#include "common/postgres/migrate.hpp"
#include "daemon/collect/lane_book.hpp"
#include "daemon/lease/lease_repository.hpp"
#include "daemon/store/snapshot_store.hpp"

namespace {

using namespace tally;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kUsage =
    "usage: tally-bench-lease cluster DIRECTORY\n"
    "       tally-bench-lease (leases | loaded | store | raw) URL BATCH\n";
constexpr auto kNode = "bench";
constexpr auto kLook = 1s;      // as the dispatcher does
constexpr auto kNextSlot = 1h;  // far enough that nothing falls due twice

struct Drained {
    std::size_t served = 0;
    std::chrono::duration<double> time{};  ///< from the first claim to the last finish
};

using Assignments = std::vector<lease::Assignment>;
/// Claims of these shares and finishes; gives what was claimed.
using Serve = std::function<Assignments(const std::vector<lease::LaneShare>&)>;

/// Serves all that is due in the dispatcher's way: the lanes are looked at once a second, and the lane book says what
/// to ask of which.
Drained drain(lease::LeaseRepository& leases, unsigned batch, const Serve& serve) {
    collect::LaneBook book;
    const auto unlimited = [batch](const lease::Lane&) { return batch; };
    const collect::LaneBook::Room room{.limit = batch, .spare_limit = 0, .platform = unlimited, .app = unlimited};
    const auto start = Clock::now();
    std::size_t served = 0;
    for (auto looked_at = Clock::time_point{};;) {
        auto shares = book.shares(now(), room);
        if (shares.empty() || Clock::now() - looked_at >= kLook) {
            looked_at = Clock::now();
            book.look(leases.heads());
            shares = book.shares(now(), room);
            if (shares.empty()) return {.served = served, .time = Clock::now() - start};
        }
        const auto assignments = serve(shares);
        book.note(shares, assignments, batch);
        served += assignments.size();
    }
}

/// The two statements of a lease alone: nothing of its connection is loaded.
Assignments claim_only(postgres::Session& session, const std::vector<lease::LaneShare>& shares, unsigned batch) {
    std::vector<std::string> lanes;
    std::vector<std::int64_t> slacks, after_ids, limits;
    std::vector<Instant> after_due;
    for (const auto& share : shares) {
        lanes.push_back(share.lane.name);
        slacks.push_back(share.lane.slack.value_or(0s).count());
        after_due.push_back(share.after.due_at);
        after_ids.push_back(share.after.connection_id);
        limits.push_back(share.limit);
    }
    Assignments assignments;
    auto transaction = session.begin();
    const auto claimed =
        transaction.commit({{.statement = "claim_lanes",
                             .params = {std::nullopt, kNode, batch, lanes, slacks, after_due, after_ids, limits}}});
    for (const auto& row : claimed.front()) {
        auto& lease = assignments.emplace_back().lease;
        lease.connection_id = row.integer("connection_id");
        lease.token = row.integer("lease_token");
        lease.due_at = row.instant("due_at");
        lease.collect_at = row.instant("collect_at");
        lease.slot_at = row.instant("slot_at");
        lease.lane = {.name = row.text("lane"), .slack = std::chrono::seconds{row.integer("slack")}};
    }
    return assignments;
}

/// The statement that ends a lease in the store's transaction, in one of its own.
void finish_only(postgres::Session& session, const Assignments& assignments) {
    const auto next = now() + kNextSlot;
    const auto count = assignments.size();
    const std::vector<Instant> next_slots(count, next), not_before(count, Instant{});
    const std::vector<std::int64_t> attempts(count, 0);
    const std::vector<std::optional<Instant>> none(count);
    std::vector<std::int64_t> ids, tokens, slacks;
    std::vector<Instant> claimed, claimed_slots;
    for (const auto& assignment : assignments) {
        const auto& lease = assignment.lease;
        ids.push_back(lease.connection_id);
        tokens.push_back(lease.token);
        claimed.push_back(lease.collect_at);
        claimed_slots.push_back(lease.slot_at);
        slacks.push_back(lease.lane.slack.value_or(0s).count());
    }
    auto transaction = session.begin();
    transaction.commit({{.statement = "finish_slots",
                         .params = {ids, tokens, next_slots, next_slots, attempts, none, not_before, claimed,
                                    claimed_slots, slacks, none, lease::kLongPast.count()}}});
}

/// A run that asked once and got no numbers.
store::RunResult empty_run(const lease::Assignment& assignment) {
    store::RunResult run;
    run.lease = assignment.lease;
    run.user_id = assignment.user_id;
    run.platform = assignment.platform;
    run.account_id = assignment.account_id;
    run.tier = assignment.tier;
    run.zone = TimeZone::utc();
    run.node = kNode;
    run.slot = assignment.lease.slot_at;
    run.started_at = now();
    run.requests = 1;
    run.next_due = run.next_slot = now() + kNextSlot;
    run.slack = assignment.lease.lane.slack.value_or(0s);
    return run;
}

/// What one would write by hand: a claim and a finish a batch, prepared, each its own transaction, straight to libpq.
class RawQueue {
public:
    RawQueue(const std::string& url, unsigned batch) : connection_(PQconnectdb(url.c_str()), PQfinish), batch_(batch) {
        check(PQprepare(connection_.get(), "claim", kClaim, 0, nullptr));
        check(PQprepare(connection_.get(), "finish", kFinish, 0, nullptr));
    }

    Drained drain() {
        const auto limit = std::to_string(batch_);
        const auto start = Clock::now();
        for (std::size_t served = 0;;) {
            const auto claimed = exec("claim", {kNode, limit.c_str()});
            const auto rows = PQntuples(claimed.get());
            if (rows == 0) return {.served = served, .time = Clock::now() - start};
            std::vector<const char*> ids, tokens;
            for (int row = 0; row < rows; ++row) {
                ids.push_back(PQgetvalue(claimed.get(), row, 0));
                tokens.push_back(PQgetvalue(claimed.get(), row, 1));
            }
            const std::vector<std::string> next(ids.size(), postgres::to_text(now() + kNextSlot));
            const auto id_list = list(ids), token_list = list(tokens),
                       next_list = fmt::format("{{{}}}", fmt::join(next, ","));
            exec("finish", {id_list.c_str(), token_list.c_str(), next_list.c_str()});
            served += ids.size();
        }
    }

private:
    using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

    static constexpr auto kClaim = R"(
        UPDATE raw_slots s SET lease_token = nextval('lease_token'), lease_node = $1, attempt = s.attempt + 1
          FROM (SELECT connection_id FROM raw_slots
                 WHERE due_at <= now() AND lease_node IS NULL
                 ORDER BY due_at, connection_id LIMIT $2 FOR UPDATE SKIP LOCKED) d
         WHERE s.connection_id = d.connection_id
        RETURNING s.connection_id, s.lease_token, s.slot_at, s.attempt)";
    static constexpr auto kFinish = R"(
        UPDATE raw_slots s
           SET due_at = f.next, collect_at = f.next, slot_at = f.next, attempt = 0, lease_token = NULL, lease_node = NULL
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS f(connection_id, token, next)
         WHERE s.connection_id = f.connection_id AND s.lease_token = f.token)";

    static std::string list(const std::vector<const char*>& values) {
        return fmt::format("{{{}}}", fmt::join(values, ","));
    }
    Answer check(PGresult* result) const {
        Answer answer{result, PQclear};
        const auto status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            throw Error(Fault::failed, PQerrorMessage(connection_.get()));
        return answer;
    }
    Answer exec(const char* name, const std::vector<const char*>& values) const {
        return check(PQexecPrepared(connection_.get(), name, static_cast<int>(values.size()), values.data(), nullptr,
                                    nullptr, 0));
    }

    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    unsigned batch_;
};

Drained drain_with_tally(const std::string& contender, const std::string& url, unsigned batch) {
    const postgres::Options options{.url = url, .application_name = "bench", .role = "tally_collector", .by_key = true};
    postgres::Session session{options};
    lease::LeaseRepository leases{session};
    leases.register_node({.id = kNode, .host = "bench", .pid = 1, .version = "bench"}, 1h);
    if (contender == "leases")
        return drain(leases, batch, [&](const auto& shares) {
            auto claimed = claim_only(session, shares, batch);
            if (!claimed.empty()) finish_only(session, claimed);
            return claimed;
        });
    if (contender == "loaded")
        return drain(leases, batch, [&](const auto& shares) {
            auto claimed = leases.claim(kNode, shares, batch);
            if (!claimed.empty()) finish_only(session, claimed);
            return claimed;
        });
    store::SnapshotStore store{postgres::Session{options}};
    return drain(leases, batch, [&](const auto& shares) {
        auto claimed = leases.claim(kNode, shares, batch);
        std::vector<store::RunResult> runs;
        for (const auto& assignment : claimed) runs.push_back(empty_run(assignment));
        if (!runs.empty()) store.store(runs);
        return claimed;
    });
}

void run_cluster(const std::string& directory) {
    auto cluster = postgres::PrivateCluster::start(directory);
    {
        postgres::Session session{{.url = cluster.place().url}};
        postgres::migrate(session);
    }
    std::cout << cluster.place().url << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
    }
    cluster.stop();
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() == 2 && arguments[0] == "cluster") {
        run_cluster(arguments[1]);
        return 0;
    }
    const bool known = !arguments.empty() && (arguments[0] == "leases" || arguments[0] == "loaded" ||
                                              arguments[0] == "store" || arguments[0] == "raw");
    unsigned batch = 0;
    if (arguments.size() == 3) std::from_chars(arguments[2].data(), arguments[2].data() + arguments[2].size(), batch);
    if (!known || batch == 0) {
        std::cerr << kUsage;
        return exit_code(Fault::usage);
    }
    const auto [served, time] = arguments[0] == "raw" ? RawQueue{arguments[1], batch}.drain()
                                                      : drain_with_tally(arguments[0], arguments[1], batch);
    std::cout << fmt::format("{{\"served\": {}, \"seconds\": {}}}\n", served, time.count());
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    if (sodium_init() < 0) throw Error(Fault::internal, "libsodium does not start");
    return run({argv + 1, argv + argc});
} catch (const Error& error) {
    std::cerr << "tally-bench-lease: " << describe(error) << '\n';
    return exit_code(error.fault());
} catch (const std::exception& error) {
    std::cerr << "tally-bench-lease: " << error.what() << '\n';
    return exit_code(Fault::internal);
}
