# SPDX-License-Identifier: Apache-2.0
"""Plans of the hot statements, as tallyd's sessions get them: what they read from end to end, how many pages a row costs."""
import re

import bench

BATCH = 256
STRETCH = 1000  # connections whose slots are looked at together
METRICS, DAYS = 5, 2  # rows of each connection

# What tallyd and tallyctl tell their sessions, see common/postgres, daemon/store and cli/copy_out.
COLLECTOR = """SET ROLE tally_collector; SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off;
SET enable_mergejoin = off; SET enable_seqscan = off;"""
DUTY = """SET ROLE tally_admin; SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off;"""
READER = "SET ROLE tally_reader;"
STAGED = """CREATE TEMP TABLE staged_snapshots (
    user_id text, platform text, account_id text, source text, metric text, date date, value double precision,
    metadata jsonb, run_id bigint, day_over_at timestamptz) ON COMMIT DELETE ROWS;"""

ROWS = """
SELECT count(ensure_snapshot_month(current_date - d)) FROM generate_series(0, {days}) d;
INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, metadata, fetched_at, run_id, first_seen_at)
SELECT 'copy-' || n, ('{{instagram,facebook,youtube,snapchat,twitch}}'::text[])[1 + n % 5], 'account-' || n, 'social_media', 'metric_' || m,
       n, current_date - d, '{{"unit": "count"}}', now() - interval '3 days', n, now() - interval '3 days'
  FROM generate_series({first}, {last}) n, generate_series(1, {metrics}) m, generate_series(1, {days}) d;
"""
# Connections from everywhere among the copies.
SOME = "SELECT 1 + n::bigint * {copies} / {batch} AS n FROM generate_series(0, {batch} - 1) n"
STAGE = """BEGIN;
INSERT INTO staged_snapshots
SELECT 'copy-' || n, ('{{instagram,facebook,youtube,snapchat,twitch}}'::text[])[1 + n % 5], 'account-' || n, 'social_media', 'metric_' || m,
       current_date - {day}, n + 1, '{{"unit": "count"}}', 1, current_date - {day} + 1
  FROM ({some}) s, generate_series(1, {metrics}) m ORDER BY 1, 2, 3, 4, 5, 6;
"""
NODE = """
INSERT INTO nodes (node_id, host, pid, version, alive_until) VALUES ('plans', '', 1, '', now() + interval '1 hour') ON CONFLICT DO NOTHING;
"""
LANES = """
SELECT array_agg(lane) AS lanes, array_agg(slack) AS slacks, array_agg('-infinity'::timestamptz) AS dues, array_agg(0) AS ids,
       array_agg(1 + {batch} / (SELECT count(*) FROM lanes)) AS limits FROM lanes \\gset
"""
HOLD = """BEGIN;
CREATE TEMP TABLE held AS SELECT s.* FROM ({some}) k JOIN connections c ON c.user_id = 'copy-' || k.n JOIN slots s USING (connection_id);
UPDATE slots SET lease_token = 1, lease_node = 'plans' WHERE connection_id IN (SELECT connection_id FROM held);
SELECT array_agg(connection_id) AS ids, array_agg(1) AS tokens, array_agg(collect_at + interval '1 day') AS next, array_agg(0) AS zeros,
       array_agg(NULL::timestamptz) AS nulls, array_agg('epoch'::timestamptz) AS epochs, array_agg(collect_at) AS claimed,
       array_agg(slot_at) AS slots, array_agg(slack) AS slacks FROM held \\gset
"""
FINISH = """finish_slots(:'ids', :'tokens', :'next', :'next', :'zeros', :'nulls', :'epochs', :'claimed', :'slots', :'slacks', :'nulls', 35)"""

# These grow with what is registered and collected. An empty partition may be read as PostgreSQL likes.
SCAN = re.compile(r"Seq Scan on ((?:slots|connections|users|user_keys|analytics_snapshots|runs|coverage|triggers)\w*)"
                  r"[^\n]*\(actual rows=(\d+) [^\n]*((?:\n[^\n>]*)*)")


def statement(file, name):
    text = (bench.ROOT / "sql/queries" / file).read_text()
    return re.sub("--.*", "", re.search(rf"-- name: {name}\n(.*?)(?=\n-- name: |\Z)", text, re.S)[1]).strip()


def grow(database, first, last):
    """Rows of the copies from the first to the last."""
    database.sql(ROWS.format(first=first, last=last, metrics=METRICS, days=DAYS))


def hot_statements(copies):
    """{what: (file, call, what comes before, rows that it is about)}; without a file the call is the statement."""
    some = SOME.format(copies=copies, batch=BATCH)
    stage = lambda day: COLLECTOR + STAGED + STAGE.format(some=some, day=day, metrics=METRICS)
    snapshots = BATCH * METRICS
    somebody = f"copy-{copies // 2}"
    view = lambda name: (None, f"SELECT * FROM {name} WHERE user_id = '{somebody}'", READER + "BEGIN;", METRICS * DAYS)
    return {
        "claim": ("lease.sql", f"claim_lanes(now() + interval '3 days', 'plans', {BATCH}, :'lanes', :'slacks', :'dues', :'ids', :'limits')",
                  NODE + COLLECTOR + LANES.format(batch=BATCH) + "BEGIN;", BATCH),
        "finish": ("store.sql", FINISH, NODE + HOLD.format(some=some) + COLLECTOR, BATCH),
        "upsert, new days": ("store.sql", "upsert_snapshots", stage(0), snapshots),
        "upsert, restated": ("store.sql", "upsert_snapshots", stage(1), snapshots),
        "status, backlog": ("overview.sql", "backlog(10000)", COLLECTOR + "BEGIN;", 1),
        "status, runs": ("overview.sql", "list_runs(NULL, NULL, NULL, 10, NULL)", COLLECTOR + "BEGIN;", 1),
        "status, people": ("overview.sql", "connections_needing_a_person(10)", COLLECTOR + "BEGIN;", 1),
        "plan anew": ("duty.sql", f"slots_to_plan('free', {copies // 2}, {copies // 2 + STRETCH})", DUTY + "BEGIN;", STRETCH),
        "export of a user": ("export.sql", f"export_snapshots('{{{somebody}}}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
                             READER + "BEGIN;", METRICS * DAYS),
        "series of a user": ("analysis.sql", f"metric_series('{{{somebody}}}', NULL, NULL, NULL, NULL, NULL, current_date - 60, current_date, true)",
                             READER + "BEGIN;", METRICS * DAYS),
        "current of a user": view("snapshots_current"),
        "days of a user": view("snapshots_daily"),
        "weeks of a user": view("snapshots_weekly"),
    }


def explain(database, copies):
    """{what: (plan, rows)}, each in a transaction that is rolled back."""
    result = {}
    for what, (file, call, before, rows) in hot_statements(copies).items():
        name = call.partition("(")[0]
        prepare, execute = (f"PREPARE {name} AS {statement(file, name)};", "EXECUTE ") if file else ("", "")
        plan = database.sql(f"{before}\n{prepare}\nEXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {execute}{call};\nROLLBACK;")
        result[what] = (plan, rows)
    return result


def scans(plan):
    """Tables with rows that were read from end to end."""
    return {table for table, rows, rest in SCAN.findall(plan) if rows != "0" or "Rows Removed" in rest}


def pages(plan):
    """Shared pages that the whole statement touched."""
    head = re.search(r"Buffers: shared((?: \w+=\d+)+)", plan)
    return sum(int(count) for kind, count in re.findall(r"(hit|read)=(\d+)", head[1] if head else ""))
