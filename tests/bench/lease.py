#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench lease: leases claimed and finished a second, against raw SQL and graphile-worker on the same PostgreSQL."""
import json
import shutil
import statistics
import subprocess

import bench

BATCH = 256  # the dispatcher's, for claims and for the store
CONCURRENCY = 64
LANES = 10  # five platforms, two tiers
# Rows that are not due lie behind those that are, as in every installation.
IDLE_PER_LEASE = 4

CONTENDERS = {
    "leases": "claim_lanes and finish_slots, each its own transaction",
    "loaded": "the same, and all that a run needs to know of its connection",
    "store": "the same, and the store's whole transaction of a run without numbers",
    "raw": "two prepared UPDATEs on an equal table with one queue",
    "graphile_batch": "graphile-worker with its batching options",
    "graphile": "graphile-worker with its defaults",
}

# Slots of tally and of the raw queue are the same rows: as wide, as many indexes, due in the same order. Connections have a
# credential as long as a real one.
SCHEMA = """
CREATE TABLE raw_slots (LIKE slots INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE, PRIMARY KEY (connection_id))
  WITH (fillfactor = 70);
CREATE INDEX ON raw_slots (due_at, connection_id);
SET session_replication_role = replica;
INSERT INTO users (user_id, tier) SELECT 'user-' || n, 'free' FROM generate_series(1, {rows}) n;
INSERT INTO user_keys SELECT user_id, decode(repeat(md5(user_id), 5), 'hex') FROM users;
INSERT INTO connections (connection_id, user_id, platform, account_id, credential) OVERRIDING SYSTEM VALUE
SELECT n, 'user-' || n, 'platform' || n % {platforms}, 'account-' || n, decode(repeat(md5(n::text), 16), 'hex')
  FROM generate_series(1, {rows}) n;
SELECT ensure_runs_day(current_date + d) FROM generate_series(-1, 1) d;
"""

SLOTS = """
SELECT n, 'platform' || n % {platforms}, CASE WHEN n / {platforms} % 2 = 0 THEN 900 ELSE 86400 END, {due}due
  FROM (SELECT n, CASE WHEN n % {every} = 0 THEN now() - interval '1 minute' + n * interval '1 microsecond'
                       ELSE now() + interval '1 day' + n * interval '1 second' END AS due
          FROM generate_series(1, {rows}) n) s
"""


class Bench:
    def __init__(self, state, leases):
        self.state, self.leases = state, leases
        self.database = bench.Database(state)
        # In a session of its own: Ctrl-C is for us, and the end of its input stops it.
        self.cluster = subprocess.Popen([bench.BIN / "tally-bench-lease", "cluster", state], text=True, start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.cluster.stdout.readline().strip()
        if not self.url:
            raise SystemExit("PostgreSQL does not start")
        self.sizes = {"rows": leases * (IDLE_PER_LEASE + 1), "every": IDLE_PER_LEASE + 1, "platforms": LANES // 2}
        # Whoever is measured while the autovacuum runs would pay for all.
        self.database.sql("ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf();")
        self.database.sql(SCHEMA.format(**self.sizes))

    def close(self):
        self.cluster.communicate()

    def prepare(self, contender):
        """The same work for everybody, freshly written, vacuumed and behind a checkpoint: no full page images within."""
        if contender.startswith("graphile"):
            bench.output("node", bench.PEERS / "graphile.js", "add", self.url, self.leases)
            table = "graphile_worker._private_jobs"
        else:
            # In tally's own table due_at follows from collect_at.
            table, due_at = ("raw_slots", "due_at, ") if contender == "raw" else ("slots", "")
            slots = SLOTS.format(due=2 * "due, " if due_at else "due, ", **self.sizes)
            self.database.sql(f"""TRUNCATE {table}; TRUNCATE runs, run_stats;
                INSERT INTO {table} (connection_id, lane, slack, {due_at}collect_at, slot_at) {slots}""")
        self.database.sql(f"CHECKPOINT; VACUUM (ANALYZE) {table}; VACUUM ANALYZE connections, users, user_keys;")

    def run(self, contender):
        self.prepare(contender)
        before = self.database.counters()
        if contender.startswith("graphile"):
            mode = "batch" if contender == "graphile_batch" else "defaults"
            result = bench.output("node", bench.PEERS / "graphile.js", "run", self.url, mode, CONCURRENCY)
        else:
            result = bench.output(bench.BIN / "tally-bench-lease", contender, self.url, BATCH)
        after = self.database.counters()
        result = json.loads(result)
        if result["served"] != self.leases:
            raise SystemExit(f"{contender} served {result['served']} of {self.leases}")
        return {"per_second": self.leases / result["seconds"], "wal": (after[0] - before[0]) / self.leases,
                "commits": (after[1] - before[1]) / self.leases}


def page(rounds, results, versions, machine):
    print(f"""
leases claimed and finished a second, median of {rounds['rounds']} interleaved rounds of {rounds['leases']} leases, {BATCH} a batch
{machine}; PostgreSQL {versions['postgres']} (fsync on), node {versions['node']}, graphile-worker {versions['graphile']}, {CONCURRENCY} jobs at once
""")
    print(f"  {'':<16}{'leases/s':>10}{'least':>10}{'most':>10}{'WAL bytes':>11}{'commits':>10}   each lease")
    for name, what in CONTENDERS.items():
        runs = results[name]
        speeds = [run["per_second"] for run in runs]
        print(f"  {name:<16}{statistics.median(speeds):>10.0f}{min(speeds):>10.0f}{max(speeds):>10.0f}"
              f"{statistics.median(run['wal'] for run in runs):>11.0f}{statistics.median(run['commits'] for run in runs):>10.3f}   {what}")


def main():
    options = bench.options("lease", __doc__).parse_args()
    rounds, leases = (3, 3_200) if options.quick else (7, 20_000)
    machine = bench.machine()
    graphile = bench.install_peers()["graphile-worker"]
    state = bench.state_directory()
    setting = Bench(state, leases)
    try:
        versions = {"postgres": setting.database.version(), "node": bench.output("node", "--version"), "graphile": graphile}
        results = {name: [] for name in CONTENDERS}
        for number in range(rounds):
            # Nobody always comes first.
            names = list(CONTENDERS)[number % len(CONTENDERS):] + list(CONTENDERS)[:number % len(CONTENDERS)]
            for name in names:
                results[name].append(setting.run(name))
    finally:
        setting.close()
        shutil.rmtree(state, ignore_errors=True)
    # Ratios of the same round: what else the machine does meanwhile concerns both.
    def ratio(other, ours="leases"):
        return statistics.median(a["per_second"] / b["per_second"] for a, b in zip(results[ours], results[other]))
    page({"rounds": rounds, "leases": leases}, results, versions, machine)
    goals = {"raw": 0.8, "graphile_batch": 1.5, "graphile": 3.0}
    print()
    for other, goal in goals.items():
        print(f"  leases / {other:<16}{ratio(other):>6.2f}   goal {goal}: {'met' if ratio(other) >= goal else 'MISSED'}")
    print(f"  for information: loaded / raw {ratio('raw', 'loaded'):.2f}, store / raw {ratio('raw', 'store'):.2f}")
    bench.save(options.json, "lease", {
        **{f"ratio_{other}": round(ratio(other), 3) for other in goals},
        "wal_bytes_per_lease": round(statistics.median(run["wal"] for run in results["leases"])),
        "ratio_raw_loaded": round(ratio("raw", "loaded"), 3), "ratio_raw_store": round(ratio("raw", "store"), 3),
        "commits_per_lease": round(statistics.median(run["commits"] for run in results["leases"]), 4),
    })


if __name__ == "__main__":
    main()
