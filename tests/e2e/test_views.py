# SPDX-License-Identifier: Apache-2.0
"""What a sysadmin asks: alerts, budgets, what a run would cost, whether the schedules can be met, what ends soon."""
import datetime
import json
import re

from stack import ROOT, user


def attention(stack):
    return stack.ctl_json("status")["attention"]


def test_an_alert_is_seen_acknowledged_and_then_left_alone(stack):
    assert "no open alerts" in stack.ctl("alert", "list").stderr
    stack.control("remove-metric", platform="facebook", metric="page_total_actions")
    stack.import_users([user(n, platforms=("facebook",)) for n in (1, 2, 3)])
    # In part when these are the runs that are refused the metric, well when those on arrival were.
    assert stack.ctl("run", "--wait", check=False).returncode in (0, 3)
    [alert] = [a for a in stack.ctl_json("alert", "list") if a["kind"] == "metric_refused"]
    assert alert["subject"].startswith("facebook page_total_actions") and alert["acked_at"] is None
    [item] = [i for i in attention(stack) if i["kind"] == "metric_refused"]
    assert item["alert"] == alert["id"] and item["since"] == alert["raised_at"]
    [refused] = [q for q in stack.ctl_json("status")["quarantine"] if q["metric"] == "page_total_actions"]
    assert refused["platform"] == "facebook" and (refused["everywhere"] or refused["connections"] == 3), refused
    page = stack.ctl("status").stdout
    assert f"alert {alert['id']}" in page and "REFUSED BY" in page and "page_total_actions" in page
    listing = stack.ctl("alert", "list").stdout
    assert "open" in listing and str(alert["id"]) in listing

    stack.ctl("alert", "ack", str(alert["id"]))
    assert not any(i["kind"] == "metric_refused" for i in attention(stack))
    [acked] = [a for a in stack.ctl_json("alert", "list") if a["id"] == alert["id"]]
    assert acked["acked_at"] and "acked" in stack.ctl("alert", "list").stdout
    unknown = stack.ctl("alert", "ack", "999999", check=False)
    assert unknown.returncode == 1 and "tallyctl alert list" in unknown.stderr, unknown.stderr
    assert stack.ctl("alert", "ack", "soon", check=False).returncode == 64


def test_the_budget_tells_what_is_spent_and_by_whom(stack):
    def data_api():
        [limit] = [b for b in stack.ctl_json("budget", "--platform", "youtube")["budgets"] if b["limit"] == "data_api"]
        return limit

    untouched = data_api()
    assert (untouched["allowed"], untouched["used"], untouched["reserved"], untouched["empty_at"]) == (10000, 0, 0, None)
    assert untouched["key"] == "default" and untouched["window_end"]
    stack.import_users([user(1, platforms=("youtube", "snapchat")), user(2, platforms=("youtube",))])
    stack.collect()
    spent = data_api()
    assert spent["used"] >= 2 and spent["reserved"] > 0 and spent["used"] + spent["reserved"] <= 10000, spent
    everything = stack.ctl_json("budget")
    assert {b["platform"] for b in everything["budgets"]} >= {"youtube", "snapchat", "twitch"}
    [youtube] = [s for s in everything["spenders"] if s["platform"] == "youtube"]
    assert {u["user_id"] for u in youtube["users"]} == {"user-1", "user-2"} and all(u["requests"] > 0 for u in youtube["users"])
    text = stack.ctl("budget").stdout
    assert "data_api" in text and "10,000 per 1d" in text and "user-2" in text and "a pace" in text
    assert "sim.youtube" not in text + json.dumps(everything)
    wrong = stack.ctl("budget", "--platform", "myspace", check=False)
    assert wrong.returncode == 64 and "youtube" in wrong.stderr


def test_a_dry_run_tells_what_it_would_cost(stack):
    stack.import_users([user(n, platforms=("youtube", "snapchat")) for n in (1, 2)])
    stack.collect()
    plan = stack.ctl_json("run", "--dry-run", "--from", "-5d")
    cost = {c["platform"]: c for c in plan["cost"]}
    assert set(cost) == {"youtube", "snapchat"} and plan["cost_connections"] == 2 * 2
    for platform, entry in cost.items():
        planned = sum(len(c["requests"]) + c["requests_left"] for c in plan["connections"] if c["platform"] == platform)
        assert entry["requests"] == planned > 0 and entry["connections"] == 2
    [limit] = cost["youtube"]["limits"]
    assert limit["limit"] == "data_api" and limit["fits"] and limit["fits_at"] is None
    assert 0 < limit["needed"] <= limit["left"] < 10000
    # A used-up window: the next one takes it.
    stack.sql("update rate_budgets set used = allowed, granted = allowed where name = 'data_api'")
    again = {c["platform"]: c for c in stack.ctl_json("run", "--dry-run", "--from", "-5d")["cost"]}
    [limit] = again["youtube"]["limits"]
    assert limit["left"] == 0 and not limit["fits"]
    assert datetime.datetime.fromisoformat(limit["fits_at"].replace("Z", "+00:00")) > datetime.datetime.now(datetime.timezone.utc)
    text = stack.ctl("run", "--dry-run", "--from", "-5d").stdout
    assert "cost" in text and "limit data_api of app default: 2 needed, 0 of 10,000 per 1d left, fits in" in text, text


def test_a_backfill_tells_how_far_it_is(stack):
    stack.import_users([user(1, platforms=("instagram",))])
    result = stack.ctl_json("run", "--wait", "--from", "-60d", "--to", "-1d")
    assert result["requests_made"] > 0 and result["requests_left"] == 0 and result["estimated_seconds"] == 0
    assert stack.ctl_json("status")["backfills"] == []


def test_config_check_says_whether_the_schedules_can_be_met(make_stack):
    stack = make_stack(config="tiers:\n  premium:\n    every: 1m\n")

    def data_api():
        report = stack.ctl_json("config", "check")
        assert report["ok"]
        [limit] = [entry for entry in report["load"] if entry["limit"] == "data_api"]
        return report, limit, {tier["tier"]: tier for tier in limit["tiers"]}

    report, limit, tiers = data_api()
    assert not report["counted"] and limit["needed"] is None and limit["allowed"] == 10000 and report["warnings"] == []
    assert tiers["premium"]["needed_each"] == 1440 and tiers["premium"]["most"] == 6 and tiers["free"]["most"] == 10000
    text = stack.ctl("config", "check")
    assert "could not be counted" in text.stderr and "premium up to 6" in text.stdout

    stack.start()
    stack.import_users([user(n, platforms=("youtube",)) for n in range(1, 8)])
    report, limit, tiers = data_api()
    assert report["counted"] and limit["needed"] == 7 * 1440 and limit["verdict"] == "too much"
    assert tiers["premium"] == {"tier": "premium", "connections": 7, "needed_each": 1440, "most": 6}
    [warning] = report["warnings"]
    assert "exceeded by 80 requests per 1d" in warning and "less often" in warning
    text = stack.ctl("config", "check")
    assert text.returncode == 0 and "warning: the limit 'data_api'" in text.stderr and "premium 7 of 6" in text.stdout
    stack.ctl("connection", "pause", "user-7", "youtube")
    report, limit, _ = data_api()
    assert limit["verdict"] == "tight" and report["warnings"] == []


def test_the_forecast_names_what_ends_with_and_without_a_daemon(make_stack):
    today = datetime.datetime.now(datetime.timezone.utc).date()

    def versions(days, stated):
        """(platform, until) of the versions that end within so many days, as the platform files say."""
        last = today + datetime.timedelta(days=days)
        return {(platform, until) for platform, until in stated if today < datetime.date.fromisoformat(until) <= last}

    def told(stack, days):
        items = stack.ctl_json("platform", "forecast", "--days", str(days))
        assert [i["until"] or i["since"] for i in items] == sorted(i["until"] or i["since"] for i in items)
        assert all(0 < i["days_left"] <= days for i in items)
        return items

    stated = set()
    for file in (ROOT / "etc/platforms").glob("*.yaml"):
        if found := re.search(r"^  version_until: (\d{4}-\d\d-\d\d)$", file.read_text(), re.MULTILINE):
            stated.add((file.stem, found[1]))
    assert stated, "some platform announces the end of its versions"
    stack = make_stack()
    for days in (1, 365, 3650):
        items = told(stack, days)
        assert {(i["platform"], i["until"]) for i in items if i["what"] == "version"} == versions(days, stated)
        assert all(i["connections"] is None for i in items), "nobody runs who could count"
        for item in items:
            if item["until"]:
                assert item["days_left"] == (datetime.date.fromisoformat(item["until"]) - today).days
    text = stack.ctl("platform", "forecast", "--days", "3650")
    assert all(f"{until}" in text.stdout and platform in text.stdout for platform, until in versions(3650, stated))

    stack.start()
    stack.import_users([user(n, platforms=("instagram",)) for n in (1, 2)])
    for item in told(stack, 3650):
        assert item["connections"] == (2 if item["platform"] == "instagram" else 0)
    wrong = stack.ctl("platform", "forecast", "--days", "0", check=False)
    assert wrong.returncode == 64 and "--days" in wrong.stderr
