# SPDX-License-Identifier: Apache-2.0
"""Which days are there: the map, its JSON, and that gaps are seen and filled."""
import datetime
import os
import pty
import subprocess

from stack import BIN, account_id, user


def days_of(stack, request, metric, *args):
    """{day: state} of one metric."""
    [connection] = stack.ctl_json("coverage", "user-1", "youtube", *args)["connections"]
    [entry] = [r for r in connection["requests"] if r["request"] == request and metric in r["metrics"]]
    states = {}
    for span in entry["days"]:
        day, last = (datetime.date.fromisoformat(span[name]) for name in ("first", "last"))
        while day <= last:
            assert day not in states
            states[day] = span["state"]
            day += datetime.timedelta(1)
    return states


def on_a_terminal(stack, *args):
    """What a person sees, 80 columns wide."""
    primary, secondary = pty.openpty()
    subprocess.run(["stty", "cols", "80"], stdin=secondary, check=True)
    result = subprocess.run([BIN / "tallyctl", "--config", stack.client_config, *args], stdout=secondary,
                            stderr=subprocess.DEVNULL, env=stack.environment() | {"TERM": "xterm"}, timeout=60)
    assert result.returncode == 0
    os.close(secondary)
    text = b""
    try:
        while part := os.read(primary, 65536):
            text += part
    except OSError:  # the end of a terminal whose other side is closed
        pass
    os.close(primary)
    return text.decode()


def test_days_are_told_apart_and_gaps_are_filled(stack):
    stack.control("remove-metric", platform="youtube", metric="shares")
    stack.import_users([user(1, platforms=("youtube",)), user(2, platforms=("youtube", "twitch"), tier="free")])
    # The first run finds out what is refused; one that was asked for by hand may come after it, and knows already.
    stack.collect(expect=(0, 3))

    views = days_of(stack, "daily", "views")
    assert len(views) == 30 and list(views.values())[-1] in ("impossible", "pending")
    past = [state for state in views.values() if state != "impossible"]
    assert past[-1] == "pending", "yesterday is not published yet"
    assert past[0] in ("final", "empty") and "final" in past and "never_asked" not in past
    assert {s for s in days_of(stack, "daily", "shares").values() if s != "impossible"} == {"refused"}
    [connection] = stack.ctl_json("coverage", "user-1", "youtube", "--account", account_id("youtube", 1))["connections"]
    refusals = {(r["request"], r["metric"]) for r in connection["refused"]}
    assert ("daily", "shares") in refusals and all(r["message"] and r["since"] for r in connection["refused"])
    assert days_of(stack, "channel", "subscriberCount")[max(d for d, s in views.items() if s != "impossible") + datetime.timedelta(1)] \
        == "provisional", "a number of the running day"

    page = stack.ctl("coverage", "user-1", "youtube").stdout
    assert f"user-1 youtube {account_id('youtube', 1)}\n" in page and "\x1b" not in page and page.isascii()
    assert "metrics of daily" in page and "shares of daily" in page and "W pending" in page and "refused: shares of 2 requests since" in page
    seen = on_a_terminal(stack, "coverage", "user-1", "youtube")
    assert "\x1b[32m█" in seen and "×" in seen and "░" in seen
    assert all(len(line) <= 80 for line in stack.ctl("coverage", "user-1", "youtube").stdout.splitlines() if "refused:" not in line)
    assert "█" not in on_a_terminal(stack, "coverage", "user-1", "youtube", "--plain")
    one = stack.ctl("coverage", "user-1", "youtube", "--metric", "view?", "--days", "5").stdout
    assert "views of daily" in one and "metrics of" not in one and "likes" not in one

    # A gap: nobody has asked. The next run does.
    middle = max(d for d, s in views.items() if s == "final")
    stack.sql(f"delete from coverage where request = 'daily' and '{middle}' between first_day and last_day "
              "and connection_id = (select connection_id from connections where user_id = 'user-1')")
    assert days_of(stack, "daily", "views")[middle] == "never_asked"
    with_gap = stack.ctl("coverage", "user-1", "youtube")
    assert "N never asked" in with_gap.stdout and "tallyctl run --user user-1 --platform youtube" in with_gap.stderr
    [summary] = stack.ctl("coverage", "user-1").stdout.splitlines()[1:]
    gaps = sum(s == "never_asked" for s in days_of(stack, "daily", "views").values())
    assert summary.split()[:3] == ["youtube", account_id("youtube", 1), "active"] and str(middle) >= summary.split()[-2]
    assert gaps > 0 and summary.split()[-3] == str(gaps)
    groups = {(g["platform"], g["tier"]): g for g in stack.ctl_json("coverage")["groups"]}
    assert groups["youtube", "premium"]["gaps"] == gaps and groups["youtube", "free"]["gaps"] == 0
    assert groups["twitch", "free"]["connections"] == 1 and not groups["twitch", "free"]["estimated"]
    stack.collect(expect=(0, 3))
    assert days_of(stack, "daily", "views") == views
    assert "never asked" not in stack.ctl("coverage", "user-1", "youtube").stdout
    table = stack.ctl("coverage").stdout.splitlines()
    assert table[0].split()[:3] == ["PLATFORM", "TIER", "CONNECTIONS"] and len(table) == 4


def test_wrong_questions_are_answered_with_what_to_do(stack):
    assert "connection add" in stack.ctl("coverage").stderr
    stack.ctl("user", "add", "lonely", "--tier", "free")
    assert "no connections" in stack.ctl("coverage", "lonely").stderr
    for args, code, words in ((("nobody",), 1, "tallyctl user list"),
                              (("lonely", "myspace"), 64, "instagram"),
                              (("lonely", "youtube"), 1, "tallyctl connection list"),
                              (("lonely", "--account", "1"), 64, "PLATFORM"),
                              (("--metric", "views"), 64, "USER"),
                              (("lonely", "--days", "0"), 64, "--days"),
                              (("lonely", "--days", "3", "--from", "-9d"), 64, "--from"),
                              (("lonely", "--from", "soon"), 64, "2026-11-21")):
        wrong = stack.ctl("coverage", *args, check=False)
        assert wrong.returncode == code and words in wrong.stderr, (args, wrong.returncode, wrong.stderr)
        assert not wrong.stdout
    stack.stop()
    assert stack.ctl("coverage", "lonely", check=False).returncode == 69
