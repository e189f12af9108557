# SPDX-License-Identifier: Apache-2.0
"""Nodes die, freeze and lose their network at random moments; at the end every row equals the oracle.

TALLY_CRASH=MINUTES[,SEED[,CONNECTIONS]] makes it longer (./dev test --crash MINUTES)."""
import json
import os
import random
import signal
import time

from stack import PLATFORMS, account_id, wait_until
from storm import LEASE_SECONDS, RENEWABLE, Storm
from truth import assert_same, days_ago, expected, known, of_the_moment, settle, truth_at

CONFIG = """
tiers:
  busy: { every: 1m, spread: 50s }
collect: { concurrency: 64, retry_base: 1s, retry_ceiling: 5s, timeout: 10s, grace: 5s }
"""


def grant(cluster, platform, account):
    life = {"expires_in": 60 * 86400} if platform not in RENEWABLE else {}
    return json.loads(cluster.control("grant", platform=platform, account=account, **life))


def make_users(cluster, connections):
    """Six connections a user, one of each platform, with tokens that are renewed and refresh tokens that work once."""
    for platform in RENEWABLE:
        cluster.control("rotation", platform=platform, mode="single_use")
    users = []
    for n in range(1, connections + 1, len(PLATFORMS)):
        chosen = PLATFORMS[:connections + 1 - n]
        users.append({"id": f"user-{n}", "tier": "busy", "zone": "UTC", "connections": [
            {"platform": p, "account": account_id(p, n), "token": grant(cluster, p, account_id(p, n))} for p in chosen]})
    return users


def lost(cluster):
    return [c for c in cluster.ctl_json("connection", "list") if c["state"] != "active"]


def log_in_again(cluster):
    """Who lost a refresh token to a fault needs a person; nobody else may."""
    broken = lost(cluster)
    for c in broken:
        assert c["state"] == "needs_authorization" and c["platform"] in RENEWABLE, c
        cluster.ctl("connection", "add", c["user_id"], c["platform"], "--account", c["account_id"], "--token-stdin",
                    stdin=json.dumps(grant(cluster, c["platform"], c["account_id"])))
    reasons = [(c["user_id"], c["platform"], c["state_reason"]) for c in broken]
    assert len(broken) <= len(cluster.refreshes.twice()), (reasons, len(cluster.refreshes.uses))
    return len(broken)


def wait_for_the_work(cluster):
    """Until nothing waits, nothing is late and nothing is to be tried again, though slots go on falling due."""
    def done():
        [[waiting, late]] = cluster.sql("select (select count(*) from triggers where state = 'waiting'),"
                                        " (select count(*) from slots where due_at < now() - interval '5 s'"
                                        "   or (attempt > 0 and collect_at < 'infinity'))")
        return waiting == "0" and late == "0"

    try:
        wait_until(done, timeout=180, step=0.5, what="the end of the work")
    except AssertionError:
        shown = cluster.sql("select c.platform, t.state, t.from_day, t.to_day, t.requests_made, t.requests_left, s.lane, s.slack, s.attempt,"
                            " s.due_at - now(), s.spare_at - now(), s.lease_node, n.alive_until - now(), count(*)"
                            " from slots s join connections c using (connection_id) left join nodes n on n.node_id = s.lease_node"
                            " left join triggers t on t.connection_id = s.connection_id and t.state = 'waiting'"
                            " where t.state is not null or s.due_at < now() - interval '5 s'"
                            " group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 limit 40")
        raise AssertionError("\n".join(map(str, shown)) + "\n" + cluster.ctl("status", check=False).stdout + cluster.log()) from None


def assert_no_lease_is_stuck(cluster):
    """Every lease of now ends soon, whoever held it."""
    before = cluster.leases()
    began = time.monotonic()
    try:
        wait_until(lambda: not before.keys() & cluster.leases().keys(), timeout=LEASE_SECONDS + 30, step=0.2, what="leases to end")
    except AssertionError:
        stuck = before.keys() & cluster.leases().keys()
        shown = cluster.sql("select s.lane, s.slack, s.attempt, n.host is not null as known, n.alive_until > now() as alive, s.lease_token < n.first_token"
                            " as earlier, count(*) from slots s left join nodes n on n.node_id = s.lease_node"
                            f" where s.lease_token in ({', '.join(map(str, stuck)) or 0}) group by 1, 2, 3, 4, 5, 6")
        raise AssertionError(f"{len(stuck)} leases of {len(before)} do not end: {shown}\n{cluster.log()}") from None
    return time.monotonic() - began


def assert_ledger(cluster, groups):
    """No run is counted twice, and what was asked for has ended once."""
    assert cluster.sql("select run_id from runs group by run_id having count(*) > 1") == []
    twice = cluster.sql("select connection_id, slot_at, array_agg(run_id || ' ' || trigger || ' ' || node) from runs where state = 'succeeded'"
                        " and slot_at is not null group by connection_id, slot_at having count(*) > 1")
    assert twice == [], f"slots served twice: {twice[:5]}"
    assert cluster.sql("select run_group, connection_id from triggers group by 1, 2 having count(*) > 1") == []
    assert cluster.sql("select t.* from triggers t left join runs r on r.run_id = t.run_id and r.connection_id = t.connection_id"
                       " where t.state = 'waiting' or (t.run_id is null and t.state <> 'failed') or (t.run_id is not null and r.run_id is null)") == []
    held = {int(row[0]) for row in cluster.sql("select distinct run_group from triggers")}
    assert {int(group) for group in groups} <= held, "a run that was taken is not there"
    assert cluster.sql("select s.connection_id from slots s join connections c using (connection_id) where c.state = 'active'"
                       " and (s.due_at > now() + interval '10 min' or s.slot_at > now() + interval '10 min')") == []


def assert_revisions(cluster, restated):
    """Only what a platform did restate is kept as restated, and each value once."""
    rows = cluster.sql("select user_id, platform, account_id, source, metric, date, revision, value, fetched_at from snapshot_revisions"
                       " order by 1, 2, 3, 4, 5, 6, 7")
    chains = {}
    for *key, revision, value, at in rows:
        chains.setdefault(tuple(key), []).append((int(revision), float(value), at))
    held = {tuple(row[:6]): (int(row[6]), float(row[7])) for row in cluster.sql(
        "select user_id, platform, account_id, source, metric, date, revision, value from analytics_snapshots where revision > 0")}
    assert held.keys() == chains.keys()
    for key, chain in chains.items():
        revision, value = held[key]
        assert [link[0] for link in chain] == list(range(revision)), (key, chain)
        values = [link[1] for link in chain] + [value]
        assert all(a != b for a, b in zip(values, values[1:])), f"restated to the same: {key} {values}"
        for _, before, at in chain:
            assert before in restated.get(key, ()) or before == truth_at(cluster, key, at), f"never restated: {key} {values}"
    return len(rows)


def test_every_row_survives_crashes_at_random_moments(make_cluster):
    minutes, seed, connections = [*os.environ.get("TALLY_CRASH", "0.5").split(","), "", ""][:3]
    seed = int(seed or random.randrange(1 << 31))
    connections = int(connections or (300 if float(minutes) >= 2 else 60))
    print(f"\nseed {seed}: TALLY_CRASH={minutes},{seed},{connections}", flush=True)
    marks = [("begin", time.monotonic())]

    def mark(what):
        marks.append((what, time.monotonic()))
        print(f"  {what}: {marks[-1][1] - marks[-2][1]:.1f} s", flush=True)

    cluster = make_cluster(config=CONFIG)
    for node in cluster.nodes:  # both at once: they agree on who makes the schema
        node.start(wait=False)
    wait_until(lambda: all(node.ready() for node in cluster.nodes), what="the nodes")
    users = make_users(cluster, connections)
    cluster.import_users(users)
    mark("start")
    storm = Storm(cluster, users, seed, float(minutes) * 60)
    storm.run()
    mark("storm")
    storm.end()
    mark("healthy")
    ended = assert_no_lease_is_stuck(cluster)
    mark("leases")
    groups = storm.accepted_groups()
    people = log_in_again(cluster)
    cluster.collect(expect=(0, 1, 3))  # what failed in the storm is done without waiting for its next slot
    people += log_in_again(cluster)
    wait_for_the_work(cluster)
    mark("work")

    before = {(r["user_id"], r["platform"], r["account_id"], r["source"], r["metric"], r["date"]): (r["value"], r["final"])
              for r in map(json.loads, cluster.ctl("export", "--format", "ndjson").stdout.splitlines())}
    cluster.collect("--from", "-16d", expect=(0, 3))
    mark("asked again")
    held, truth = settle(cluster, users)
    mark("settled")
    assert_same(known(held, truth), truth)
    # What was final is true without having been asked for again, but for what was restated since.
    stood = {key: value for key, (value, final) in before.items()
             if key in truth and final and not of_the_moment(key) and key not in storm.restated}
    assert_same(stood, {key: truth[key] for key in stood})
    absent = [key for key in truth if key[5] < days_ago(16) and key not in before]
    assert not absent, f"{len(absent)} were not there: {absent[:5]}"
    assert_ledger(cluster, groups)
    revisions = assert_revisions(cluster, storm.restated)
    twice = cluster.refreshes.twice()
    unexplained = [(a.node, b.node, a.status, b.sent - a.sent) for a, b in twice if not storm.explains(a, b)]
    assert not unexplained, unexplained
    violations = json.loads(cluster.control("violations", method="GET"))
    assert violations["refresh_tokens_reused"] <= len(twice), violations
    assert not lost(cluster)
    assert not list(cluster.dir.glob("node*/tokens/*.json")), "a token waits on disk"
    mark("compared")

    print("survived:")
    for kind, count in sorted(storm.counts.items()):
        print(f"{count:6d} × {kind}")
    runs, failed = cluster.sql("select count(*), count(*) filter (where state <> 'succeeded') from runs")[0]
    print(f"{connections} connections, {minutes} min, {runs} runs of which {failed} not whole, {len(truth)} rows compared, "
          f"{len(groups)} of {len(storm.asked)} runs taken (exit codes {dict(storm.answers)}), {revisions} restatements, {len(cluster.refreshes.uses)} refreshes, "
          f"{len(twice)} tokens used twice, {people} logged in again, leases free after {ended:.1f} s")


# -- one fault at a time ---------------------------------------------------------------------------------------------------
ALONE = """
tiers:
  busy: { every: 1h, spread: 0s }
collect: { retry_base: 1s, retry_ceiling: 5s, timeout: 100s }
"""


def youtube_user(cluster):
    users = [{"id": "user-1", "tier": "busy", "zone": "UTC", "connections": [
        {"platform": "youtube", "account": account_id("youtube", 1), "token": f"sim.youtube.{account_id('youtube', 1)}"}]}]
    cluster.import_users(users)
    return users


def runs_since(cluster, moment, node):
    """{connection: seconds from the moment to its first run by the node}"""
    return {int(connection): float(after) for connection, after in cluster.sql(
        f"select connection_id, min(extract(epoch from started_at - '{moment}')) from runs"
        f" where started_at > '{moment}' and node = '{node.id}' group by 1")}


def test_a_killed_nodes_connections_are_resumed_by_the_other_in_time(make_cluster):
    cluster = make_cluster(config=CONFIG)
    first, second = (node.start() for node in cluster.nodes)
    users = make_users(cluster, 60)
    cluster.control("fault", kind="slow", slow_ms=1500)  # so that both are at work at any moment
    cluster.import_users(users)

    def held():
        return {connection for connection, node in cluster.leases().values() if node == first.id}

    wait_until(lambda: len(held()) > 10, what="leases of the first node")
    first.kill()
    [[killed]] = cluster.sql("select clock_timestamp()")
    orphans = held()
    cluster.control("fault", method="DELETE")
    wait_until(lambda: orphans <= runs_since(cluster, killed, second).keys(), timeout=90, step=0.2, what="the other node to take over")
    taken = runs_since(cluster, killed, second)
    after = sorted(taken[connection] for connection in orphans)
    print(f"\nkill -9 to the first run of the other node: {after[0]:.1f} s for the first, {after[-1]:.1f} s for the last of "
          f"{len(orphans)} connections")
    # Up to a whole lease after the last heartbeat, and the other looks every two seconds.
    assert after[0] < 15
    assert after[-1] < LEASE_SECONDS + 7, "the last one, when all are through"


def gave_up_its_lease(node):
    """By its own clock before it asked for more, or because the database refused what it brought."""
    return any(words in node.log() for words in ("leases were not certain any more", "lease lost, nothing stored"))


def test_a_node_that_sleeps_through_its_lease_stores_nothing(make_cluster):
    cluster = make_cluster(config=ALONE)
    sleeper, heir = cluster.nodes
    sleeper.start()
    # The answer is made now, and arrives when it is not true any more.
    cluster.control("fault", platform="youtube", path="/reports", kind="slow", slow_ms=12_000, count=1)
    users = youtube_user(cluster)
    [token] = wait_until(cluster.leases, what="the claim")
    wait_until(lambda: json.loads(cluster.control("stats", method="GET"))["by_platform"]["youtube"] >= 2, what="the report's request")
    sleeper.send(signal.SIGSTOP)
    day = days_ago(10)
    cluster.control("restate", platform="youtube", account=account_id("youtube", 1), metric="views", date=day, add=4711)
    heir.start()
    wait_until(lambda: cluster.sql(f"select 1 from runs where state = 'succeeded' and node = '{heir.id}'"), what="the heir's run")
    stored = cluster.sql("select max(run_id), count(*) from analytics_snapshots")
    sleeper.send(signal.SIGCONT)
    wait_until(lambda: gave_up_its_lease(sleeper), what="the sleeper's result")
    assert cluster.sql(f"select * from runs where node = '{sleeper.id}' or run_id = {token}") == []
    assert cluster.sql("select max(run_id), count(*) from analytics_snapshots") == stored
    assert cluster.sql(f"select * from analytics_snapshots where run_id = {token}") == []
    assert cluster.sql("select * from snapshot_revisions") == []
    assert_same(cluster.snapshots(), expected(cluster, users))
    assert cluster.leases() == {}


def test_a_node_that_sleeps_inside_its_transaction_holds_nobody_up(make_cluster):
    cluster = make_cluster(config=ALONE)
    sleeper, heir = cluster.nodes
    sleeper.start()
    # Its transaction has locked the slot and waits for the table; then it sleeps, and has the table, and never ends.
    lock = cluster.postgres.session()
    lock.stdin.write("begin; lock table analytics_snapshots in share row exclusive mode;\n")
    cluster.control("fault", platform="youtube", kind="slow", slow_ms=1000)
    users = youtube_user(cluster)
    wait_until(lambda: cluster.sql("select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'tallyd'"),
               what="the sleeper's store")
    sleeper.send(signal.SIGSTOP)
    lock.stdin.write("rollback;\n")
    lock.communicate(timeout=30)
    cluster.control("fault", method="DELETE")
    heir.start()
    began = time.monotonic()
    wait_until(lambda: cluster.sql(f"select 1 from runs where state = 'succeeded' and node = '{heir.id}'"), timeout=40,
               what="the heir's run: a transaction of a node that sleeps holds the slot")
    print(f"\ntaken over {time.monotonic() - began:.1f} s after the heir came")
    sleeper.send(signal.SIGCONT)
    wait_until(lambda: gave_up_its_lease(sleeper), what="the sleeper's result")
    assert_same(cluster.snapshots(), expected(cluster, users))
    assert cluster.leases() == {}
