# SPDX-License-Identifier: Apache-2.0
"""What the table must hold: the simulator's oracle, as far as the platform files ask for it."""
import datetime
import json
import zoneinfo

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


class CLOCK:
    """How far the simulated time is ahead of the real one."""
    offset = datetime.timedelta()


def days_ago(n, zone=datetime.timezone.utc):
    return ((datetime.datetime.now(zone) + CLOCK.offset).date() - datetime.timedelta(days=n)).isoformat()


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
        if any(key not in held and key[5] >= days_ago(3) for key in before):
            stack.collect("--from", days_ago(3))  # published since it was asked for today
            held = stack.snapshots()
        if expected(stack, users) == before:
            earlier = {key: held[key] for key, values in moments.items() if held.get(key) in values}
            return held, before | earlier
    raise AssertionError("the truth never stood still")


def truth_at(stack, key, at):
    """What the platform said of a number at a moment of the database."""
    user, platform, account, _, _, day = key
    moment = at.replace(" ", "T").split(".")[0].split("+")[0] + "Z"
    return stack.oracle(user, platform, account, day, day, at=moment).get(key)


def told_before(stack, held, truth):
    """Days that the platform has changed since they were asked for; while they are not final they are asked for once a day."""
    differ = {key for key in truth.keys() & held.keys() if held[key] != truth[key] and not of_the_moment(key)}
    earlier = {}
    for row in map(json.loads, stack.ctl("export", "--format", "ndjson").stdout.splitlines() if differ else ()):
        key = (row["user_id"], row["platform"], row["account_id"], row["source"], row["metric"], row["date"])
        if key in differ and not row["final"] and truth_at(stack, key, row["fetched_at"]) == held[key]:
            earlier[key] = held[key]
    return earlier


def known(held, truth):
    """Without what the platforms do not show any more: numbers of earlier moments, and days that have left their window."""
    oldest, leaving = min(key[5] for key in truth), days_ago(26)
    return {key: value for key, value in held.items()
            if key in truth or (key[5] >= oldest and key[5] >= leaving and not of_the_moment(key))}
