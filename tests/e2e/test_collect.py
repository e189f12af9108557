# SPDX-License-Identifier: Apache-2.0
"""The main job: every row of the table is what a perfect collector would hold."""
import datetime
import json
import zoneinfo

from stack import PLATFORMS, account_id, user, wait_until

PACIFIC = zoneinfo.ZoneInfo("America/Los_Angeles")
ZONES = {"instagram": PACIFIC, "facebook": PACIFIC, "youtube": PACIFIC, "snapchat_profile": datetime.timezone.utc,
         "twitch": datetime.timezone.utc}
# Without their breakdowns: demographics and places are states of the moment too.
NOW_METRICS = {"followers_count", "follows_count", "media_count", "fan_count", "subscriberCount", "viewCount", "videoCount",
               "subscriber_count", "spotlight_views", "followers", "subscribers", "subscriber_points",
               "follower_demographics", "engaged_audience_demographics", "reached_audience_demographics",
               "page_follows_country", "page_follows_city"}
# The services look further back here than the platform files do.
HISTORY_DAYS = {"online_followers": 28}
# Asked for in every slot: the day that is not over is collected too.
RUNNING_DAY = {"clips", "spend", "impressions", "swipes", "video_views", "video_views_time_based", "video_views_5s",
               "video_views_15s", "quartile_1", "quartile_2", "quartile_3", "view_completion", "screen_time_millis", "shares",
               "saves", "story_opens", "story_completes", "profile_clicks", "landing_page_views"}
REVENUE = {"estimatedRevenue", "estimatedAdRevenue", "grossRevenue", "estimatedRedPartnerRevenue", "monetizedPlaybacks",
           "adImpressions", "playbackBasedCpm", "cpm"}


def days_ago(n, zone=datetime.timezone.utc):
    return (datetime.datetime.now(zone).date() - datetime.timedelta(days=n)).isoformat()


def of_the_moment(key):
    return key[4].split(".")[0] in NOW_METRICS


def asked(key, zone):
    """Whether the platform files ask for a row that the oracle holds."""
    metric, *parts = key[4].split(".")
    if metric in REVENUE and parts:
        return False  # revenue is asked for as a whole, not by type of content
    if key[5] == days_ago(0, zone) and not of_the_moment(key) and metric not in RUNNING_DAY:
        return False
    return key[5] >= days_ago(HISTORY_DAYS.get(metric, 30), zone)


def expected(stack, users):
    """The oracle's rows. Thirty days back in the account's own zone."""
    rows = {}
    for who in users:
        for connection in who["connections"]:
            platform = connection["platform"]
            if platform == "snapchat":
                shown = stack.ctl_json("connection", "show", who["id"], "snapchat")
                zone = zoneinfo.ZoneInfo(shown["attributes"].get("timezone", "UTC"))
            else:
                zone = ZONES[platform]
            truth = stack.oracle(who["id"], platform, connection["account"], days_ago(30, zone), days_ago(0, zone))
            rows |= {key: value for key, value in truth.items() if asked(key, zone)}
    return rows


def assert_same(held, truth):
    missing = sorted(truth.keys() - held.keys())
    extra = sorted(held.keys() - truth.keys())
    wrong = sorted((key, held[key], truth[key]) for key in truth.keys() & held.keys() if held[key] != truth[key])
    assert not missing and not extra and not wrong, (
        f"{len(missing)} missing {sorted({(key[1], key[4]) for key in missing})[:40]} {missing[:3]}\n{len(extra)} too many {extra[:5]}\n{len(wrong)} wrong {wrong[:5]}")


def settle(stack, users):
    """What is held and what is true. The truth moves by the quarter hour: compare within one quarter; a state that is
    asked for once a day may also be that of an earlier quarter."""
    moments = {}
    for _ in range(3):
        before = expected(stack, users)
        for key in filter(of_the_moment, before):
            moments.setdefault(key, []).append(before[key])
        stack.collect()
        held = stack.snapshots()
        if expected(stack, users) == before:
            earlier = {key: held[key] for key, values in moments.items() if held.get(key) in values}
            return held, before | earlier
    raise AssertionError("the truth never stood still")


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
