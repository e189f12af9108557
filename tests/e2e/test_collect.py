# SPDX-License-Identifier: Apache-2.0
"""The main job: every row of the table is what a perfect collector would hold."""
import datetime
import json
import zoneinfo

from stack import PLATFORMS, account_id, user, wait_until

PACIFIC = zoneinfo.ZoneInfo("America/Los_Angeles")
NOW_METRICS = {"followers_count", "follows_count", "media_count", "fan_count", "subscriberCount", "viewCount", "videoCount"}
# Offered by the services, not asked for by the platform files: breakdowns, and conversions, which change for 28 days.
NOT_ASKED = (".is_from_followers.", ".creatorcontenttype.", "conversion_purchases")


def days_ago(n, zone=datetime.timezone.utc):
    return (datetime.datetime.now(zone).date() - datetime.timedelta(days=n)).isoformat()


def expected(stack, users):
    """The oracle's rows for all days, without the numbers of the moment. Thirty days back in the account's own zone."""
    rows = {}
    for who in users:
        for connection in who["connections"]:
            zone = PACIFIC
            if connection["platform"] == "snapchat":
                shown = stack.ctl_json("connection", "show", who["id"], "snapchat")
                zone = zoneinfo.ZoneInfo(shown["attributes"].get("timezone", "UTC"))
            rows |= stack.oracle(who["id"], connection["platform"], connection["account"], days_ago(30, zone), days_ago(0, zone))
    return {key: value for key, value in rows.items() if key[4] not in NOW_METRICS}


def daily(rows):
    return {key: value for key, value in rows.items() if key[4] not in NOW_METRICS}


def assert_same(held, truth):
    truth = {key: value for key, value in truth.items() if not any(part in key[4] for part in NOT_ASKED)}
    missing = sorted(truth.keys() - held.keys())
    extra = sorted(held.keys() - truth.keys())
    wrong = sorted((key, held[key], truth[key]) for key in truth.keys() & held.keys() if held[key] != truth[key])
    assert not missing and not extra and not wrong, (
        f"{len(missing)} missing {sorted({(key[1], key[4]) for key in missing})[:40]} {missing[:3]}\n{len(extra)} too many {extra[:5]}\n{len(wrong)} wrong {wrong[:5]}")


def settle(stack, users):
    """Snapchat's running day grows by the quarter hour: compare within one quarter."""
    for _ in range(3):
        before = expected(stack, users)
        stack.collect()
        held = daily(stack.snapshots())
        if expected(stack, users) == before:
            return held, before
    raise AssertionError("the truth never stood still")


def test_every_row_of_four_platforms(make_stack):
    stack = make_stack().start()
    users = [user(1, "premium"), user(2, "free"), user(3, "premium"), user(4, "free")]
    stack.import_users(users)
    held, truth = settle(stack, users)
    assert {key[1] for key in truth} == set(PLATFORMS)
    assert len(truth) > 4 * 4 * 28 * 3
    assert_same(held, truth)


def test_numbers_of_the_moment_carry_the_platforms_date(stack):
    stack.import_users([user(1)])
    today = {days_ago(0, PACIFIC)}
    stack.collect()
    today.add(days_ago(0, PACIFIC))
    rows = {key: value for key, value in stack.snapshots().items() if key[4] in NOW_METRICS}
    assert {key[5] for key in rows} <= today
    assert {key[4] for key in rows} >= {"followers_count", "fan_count", "viewCount"}


def test_the_same_run_twice_changes_nothing(make_stack):
    stack = make_stack().start()
    stack.import_users([user(1), user(2, "free")])
    stack.collect()
    before = stack.snapshots()
    first_jobs = {job["id"] for job in stack.ctl_json("job", "list")}
    stack.collect("--from", "-25d", "--to", "-3d")
    again = [job for job in stack.ctl_json("job", "list") if job["id"] not in first_jobs]
    assert len(again) == 8 and all(job["state"] == "succeeded" for job in again)
    assert sum(job["rows_written"] for job in again) > 1000
    assert sum(job["rows_changed"] for job in again) == 0
    assert stack.snapshots() == before
    assert stack.sql("select count(*) from snapshot_revisions") == [["0"]]


def test_a_restated_day_changes_just_that_row_and_keeps_the_old_value(make_stack):
    stack = make_stack().start()
    stack.import_users([user(1), user(2)])
    stack.collect()
    before = stack.snapshots()
    account = account_id("facebook", 1)
    day = days_ago(4, PACIFIC)
    stack.control("restate", platform="facebook", account=account, metric="page_post_engagements", date=day, add=777)
    stack.collect("--user", "user-1", "--platform", "facebook", "--from", "-10d")
    after = stack.snapshots()
    key = ("user-1", "facebook", account, "social_media", "page_post_engagements", day)
    assert {k: v for k, v in after.items() if before.get(k) != v} == {key: before[key] + 777}
    revisions = stack.sql("select user_id, metric, date, value, revision from snapshot_revisions")
    assert revisions == [["user-1", "page_post_engagements", day, f"{before[key]:g}", revisions[0][4]]]
    exported = json.loads(next(line for line in stack.ctl("export", "--format", "ndjson", "--user", "user-1", "--metric",
                                                           "page_post_engagements", "--from", day, "--to", day).stdout.splitlines()))
    assert exported["revision"] == int(revisions[0][4]) + 1


def test_kill_9_in_the_middle_of_a_run_loses_and_doubles_nothing(make_stack):
    stack = make_stack().start()
    users = [user(n, "premium" if n % 2 else "free") for n in range(1, 9)]
    stack.import_users(users)
    stack.ctl("run")
    wait_until(lambda: int(stack.sql("select count(*) from runs")[0][0]) >= 4, what="the first runs")
    stack.kill()
    stack.start()
    held, truth = settle(stack, users)
    assert_same(held, truth)
    assert stack.sql("select count(*) from slots s where lease_token is not null and not exists "
                     "(select 1 from nodes n where n.node_id = s.lease_node and n.alive_until > now())") == [["0"]]


def test_sigterm_drains_and_the_work_goes_on_after_the_restart(make_stack):
    stack = make_stack().start()
    users = [user(n) for n in range(1, 7)]
    stack.import_users(users)
    stack.ctl("run")
    wait_until(lambda: int(stack.sql("select count(*) from runs")[0][0]) >= 2, what="the first runs")
    stack.stop()
    stack.start()
    held, truth = settle(stack, users)
    assert_same(held, truth)
