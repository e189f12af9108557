#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench export: tallyctl export beside psql's \\copy of the same SELECT, from a generated table."""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

import bench
from scale import cpu_of_postgres

METRICS = 20

# As collection leaves them: one month after the other, the connections of a month in the order of their keys.
ROWS = """
SELECT count(*) FROM (SELECT ensure_snapshot_month(day::date)
                        FROM generate_series(current_date - {days}, current_date, interval '1 day') AS day) AS made;
INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, metadata, fetched_at, run_id, first_seen_at)
SELECT 'user-' || u, 'instagram', (17841400000000000 + u)::text, 'social_media', 'metric_' || m, (u * 7919 + m * 104729 + d * 31) % 1000003,
       current_date - d, jsonb_build_object('api', 'insights', 'unit', 'count', 'version', 'v25.0', 'final', d > 3,
                                            'window', (current_date - d)::text),
       now() - d * interval '1 day', u, now() - d * interval '1 day'
  FROM generate_series(1, {days}) AS d, generate_series(1, {users}) AS u, generate_series(1, {metrics}) AS m;
"""
# The export's own statement, without conditions.
QUERIES = (bench.ROOT / "sql/queries/export.sql").read_text()
STATEMENT = re.sub(r"\$\d+::", "NULL::", re.sub("--.*", "", QUERIES.split("-- name: export_snapshots\n")[1].split("-- name: ")[0]))


def sheets(rows):
    return -(-rows // 1_048_575)  # a sheet's rows but its header


def run(state, command):
    """Rows go to /dev/null: what is compared is how they are made."""
    before, started = cpu_of_postgres(state), time.monotonic()
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen([str(part) for part in command], stdout=nothing, stderr=subprocess.PIPE, text=True)
        status, usage, peak = bench.finish(process)
    seconds = time.monotonic() - started
    if status != 0:
        raise SystemExit(f"bench: {command[0]} failed: {process.stderr.read()}")
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "postgres": cpu_of_postgres(state) - before,
            "peak_mb": peak}


def main():
    options = bench.options("export", __doc__).parse_args()
    rounds, days, users = (1, 30, 300) if options.quick else (3, 90, 5_556)
    machine = bench.machine()
    state = bench.state_directory()
    cluster = subprocess.Popen([bench.BIN / "tally-bench-lease", "cluster", state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               start_new_session=True)
    results = {}
    try:
        url = cluster.stdout.readline().strip()
        database = bench.Database(state)
        bench.say(f"making {days * users * METRICS:,} rows")
        database.sql(ROWS.format(days=days, users=users, metrics=METRICS))
        database.sql("VACUUM ANALYZE; CHECKPOINT;")
        rows, size = database.sql("SELECT count(*), pg_size_pretty(pg_database_size('tally')) FROM analytics_snapshots").split("\t")
        config = pathlib.Path(state) / "tallyctl.yaml"
        config.write_text(f'state_dir: {state}\ndatabase: {{ url: "{url}" }}\n')
        export = [bench.BIN / "tallyctl", "--config", config, "export", "--format"]
        contenders = {
            "psql": ["psql", "-Xq", url, "-c", f"\\copy ({' '.join(STATEMENT.split())}) TO STDOUT WITH (FORMAT csv, HEADER)"],
            "csv": export + ["csv"],
            "ndjson": export + ["ndjson"],
            "wide": export + ["csv", "--wide"],
            "xlsx": export + ["xlsx"],
        }
        results = {name: [] for name in contenders}
        for number in range(rounds):
            for name in list(contenders)[number % len(contenders):] + list(contenders)[:number % len(contenders)]:
                results[name].append(run(state, contenders[name]))
        version = database.version()
    finally:
        cluster.stdin.close()
        cluster.wait(60)
        shutil.rmtree(state, ignore_errors=True)

    rows = int(rows)
    median = lambda name, field: statistics.median(one[field] for one in results[name])
    print(f"""
{rows:,} rows exported; the same SELECT; median of {rounds} interleaved rounds
{machine}; PostgreSQL {version}, database {size}

  {'':<34}{'rows/s':>12}{'seconds':>10}{'CPU us/row':>12}{'in PG':>8}{'peak MB':>9}""")
    for name, label in [("psql", "psql \\copy, CSV"), ("csv", "tallyctl export, CSV"), ("ndjson", "tallyctl export, NDJSON"),
                        ("wide", "tallyctl export --wide, CSV"), ("xlsx", "tallyctl export, XLSX")]:
        print(f"  {label:<34}{rows / median(name, 'seconds'):>12.0f}{median(name, 'seconds'):>10.1f}"
              f"{median(name, 'cpu') / rows * 1e6:>12.2f}{median(name, 'postgres') / rows * 1e6:>8.2f}{median(name, 'peak_mb'):>9.1f}")
    ratio = lambda name: statistics.median(a["seconds"] / b["seconds"] for a, b in zip(results["psql"], results[name]))
    print(f"""
  CSV / psql      {ratio('csv'):>6.2f}   goal 0.9: {'met' if ratio('csv') >= 0.9 else 'MISSED'}
  NDJSON / psql   {ratio('ndjson'):>6.2f}
  XLSX / psql     {ratio('xlsx'):>6.2f}   in {sheets(rows)} sheets""")
    bench.save(options.json, "export", {"rows": rows, "ratio_csv": round(ratio("csv"), 3), "ratio_ndjson": round(ratio("ndjson"), 3),
                                        "ratio_xlsx": round(ratio("xlsx"), 3),
                                        "peak_mb": round(median("csv", "peak_mb"), 1)})


if __name__ == "__main__":
    main()
