# SPDX-License-Identifier: Apache-2.0
"""What analysts ask: how a user's numbers changed, what grew most, where a number comes from."""
import datetime
import json
import statistics

import pytest

from stack import account_id, user

KEY = ("platform", "account_id", "source", "metric")


@pytest.fixture
def stack(stack):
    stack.await_descriptions()
    return stack


def export(stack, *args):
    return [json.loads(line) for line in stack.ctl("export", "--format", "ndjson", *args).stdout.splitlines()]


def days_of(rows):
    """{key: {date: row}}"""
    found = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in KEY), {})[datetime.date.fromisoformat(row["date"])] = row
    return found


def expected(summary, days, first, last):
    """The figures of a metric by the rules of tally(7), FIGURES."""
    length = (last - first).days + 1
    apart = datetime.timedelta(days=length)
    now = {day: row["value"] for day, row in days.items() if first <= day <= last}
    then = {day + apart: row["value"] for day, row in days.items() if first - apart <= day < first}
    shared = sorted(set(now) & set(then))
    add = {"total": sum, "average": statistics.fmean, "latest": lambda values: list(values)[-1]}[summary]
    ordered = lambda numbers: add([numbers[day] for day in sorted(numbers)]) if numbers else None
    change = None
    if summary == "latest":
        change = ordered(now) - ordered(then) if now and then else None
        base = ordered(then)
    else:
        pick = lambda numbers: add([numbers[day] for day in shared])
        enough = shared and 2 * len(shared) >= len(now)
        change = pick(now) - pick(then) if enough else None
        base = pick(then) if enough else None
    return {"value": ordered(now), "before": ordered(then), "change": change,
            "change_percent": change / base * 100 if change is not None and base > 0 else None,
            "days_known": len(now), "days_compared": len(shared),
            "days_not_final": sum(not row["final"] for day, row in days.items() if first <= day <= last)}


def test_show_says_what_the_export_comes_to(stack):
    stack.import_users([user(1), user(2, platforms=("twitch",))])
    stack.collect()
    rows = days_of(export(stack, "--user", "user-1"))
    told = stack.ctl_json("show", "user-1", "--last", "10d", "--all-metrics")
    first, last = (datetime.date.fromisoformat(told[name]) for name in ("from", "to"))
    assert (last - first).days == 9 and told["before"]["to"] == str(first - datetime.timedelta(days=1))
    begin = datetime.date.fromisoformat(told["before"]["from"])
    wanted = {key for key, days in rows.items() if any(begin <= day <= last for day in days)}
    assert {tuple(each[name] for name in KEY) for each in told["metrics"]} == wanted and len(told["metrics"]) == len(wanted)
    for each in told["metrics"]:
        days = rows[tuple(each[name] for name in KEY)]
        figures = expected(each["summary"], days, first, last)
        assert {name: each[name] for name in figures} == pytest.approx(figures), each
        assert {point["date"]: (point["value"], point["final"]) for point in each["points"]} == \
            {str(day): (row["value"], row["final"]) for day, row in days.items() if first <= day <= last}
    assert {each["summary"] for each in told["metrics"]} == {"total", "average", "latest"}
    assert any(each["trend"] for each in told["metrics"])  # of four weeks, however short the period
    assert any(each["days_not_final"] for each in told["metrics"]) and any(each["change"] for each in told["metrics"])

    page = stack.ctl("show", "user-1", "--last", "10d").stdout
    assert f"{first} to {last} (10 days)" in page and "DAY BY DAY" in page
    for platform in ("instagram", "youtube", "snapchat"):
        assert f"{platform} {account_id(platform, 1)}" in page
    assert "views.media_product_type" not in page  # broken down
    only = stack.ctl_json("show", "user-1", "--platform", "insta*,youtube", "--metric", "views*")["metrics"]
    assert {each["platform"] for each in only} == {"instagram", "youtube"} and {each["metric"].split(".")[0] for each in only} == {"views"}

    unknown = stack.ctl("show", "nobody", check=False)
    assert unknown.returncode == 1 and "no user 'nobody'" in unknown.stderr, unknown.stderr
    none = stack.ctl("show", "user-1", "--metric", "nothing")
    assert none.stdout == "" and "no such numbers" in none.stderr
    assert stack.ctl("show", "user-1", "--from", "today", "--to", "-3d", check=False).returncode == 64
    assert stack.ctl("show", "user-1", "--last", "0d", check=False).returncode == 64
    stack.stop()
    down = stack.ctl("show", "user-1", check=False)
    assert down.returncode == 69 and "systemctl start tallyd" in down.stderr, down.stderr


def test_top_ranks_by_growth(stack):
    stack.import_users([user(n, "premium" if n < 3 else "free", platforms=("youtube", "instagram")) for n in (1, 2, 3)])
    stack.collect()
    everything = stack.ctl_json("top", "--last", "7d", "--limit", "10000")["metrics"]
    percents = [each["change_percent"] for each in everything]
    assert percents == sorted(percents, reverse=True) and len(everything) > 20
    assert {each["user_id"] for each in everything} == {"user-1", "user-2", "user-3"}
    shown = {each["user_id"]: {(m["platform"], m["metric"]): m["change_percent"] for m in stack.ctl_json("show", each["user_id"], "--last", "7d")["metrics"]}
             for each in everything}
    assert all(shown[each["user_id"]][each["platform"], each["metric"]] == each["change_percent"] for each in everything)
    assert [each["change_percent"] for each in stack.ctl_json("top", "--last", "7d", "--limit", "5")["metrics"]] == percents[:5]
    lowest = [each["change_percent"] for each in stack.ctl_json("top", "--last", "7d", "--limit", "5", "--lowest")["metrics"]]
    assert lowest == percents[::-1][:5]
    changes = [each["change"] for each in stack.ctl_json("top", "--last", "7d", "--by", "change", "--tier", "free", "--metric", "views")["metrics"]]
    assert changes == sorted(changes, reverse=True) and len(changes) == 2
    page = stack.ctl("top", "--user", "user-2", "--last", "7d", "--limit", "3").stdout
    assert "user-2" in page and "user-1" not in page and len(page.splitlines()) == 2 + 1 + 3
    assert stack.ctl("top", "--by", "luck", check=False).returncode == 64
    assert stack.ctl("top", "--limit", "0", check=False).returncode == 64


def test_explain_leads_from_a_number_to_its_request_and_back_in_time(stack):
    stack.import_users([user(1, platforms=("youtube", "facebook"))])
    stack.collect()
    day = str(datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=6))
    told = stack.ctl_json("explain", "user-1", "youtube", "views", day)
    [row] = export(stack, "--user", "user-1", "--platform", "youtube", "--metric", "views", "--from", day, "--to", day)
    number = told["number"]
    assert (number["value"], number["unit"], number["final"], number["metadata"]) == (row["value"], row["unit"], row["final"], row["metadata"])
    [[run, node]] = stack.sql(f"SELECT r.run_id, r.node FROM analytics_snapshots s JOIN runs r USING (run_id)"
                              f" WHERE s.platform = 'youtube' AND s.metric = 'views' AND s.date = '{day}'")
    assert (number["run_id"], told["run"]["id"], told["run"]["node"]) == (int(run), int(run), node)
    assert told["request"]["file"].endswith("/youtube.yaml") and f"startDate={day}" in told["request"]["url"]
    assert told["state"] == ("final" if number["final"] else "provisional")
    page = stack.ctl("explain", "user-1", "youtube", "views", day).stdout
    for text in (f"on node {node} (", "America/Los_Angeles", "youtube.yaml", "final: the platform" if number["final"] else "not final: the platform", "restated 0 times since"):
        assert text in page, page
    assert "sim.youtube" not in page + json.dumps(told)

    restated = str(datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=3))
    name = ("user-1", "facebook", "page_post_engagements", restated)
    before = stack.ctl_json("explain", *name)["number"]
    stack.control("restate", platform="facebook", account=account_id("facebook", 1), metric=name[2], date=restated, add=777)
    stack.collect("--platform", "facebook", "--from", restated)
    told = stack.ctl_json("explain", *name)
    [earlier] = told["earlier"]
    assert told["number"]["value"] == before["value"] + 777 and told["number"]["revision"] == 1
    assert (earlier["value"], earlier["run_id"], earlier["fetched_at"]) == (before["value"], before["run_id"], before["fetched_at"])
    assert earlier["node"] == told["run"]["node"] and earlier["replaced_at"] >= told["run"]["started_at"]
    page = stack.ctl("explain", *name).stdout
    assert "earlier" in page and f"run {before['run_id']}" in page and "restated 1 time since" in page

    # Without a number: why.
    absent = stack.ctl("explain", "user-1", "youtube", "views", "2019-01-01")
    assert "there is none" in absent.stdout and ("impossible" in absent.stdout or "never asked" in absent.stdout)
    wrong = stack.ctl("explain", "user-1", "youtube", "nothing", day, check=False)
    assert wrong.returncode == 1 and "tallyctl platform show youtube" in wrong.stderr
    assert stack.ctl("explain", "user-1", "youtube", "views", "soon", check=False).returncode == 64
    # The numbers of a connection that is gone are still explained.
    stack.ctl("connection", "remove", "user-1", "youtube")
    told = stack.ctl_json("explain", "user-1", "youtube", "views", day, "--account", account_id("youtube", 1))
    assert told["number"]["value"] == row["value"] and told["state"] is None and told["request"]["url"]
