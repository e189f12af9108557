# SPDX-License-Identifier: Apache-2.0
"""What tallyd does beside collecting: retention over simulated weeks, duties by hand, and what a kill leaves behind."""
import datetime
import json
import pathlib
import subprocess
import time

import pytest

from stack import user, wait_until

DAY = 86400


def duty(stack, name):
    """Right after its start a daemon may not have written its duties down yet."""
    return wait_until(lambda: [d for d in stack.ctl_json("duty", "list") if d["name"] == name], what=f"the duty {name}")[0]


def add_old_rows(stack, rows, days_old=60):
    """Numbers of user-1 that retention has to delete, in a month that others still need."""
    stack.sql(f"select ensure_snapshot_month(current_date - {days_old})")
    stack.sql("insert into analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, run_id, "
              f"first_seen_at) select 'user-1', 'old', 'a', 's', 'm' || n, 1, current_date - {days_old}, now(), 1, now() "
              f"from generate_series(1, {rows}) n")


def old_rows(stack):
    return int(stack.sql("select count(*) from analytics_snapshots where platform = 'old'")[0][0])


def test_forty_days_later_a_free_users_old_numbers_are_gone_and_a_premium_users_are_there(make_stack):
    if not list(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        pytest.skip("needs the package faketime")
    stack = make_stack(clock=True)
    stack.set_clock(0)
    stack.start()
    stack.import_users([user(1, "free", ("youtube",)), user(2, "premium", ("youtube",))])
    stack.collect()
    began = datetime.datetime.now(datetime.timezone.utc)
    first = {u: min(key[5] for key in stack.snapshots() if key[0] == u) for u in ("user-1", "user-2")}
    partitions = stack.sql("select count(*) from pg_inherits where inhparent = 'analytics_snapshots'::regclass")
    for day in range(5, 41, 5):
        stack.set_clock(day * DAY)
        moment = (began + datetime.timedelta(days=day)).isoformat().replace("+00:00", "Z")
        wait_until(lambda: all(d["state"] == "done" and d["last_end_at"] and d["next_at"] > moment
                               for d in stack.ctl_json("duty", "list")), timeout=90, step=0.3, what=f"the duties of day {day}")
    stack.collect()
    assert stack.ctl("duty", "run", "retention", "--wait").stdout.strip()
    today = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=40)).date()
    held = stack.snapshots()
    oldest = {u: min(key[5] for key in held if key[0] == u) for u in first}
    assert oldest["user-1"] == (today - datetime.timedelta(days=30)).isoformat()
    assert oldest["user-2"] == first["user-2"]
    dates = {key[5] for key in held if key[0] == "user-2"}
    assert len(dates) >= 66, "premium has no hole"
    assert int(stack.sql("select count(*) from runs where started_at > now() - interval '1 day'")[0][0]) > 0
    assert stack.sql("select count(*) from pg_inherits where inhparent = 'analytics_snapshots'::regclass") > partitions
    table = stack.ctl("duty", "list").stdout
    assert table.split()[:5] == ["NAME", "NEXT", "LAST", "TOOK", "RESULT"] and "retention" in table
    retention = duty(stack, "retention")
    assert retention["error"] is None and retention["attempt"] == 0 and retention["took_seconds"] >= 0
    # The runs of the first days have outlived history.runs only after 90 days.
    assert stack.sql("select count(*) > 0 from runs where started_at < now() - interval '39 days'") == [["t"]]
    # Nothing that was deleted is asked for again.
    stack.collect("--user", "user-1")
    assert stack.ctl("duty", "run", "retention", "--wait").stdout == "nothing was too old\n"


def test_a_duty_that_is_none_and_one_done_by_hand(stack):
    unknown = stack.ctl("duty", "run", "retain", check=False)
    assert unknown.returncode == 1 and "'retain'" in unknown.stderr and "retention" in unknown.stderr
    wait_until(lambda: duty(stack, "partitions")["state"] == "done", what="the first partitions")
    assert duty(stack, "history")["state"] == "waiting"
    first = duty(stack, "partitions")["last_start_at"]
    assert stack.ctl("duty", "run", "partitions", "--wait").stdout == "all are there\n"
    assert duty(stack, "partitions")["last_start_at"] > first
    assert stack.ctl_json("duty", "run", "analyze", "--wait")["state"] == "done"
    stack.ctl("duty", "run", "cleanup")
    wait_until(lambda: duty(stack, "cleanup")["state"] == "done", what="the clean-up")


def test_a_failed_duty_is_told_and_alerted_and_its_success_ends_that(stack):
    wait_until(lambda: duty(stack, "partitions")["state"] == "done", what="the first partitions")
    stack.sql("alter table rate_budgets rename to elsewhere")
    failed = stack.ctl("duty", "run", "cleanup", "--wait", check=False)
    assert failed.returncode == 1 and "rate_budgets" in failed.stderr
    shown = duty(stack, "cleanup")
    assert shown["state"] == "failed" and shown["attempt"] >= 1 and "rate_budgets" in shown["error"]
    [alert] = [a for a in stack.ctl_json("alert", "list") if a["kind"] == "duty_failed"]
    assert alert["subject"] == "cleanup"
    stack.sql("alter table elsewhere rename to rate_budgets")
    stack.ctl("duty", "run", "cleanup", "--wait")
    assert not [a for a in stack.ctl_json("alert", "list") if a["kind"] == "duty_failed"]


def test_sigterm_and_kill_9_in_the_middle_of_a_duty(make_stack):
    stack = make_stack().start()
    stack.import_users([user(1, "free", ())])
    add_old_rows(stack, 300_000)
    stack.ctl("duty", "run", "retention")
    wait_until(lambda: old_rows(stack) < 300_000, step=0.02, what="the first batches")
    began = time.monotonic()
    stack.stop()
    assert time.monotonic() - began < 10
    stack.start()
    left = old_rows(stack)
    assert 0 < left < 300_000, "the stop came in the middle"
    wait_until(lambda: old_rows(stack) < left, step=0.02, what="that it goes on")
    stack.kill()
    stack.start()
    wait_until(lambda: duty(stack, "retention")["state"] == "done", what="the end of the duty")
    assert old_rows(stack) == 0
    assert stack.sql("select count(*) from duties where lease_token is not null") == [["0"]]
    assert "duty failed" not in stack.log()


def test_days_older_than_the_tier_keeps_are_not_collected(stack):
    stack.import_users([user(1, "free", ("youtube",)), user(2, "premium", ("youtube",))])
    stack.collect()
    said = stack.collect("--from", "-60d").stderr
    assert "tier 'free' keeps 30 days" in said and "premium" not in said
    today = datetime.datetime.now(datetime.timezone.utc).date()
    oldest = {u: min(key[5] for key in stack.snapshots() if key[0] == u) for u in ("user-1", "user-2")}
    assert oldest["user-1"] >= (today - datetime.timedelta(days=31)).isoformat()
    assert oldest["user-2"] <= (today - datetime.timedelta(days=59)).isoformat()
    pointless = stack.ctl("run", "--user", "user-1", "--from", "-60d", "--to", "-40d", check=False)
    assert pointless.returncode == 64 and "keeps 30 days" in pointless.stderr
    plan = stack.ctl_json("run", "--dry-run", "--from", "-60d")
    assert plan["notes"] and len(plan["connections"]) == 2


def test_the_scheduler_status_names_tiers_and_duties(stack):
    wait_until(lambda: duty(stack, "partitions")["state"] == "done", what="the duties")
    answer = subprocess.run(["curl", "-sS", "--unix-socket", stack.dir / "state/tallyd.sock",
                             "http://tallyd/api/internal/analytics/scheduler-status"], capture_output=True, text=True, check=True)
    body = json.loads(answer.stdout)
    assert body["success"] is True and body["data"]["status"] == "running"
    jobs = {job["id"]: job for job in body["data"]["jobs"]}
    assert jobs["tier-premium"]["trigger"] == "interval[0:15:00]"
    assert jobs["tier-free"]["trigger"] == "cron[hour='2', minute='0']"
    assert jobs["duty-retention"]["trigger"] == "cron[hour='3', minute='30']"
    for job in jobs.values():
        assert job["name"] and datetime.datetime.fromisoformat(job["next_run"].replace("Z", "+00:00"))
