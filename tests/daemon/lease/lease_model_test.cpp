// SPDX-License-Identifier: Apache-2.0
// Two nodes, one connection and everything that can happen between them, in every order: a model of a few lines says
// who holds the lease and whose finish counts, and the database has to agree after each step.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <set>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

constexpr std::array<const char*, 2> kNodes{"n1", "n2"};
constexpr std::size_t kMostPapers = 3;
constexpr auto kAlive = 86400s;

struct Node {
    bool known = true, alive = true;
    std::int64_t first_token = 0;
};

/// A lease as the process that claimed it believes in it, whether it is still good or not.
struct Paper {
    std::size_t node = 0;
    lease::Assignment assignment;
};

/// What the database should hold, and what the processes hold in their hands.
struct Model {
    std::array<Node, 2> nodes;
    std::int64_t token = 0;  ///< of the slot; 0: nobody's
    std::size_t holder = 0;
    int attempt = 0;
    Instant collect_at, slot_at;
    bool paused = false;
    std::int64_t trigger = 0;   ///< that waits; 0: none
    std::vector<Paper> papers;  ///< in the order of their claims
    std::chrono::hours passed{0};

    bool is_free() const {
        return token == 0 || (nodes[holder].known && (!nodes[holder].alive || token < nodes[holder].first_token));
    }
    bool may_claim(std::size_t node) const { return nodes[node].known && nodes[node].alive && is_free(); }
    bool counts(const Paper& paper) const { return token != 0 && paper.assignment.lease.token == token; }
};

enum class Verb {
    claim,
    claim_one,
    finish,
    fail,
    release,
    defer,
    heart_stops,
    beats,
    restart,
    leave,
    trigger,
    pause,
    resume,
    time_passes
};
constexpr std::array<const char*, 14> kVerbs{
    "claims", "claims the one", "finishes", "fails and will retry", "releases", "defers", "heart stops",
    "beats",  "restarts",       "leaves",   "a trigger is added",   "pause",    "resume", "time passes"};

struct Step {
    Verb verb;
    std::size_t who = 0;  ///< the node, or the place of the paper
};

std::string describe(const Step& step) {
    const bool by_paper = step.verb >= Verb::finish && step.verb <= Verb::defer;
    const bool by_nobody = step.verb >= Verb::trigger;
    const std::string verb = kVerbs[static_cast<std::size_t>(step.verb)];
    return by_nobody ? verb : fmt::format("{} {} {}", by_paper ? "paper" : "node", step.who + 1, verb);
}

/// The rows of the test's connection, as text that brings them back.
struct Saved {
    std::string slot, nodes, state, triggers;
};

class World {
public:
    World() {
        f_.leases.register_node({.id = "n1", .host = "h", .pid = 1, .version = "1"}, kAlive);
        second_.register_node({.id = "n2", .host = "h", .pid = 2, .version = "1"}, kAlive);
        const auto row = observe();
        model.nodes[0].first_token = row.integer("first_1");
        model.nodes[1].first_token = row.integer("first_2");
        model.collect_at = row.instant("collect_at");
        model.slot_at = row.instant("slot_at");
        newest_token_ = std::max(model.nodes[0].first_token, model.nodes[1].first_token);
    }

    std::vector<Step> possible() const {
        std::vector<Step> steps;
        for (std::size_t n = 0; n < kNodes.size(); ++n) {
            for (const auto verb : {Verb::claim, Verb::claim_one, Verb::restart}) steps.push_back({verb, n});
            if (model.nodes[n].known) steps.push_back({model.nodes[n].alive ? Verb::heart_stops : Verb::beats, n});
            if (model.nodes[n].known) steps.push_back({Verb::leave, n});
        }
        for (std::size_t p = 0; p < model.papers.size(); ++p) {
            for (const auto verb : {Verb::finish, Verb::fail, Verb::release, Verb::defer}) steps.push_back({verb, p});
        }
        if (model.trigger == 0) steps.push_back({Verb::trigger});
        steps.push_back({model.paused ? Verb::resume : Verb::pause});
        if (model.collect_at > clock() && model.collect_at != postgres::kNever) steps.push_back({Verb::time_passes});
        return steps;
    }

    /// Takes the step in the database and in the model, and compares.
    void take(const Step& step) {
        switch (step.verb) {
            case Verb::claim:
                claim(step.who, true);
                break;
            case Verb::claim_one:
                claim(step.who, false);
                break;
            case Verb::finish:
                finish(step.who, true);
                break;
            case Verb::fail:
                finish(step.who, false);
                break;
            case Verb::release:
                release(step.who);
                break;
            case Verb::defer:
                defer(step.who);
                break;
            case Verb::heart_stops:
                stop_heart(step.who);
                break;
            case Verb::beats:
                beat(step.who);
                break;
            case Verb::restart:
                restart(step.who);
                break;
            case Verb::leave:
                leave(step.who);
                break;
            case Verb::trigger:
                trigger();
                break;
            case Verb::pause:
                pause();
                break;
            case Verb::resume:
                resume();
                break;
            case Verb::time_passes:
                model.passed += 2h;
                break;
        }
        compare();
    }

    /// Whatever happened before: once every heart has stopped, another node gets the connection, and no paper of before
    /// counts any more. Leaves the database changed.
    void check_rescue() {
        if (model.paused) resume();
        fresh_ = false;
        admin_.exec_alone(
            "UPDATE nodes SET alive_until = now() - interval '1 s';"
            "INSERT INTO nodes (node_id, host, pid, version, alive_until, first_token)"
            " VALUES ('rescuer', 'h', 3, '1', now() + interval '1 day', 0)");
        const auto claimed = claim_from_lanes(second_, "rescuer", clock() + 240h);
        REQUIRE_MESSAGE(claimed.size() == 1, "the connection can be claimed");
        CHECK(claimed[0].lease.token > newest_token_);
        newest_token_ = claimed[0].lease.token;
        const auto before = observe();
        std::vector<lease::Lease> lost;
        for (const auto& paper : model.papers) {
            CHECK_FALSE(f_.store.store({f_.result(paper.assignment, {})})[0].stored);
            lost.push_back(paper.assignment.lease);
        }
        if (!lost.empty()) f_.leases.release(lost);
        CHECK_MESSAGE(text(observe()) == text(before), "late finishes and releases change nothing");
        admin_.exec_alone("DELETE FROM nodes WHERE node_id = 'rescuer'");
    }

    Saved save() {
        auto transaction = admin_.begin_read_only();
        const auto row = transaction.exec_text(
            "SELECT (SELECT jsonb_agg(s) FROM slots s)::text AS slot, (SELECT coalesce(jsonb_agg(n), '[]') FROM nodes "
            "n)::text"
            " AS nodes, (SELECT state FROM connections) AS state,"
            " (SELECT coalesce(jsonb_agg(t), '[]') FROM triggers t WHERE state = 'waiting')::text AS triggers")[0];
        return {row.text("slot"), row.text("nodes"), row.text("state"), row.text("triggers")};
    }

    void restore(const Saved& saved, const Model& then) {
        const auto rows = [](const char* table, const std::string& json, const char* columns = "*") {
            return fmt::format("SELECT {} FROM jsonb_populate_recordset(NULL::{}, {})", columns, table,
                               postgres::quote_literal(json));
        };
        constexpr auto* kSlot =  // without what follows from the others
            "connection_id, lane, slack, collect_at, upkeep_at, spare_at, slot_at, lease_token, lease_node, attempt";
        admin_.exec_alone(fmt::format(
            "DELETE FROM slots; INSERT INTO slots ({}) {}; DELETE FROM nodes; INSERT INTO nodes {};"
            "UPDATE connections SET state = '{}'; DELETE FROM triggers; INSERT INTO triggers OVERRIDING SYSTEM VALUE "
            "{}",
            kSlot, rows("slots", saved.slot, kSlot), rows("nodes", saved.nodes), saved.state,
            rows("triggers", saved.triggers)));
        model = then;
    }

    /// What the future depends on, without what it does not: tokens by their age, moments by whether they have come.
    /// The nodes are alike, so a state and its mirror image are one.
    std::string key() const { return std::min(key(0), key(1)); }

    Model model;

private:
    Instant clock() const { return now() + model.passed; }

    std::vector<lease::Assignment> claim_from_lanes(lease::LeaseRepository& leases, const char* node, Instant at) {
        return leases.claim(node, {{.lane = {"youtube", 900s}, .limit = 1}, {.lane = {"youtube", 0s}, .limit = 1}}, 1,
                            at);
    }

    void claim(std::size_t node, bool due) {
        const auto at = clock();
        const bool expected = model.may_claim(node) && (!due || model.collect_at <= at);
        std::vector<lease::Assignment> claimed;
        if (due)
            claimed = claim_from_lanes(*leases_[node], kNodes[node], at);
        else if (auto one = leases_[node]->claim_one(kNodes[node], 1))
            claimed.push_back(std::move(*one));
        REQUIRE(claimed.size() == (expected ? 1 : 0));
        if (!expected) return;
        const auto& lease = claimed[0].lease;
        CHECK_MESSAGE(lease.token > newest_token_, "tokens only grow");
        CHECK(lease.counted == due);
        CHECK(claimed[0].triggers.size() == (model.trigger != 0 ? 1 : 0));
        model.token = newest_token_ = lease.token;
        model.holder = node;
        model.attempt += due ? 1 : 0;
        CHECK(lease.attempt == static_cast<unsigned>(model.attempt));
        model.papers.push_back({node, std::move(claimed[0])});
        if (model.papers.size() > kMostPapers) model.papers.erase(model.papers.begin());
    }

    void finish(std::size_t place, bool succeeds) {
        const auto paper = model.papers[place];
        const auto& lease = paper.assignment.lease;
        auto run = f_.result(paper.assignment, {});
        run.slot = lease.slot_at;
        run.next_slot = succeeds ? lease.slot_at + 1s : lease.slot_at;
        run.next_due = succeeds ? run.next_slot : moment(clock() + 1h);
        run.next_attempt = succeeds ? 0 : lease.attempt;
        run.state = succeeds ? "succeeded" : "failed";
        for (const auto& trigger : paper.assignment.triggers) run.triggers.push_back(trigger.id);
        const bool counts = model.counts(paper);
        REQUIRE(f_.store.store({run})[0].stored == counts);
        if (!counts) return;
        ++stored_;
        model.token = 0;
        const bool moved = model.slot_at != lease.slot_at;
        if (serves_waiting(paper)) model.trigger = 0;
        auto next = moved ? model.slot_at : run.next_due;
        if (model.collect_at != lease.collect_at) next = std::min(next, model.collect_at);
        fresh_ = model.trigger != 0 && !model.paused && next > now();
        model.collect_at = model.paused ? postgres::kNever : next;
        model.attempt = moved ? 0 : static_cast<int>(run.next_attempt);
        if (!moved) model.slot_at = run.next_slot;
    }

    bool serves_waiting(const Paper& paper) const {
        const auto& triggers = paper.assignment.triggers;
        return model.trigger != 0 && std::any_of(triggers.begin(), triggers.end(),
                                                 [this](const auto& trigger) { return trigger.id == model.trigger; });
    }

    void give_back(const lease::Lease& lease) {
        model.token = 0;
        model.attempt = std::max(model.attempt - (lease.counted ? 1 : 0), 0);
    }

    void release(std::size_t place) {
        const auto& paper = model.papers[place];
        leases_[paper.node]->release({paper.assignment.lease});
        if (model.counts(paper)) give_back(paper.assignment.lease);
    }

    void defer(std::size_t place) {
        const auto& paper = model.papers[place];
        const auto until = moment(clock() + 1h);
        leases_[paper.node]->defer({{.lease = paper.assignment.lease, .until = until}});
        if (!model.counts(paper)) return;
        give_back(paper.assignment.lease);
        model.collect_at = std::max(model.collect_at, until);
    }

    void stop_heart(std::size_t node) {
        admin_.exec_alone(
            fmt::format("UPDATE nodes SET alive_until = now() - interval '1 s' WHERE node_id = '{}'", kNodes[node]));
        model.nodes[node].alive = false;
    }

    void beat(std::size_t node) {
        CHECK(leases_[node]->heartbeat(kNodes[node], kAlive, 0).nodes > 0);
        model.nodes[node].alive = true;
    }

    void restart(std::size_t node) {
        leases_[node]->register_node({.id = kNodes[node], .host = "h", .pid = 1, .version = "1"}, kAlive);
        const auto first = observe().integer(node == 0 ? "first_1" : "first_2");
        CHECK_MESSAGE(first > newest_token_, "tokens only grow");
        model.nodes[node] = {.known = true, .alive = true, .first_token = newest_token_ = first};
    }

    void leave(std::size_t node) {
        leases_[node]->retire_node(kNodes[node]);
        CHECK(leases_[node]->heartbeat(kNodes[node], kAlive, 0).nodes == 0);
        if (model.token != 0 && model.holder == node) model.token = 0;
        model.nodes[node] = {.known = false, .alive = false, .first_token = 0};
    }

    store::Registry registry() {
        // A slot of its own after each pause, and all of them due.
        auto plan = test::slots_in(0s);
        plan.next = [slot = model.slot_at](const std::string&, std::int64_t) { return slot + 1s; };
        return {f_.session, f_.vault, plan};
    }

    void trigger() {
        const auto group = registry().trigger({.user_id = "u", .platform = {}, .account_id = {}, .days = {}});
        CHECK(group.connections == (model.paused ? 0 : 1));
        if (model.paused) return;
        model.trigger = observe().integer("trigger");
        fresh_ = model.collect_at > now();
    }

    void pause() {
        registry().pause({"u", "youtube", "a1"}, "holidays");
        model.paused = true;
        model.trigger = 0;
        model.collect_at = postgres::kNever;
    }

    void resume() {
        registry().resume({"u", "youtube", "a1"});
        model.paused = false;
        model.slot_at += 1s;
        model.attempt = 0;
        fresh_ = true;
    }

    /// To the microsecond, as the database keeps it.
    static Instant moment(Instant time) { return std::chrono::floor<std::chrono::microseconds>(time); }

    postgres::Row observe() {
        auto transaction = admin_.begin_read_only();
        return transaction.exec_text(
            "SELECT coalesce(lease_token, 0) AS token, coalesce(lease_node, '') AS node, attempt, collect_at, due_at, "
            "slot_at,"
            " c.state, (SELECT coalesce(sum(trigger_id), 0)::bigint FROM triggers WHERE state = 'waiting') AS trigger,"
            " (SELECT first_token FROM nodes WHERE node_id = 'n1') AS first_1,"
            " (SELECT first_token FROM nodes WHERE node_id = 'n2') AS first_2,"
            " (SELECT count(*) FROM runs) AS runs,"
            " (SELECT coalesce(sum(succeeded + partial + failed), 0)::bigint FROM run_stats) AS counted"
            " FROM slots s JOIN connections c USING (connection_id)")[0];
    }

    static std::string text(const postgres::Row& row) {
        std::string text;
        for (const auto* column :
             {"token", "node", "attempt", "collect_at", "due_at", "slot_at", "state", "trigger", "runs", "counted"})
            text += fmt::format("{}={} ", column, row.view(column));
        return text;
    }

    void compare() {
        const auto row = observe();
        // The database's own "now": the model learns it, when it is one.
        const auto collect_at = row.instant("collect_at");
        if (fresh_ && collect_at <= now() && collect_at > now() - 60s) model.collect_at = collect_at;
        fresh_ = false;
        REQUIRE(row.integer("token") == model.token);
        REQUIRE(row.text("node") == (model.token == 0 ? "" : kNodes[model.holder]));
        REQUIRE(row.integer("attempt") == model.attempt);
        REQUIRE(render_instant(collect_at) == render_instant(model.collect_at));
        REQUIRE(row.instant("due_at") == collect_at);
        REQUIRE(row.instant("slot_at") == model.slot_at);
        REQUIRE(row.text("state") == (model.paused ? "paused" : "active"));
        REQUIRE(row.integer("trigger") == model.trigger);
        REQUIRE_MESSAGE(row.integer("runs") == static_cast<std::int64_t>(stored_),
                        "a run for each finish that counted");
        REQUIRE_MESSAGE(row.integer("counted") == static_cast<std::int64_t>(stored_), "each run is counted once");
        const auto valid = std::count_if(model.papers.begin(), model.papers.end(),
                                         [this](const Paper& paper) { return model.counts(paper); });
        REQUIRE_MESSAGE(valid <= 1, "at most one holder");
    }

    std::string key(std::size_t first) const {
        std::vector<std::int64_t> tokens{model.token, model.nodes[0].first_token, model.nodes[1].first_token};
        for (const auto& paper : model.papers) tokens.push_back(paper.assignment.lease.token);
        std::sort(tokens.begin(), tokens.end());
        tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
        const auto age = [&](std::int64_t token) {
            return std::lower_bound(tokens.begin(), tokens.end(), token) - tokens.begin();
        };
        const auto when = [&](Instant time) { return time == postgres::kNever ? 'n' : time <= clock() ? 'd' : 'l'; };
        std::string text = fmt::format("{} {} {} {} {} {}", model.token == 0 ? 9 : model.holder ^ first, model.attempt,
                                       when(model.collect_at), model.paused, model.trigger != 0, model.is_free());
        for (const auto node : {first, 1 - first})
            text += fmt::format(" | {} {}", model.nodes[node].known, model.nodes[node].alive);
        for (const auto& paper : model.papers) {
            const auto& lease = paper.assignment.lease;
            text += fmt::format(" | {} {} {} {} {} {} {}", paper.node ^ first, age(lease.token), model.counts(paper),
                                lease.counted, lease.slot_at == model.slot_at, lease.collect_at == model.collect_at,
                                serves_waiting(paper));
        }
        return text;
    }

    test::StoreFixture f_;
    postgres::Session admin_{f_.database.session("")};
    postgres::Session second_session_{f_.database.session()};
    lease::LeaseRepository second_{second_session_};
    std::array<lease::LeaseRepository*, 2> leases_{&f_.leases, &second_};
    std::int64_t newest_token_ = 0;  ///< of all that were ever given out
    std::size_t stored_ = 0;         ///< runs, on all ways together
    bool fresh_ = false;             ///< the step made collect_at the database's "now"
};

/// How far the test goes; TALLY_LEASE_MODEL=DEPTH,WALKS,SEED goes further.
struct Effort {
    unsigned depth = 4, walks = 40, seed = 1;
};

Effort effort() {
    Effort effort;
    if (const auto* text = std::getenv("TALLY_LEASE_MODEL"))
        REQUIRE(std::sscanf(text, "%u,%u,%u", &effort.depth, &effort.walks, &effort.seed) == 3);
    return effort;
}

std::string describe(const std::vector<Step>& path) {
    std::string text;
    for (const auto& step : path) text += (text.empty() ? "" : ", ") + describe(step);
    return text;
}

}  // namespace

TEST_CASE("two nodes and one lease: every order of events up to a depth") {
    struct State {
        Saved saved;
        Model model;
        std::vector<Step> path;
    };
    World world;
    std::set<std::string> seen{world.key()};
    std::deque<State> states{{.saved = world.save(), .model = world.model, .path = {}}};
    std::size_t steps = 0;
    for (const auto depth = effort().depth; !states.empty(); states.pop_front()) {
        const auto& from = states.front();
        world.model = from.model;
        for (const auto& step : world.possible()) {
            auto path = from.path;
            path.push_back(step);
            INFO("after: ", describe(path));
            world.restore(from.saved, from.model);
            world.take(step);
            ++steps;
            if (!seen.insert(world.key()).second) continue;
            if (path.size() < depth) states.push_back({.saved = world.save(), .model = world.model, .path = path});
            world.check_rescue();
        }
    }
    MESSAGE(steps, " steps, ", seen.size(), " states");
    CHECK(steps > seen.size());
}

TEST_CASE("two nodes and one lease: long ways at random") {
    constexpr std::size_t kLength = 60;
    World world;
    const auto saved = world.save();
    const auto start = world.model;
    std::mt19937 random{effort().seed};
    for (unsigned walk = 0; walk < effort().walks; ++walk) {
        world.restore(saved, start);
        std::vector<Step> path;
        while (path.size() < kLength) {
            const auto steps = world.possible();
            path.push_back(steps[std::uniform_int_distribution<std::size_t>{0, steps.size() - 1}(random)]);
            INFO("after: ", describe(path));
            world.take(path.back());
        }
        INFO("after: ", describe(path));
        world.check_rescue();
    }
}
