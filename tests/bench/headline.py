#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench headline: 60,000 connections of a 15-minute tier, all due at once: are they served in time, and at what cost?"""
import shutil
import statistics
import subprocess

import bench
import collect

SLOT = 900  # seconds from one slot to the next

LATENESS = """
SELECT count(*), max(extract(epoch FROM finished_at - slot_at)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - slot_at)),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - slot_at))
  FROM runs WHERE state = 'succeeded'
"""


class Snapshot:
    """Somebody's transaction that sees the database as it was: nothing that has died since may be cleaned away."""

    def __init__(self, database):
        self.psql = subprocess.Popen(["psql", "-XqAt", "-h", str(database.socket), "-U", "tally", "-d", "tally"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.psql.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM slots;\n")
        self.psql.stdin.flush()
        self.psql.stdout.readline()

    def close(self):
        self.psql.communicate("ROLLBACK;\n")


def measure(setting, contender, held):
    """One slot of every connection."""
    setting.empty()
    setting.start_daemon(contender.server)
    snapshot = Snapshot(setting.database) if held else None
    try:
        cost = setting.fall_due(contender)
    finally:
        if snapshot:
            snapshot.close()
    setting.stop_daemon()
    served, last, p50, p99 = map(float, setting.database.sql(LATENESS).split("\t"))
    return {"served": served, "seconds": last, "p50": p50, "p99": p99, "cpu_us": cost.cpu_us, "postgres_us": cost.postgres_us,
            "peak_mb": cost.peak_mb, "wal": cost.wal, "commits": cost.commits}


def main():
    options = bench.options("headline", __doc__).parse_args()
    rounds, connections = (1, 5_000) if options.quick else (3, 60_000)
    machine = bench.machine()
    state = bench.state_directory()
    setting = collect.Bench(state)
    contender = collect.Contender("", connections)
    results = {False: [], True: []}
    try:
        setting.start_nginx()
        setting.register(connections)
        version = setting.database.version()
        for number in range(rounds):
            for held in (number % 2 == 1, number % 2 == 0):
                results[held].append(measure(setting, contender, held))
    finally:
        setting.close()
        shutil.rmtree(state, ignore_errors=True)

    median = lambda name, held=False: statistics.median(run[name] for run in results[held])
    slower = statistics.median(b["seconds"] / a["seconds"] for a, b in zip(results[False], results[True])) - 1
    in_time = all(run["served"] == connections and run["seconds"] < SLOT for both in results.values() for run in both)
    verdict = lambda met: "met" if met else "MISSED"
    print(f"""
{connections} connections of a 15-minute tier, all due at the same moment; one tallyd, its PostgreSQL and the platform on one machine
{machine}; PostgreSQL {version} (fsync on); median of {rounds}

  {'':<34}{'alone':>10}{'beside an old snapshot':>26}""")
    for name, label, digits in [("seconds", "last slot served after, s", 1), ("p50", "lateness p50, s", 2), ("p99", "lateness p99, s", 2),
                                ("cpu_us", "tallyd's CPU, us a run", 0), ("postgres_us", "PostgreSQL's CPU, us a run", 0),
                                ("peak_mb", "tallyd's peak memory, MB", 1), ("wal", "WAL bytes a run", 0), ("commits", "commits a run", 4)]:
        print(f"  {label:<34}{median(name):>10.{digits}f}{median(name, True):>26.{digits}f}")
    print(f"""
  every slot served before the next one: {verdict(in_time)}
  slower beside an old snapshot: {slower * 100:.1f} %   goal 10 %: {verdict(slower < 0.1)}""")
    bench.save(options.json, "headline", {
        "connections": connections, "in_time": in_time, "seconds": round(median("seconds"), 2),
        "lateness_p50_s": round(median("p50"), 3), "lateness_p99_s": round(median("p99"), 3),
        "cpu_us_per_run": round(median("cpu_us"), 1), "postgres_us_per_run": round(median("postgres_us"), 1),
        "peak_mb": round(median("peak_mb"), 1), "wal_bytes_per_run": round(median("wal")),
        "commits_per_run": round(median("commits"), 4), "slower_beside_snapshot": round(slower, 3)})


if __name__ == "__main__":
    main()
