# SPDX-License-Identifier: Apache-2.0
"""The main job: every row of the table is what a perfect collector would hold."""
import json

from stack import PLATFORMS, account_id, user, wait_until
from truth import PACIFIC, ZONES, assert_same, days_ago, of_the_moment, settle


def test_every_row_of_every_platform(make_stack):
    stack = make_stack().start()
    users = [user(1, "premium"), user(2, "free"), user(3, "premium"), user(4, "free")]
    for platform in ("facebook", "youtube"):
        stack.control("account", platform=platform, account=account_id(platform, 3), monetised=True)
    stack.control("account", platform="instagram", account=account_id("instagram", 3), reached_audience_demographics=True)
    stack.control("account", platform="twitch", account=account_id("twitch", 3), broadcaster_type="partner")
    stack.control("account", platform="twitch", account=account_id("twitch", 4), broadcaster_type="")
    stack.control("require-proof", on=True)
    stack.import_users(users)
    held, truth = settle(stack, users)
    assert {key[1] for key in truth} == set(PLATFORMS)
    assert len(truth) > 4 * 4 * 28 * 3
    metrics = {key[4].split(".")[0] for key in truth}
    assert metrics >= {"estimatedRevenue", "content_monetization_earnings", "reached_audience_demographics",
                       "subscriber_points", "clips", "SUBSCRIBERS", "online_followers", "conversion_purchases"}
    assert_same(held, truth)


def test_what_falls_due_one_by_one_is_begun_at_once(make_stack):
    """Not two seconds later, with the next look at what there is to do."""
    stack = make_stack(config="collect:\n  backfill: 0d\n").start()
    stack.import_users([user(n, "free", ["youtube"]) for n in range(40)])
    wait_until(lambda: stack.sql("SELECT count(*) FROM slots WHERE due_at > now()") == [["40"]], what="the first runs")
    stack.sql("""UPDATE slots s SET collect_at = at, slot_at = at
                   FROM (SELECT connection_id, now() + interval '3 seconds' + row_number() OVER () * interval '150 ms' AS at
                           FROM slots) k WHERE s.connection_id = k.connection_id""")
    late = "SELECT extract(epoch FROM started_at - slot_at) FROM runs WHERE slot_at > (SELECT max(created_at) FROM connections)"
    wait_until(lambda: len(stack.sql(late)) == 40, what="the runs of all slots")
    seconds = sorted(float(row[0]) for row in stack.sql(late))
    assert seconds[20] < 0.5, seconds


def test_numbers_of_the_moment_carry_the_platforms_date(stack):
    stack.import_users([user(1)])
    today = {days_ago(0, PACIFIC)}
    stack.collect()
    today.add(days_ago(0, PACIFIC))
    rows = [key for key in stack.snapshots() if of_the_moment(key) and ZONES[key[1]] is PACIFIC]
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
    # A long backfill is done in several goes.
    assert len({(job["user_id"], job["platform"]) for job in again}) == 2 * len(PLATFORMS)
    assert all(job["state"] == "succeeded" for job in again)
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


def test_asking_again_for_many_days_asks_for_all_of_them(stack):
    account = account_id("instagram", 1)
    stack.import_users([user(1, platforms=("instagram",))])
    stack.collect()
    before = stack.snapshots()
    day = days_ago(20, PACIFIC)
    stack.control("restate", platform="instagram", account=account, metric="likes", date=day, add=777)
    stack.collect("--from", "-25d", "--to", "-3d")
    key = ("user-1", "instagram", account, "social_media", "likes", day)
    assert stack.snapshots()[key] == before[key] + 777


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
