# SPDX-License-Identifier: Apache-2.0
"""What goes wrong costs only itself, and says what a person has to do."""
import json
import time

import pytest

from stack import PLATFORMS, account_id, user, wait_until


def attention(stack):
    return stack.ctl_json("status")["attention"]


def jobs(stack, **wanted):
    return [job for job in stack.ctl_json("job", "list") if all(job[name] == value for name, value in wanted.items())]


def test_a_revoked_token_and_a_dead_platform_cost_only_themselves(stack):
    users = [user(1), user(2), user(3)]
    stack.control("revoke", platform="instagram", account=account_id("instagram", 2))
    stack.control("fault", platform="snapchat", kind="status", status=503)
    stack.import_users(users)
    stack.collect(expect=3)
    held = stack.snapshots()
    have = {(key[0], key[1]) for key in held}
    assert have == {(f"user-{n}", p) for n in (1, 2, 3) for p in PLATFORMS} - {
        ("user-2", "instagram"), ("user-1", "snapchat"), ("user-2", "snapchat"), ("user-3", "snapchat")}
    human = attention(stack)
    assert any("user-2" in item["subject"] and "instagram" in item["subject"] for item in human), human
    assert "user-2" in stack.ctl("status").stdout
    [connection] = [c for c in stack.ctl_json("connection", "list", "--user", "user-2") if c["platform"] == "instagram"]
    assert connection["state"] == "needs_authorization"
    # A new token puts it back to work; the platform recovers; nobody has to restart anything.
    stack.control("unrevoke", platform="instagram", account=account_id("instagram", 2))
    stack.control("fault", method="DELETE")
    account = account_id("instagram", 2)
    stack.ctl("connection", "add", "user-2", "instagram", "--account", account, "--token-stdin", stdin=f"sim.instagram.{account}\n")
    stack.collect()
    have = {(key[0], key[1]) for key in stack.snapshots()}
    assert have == {(f"user-{n}", p) for n in (1, 2, 3) for p in PLATFORMS}
    assert not any("user-2" in item["subject"] for item in attention(stack))


@pytest.mark.parametrize("kind", ["html", "empty", "garbage", "cut", "latin1", "status"])
def test_an_answer_that_is_no_answer_is_retried_and_loses_nothing(stack, kind):
    # The fault first: new connections are served at once.
    stack.control("fault", platform="facebook", kind=kind, status=502)
    stack.import_users([user(1, platforms=("facebook",)), user(2, platforms=("youtube",))])
    stack.collect(expect=3)
    assert {key[1] for key in stack.snapshots()} == {"youtube"}
    [failed] = jobs(stack, platform="facebook", state="failed")[:1]
    assert failed["error"]
    [connection] = stack.ctl_json("connection", "list", "--user", "user-1")
    assert connection["state"] == "active", "the retry is on its way"
    stack.control("fault", method="DELETE")
    stack.collect("--user", "user-1")
    assert {key[1] for key in stack.snapshots()} == {"youtube", "facebook"}


def test_a_removed_metric_costs_only_itself(stack):
    stack.control("remove-metric", platform="facebook", metric="page_total_actions")
    stack.control("remove-metric", platform="instagram", metric="saves")
    stack.import_users([user(1, platforms=("facebook", "instagram"))])
    # The first run finds out; one that was asked for by hand may come after it, and knows already.
    stack.collect("--from", "-10d", expect=(0, 3))
    metrics = {key[4] for key in stack.snapshots()}
    assert "page_media_view" in metrics and "page_views_total" in metrics and "page_total_actions" not in metrics
    assert "likes" in metrics and "views" in metrics and "saves" not in metrics
    errors = " ".join(job["error"] for job in jobs(stack, state="partial"))
    assert "page_total_actions" in errors and "saves" in errors


def test_a_throttled_platform_is_left_alone_as_long_as_it_says(stack):
    stack.control("fault", platform="snapchat", kind="rate_limit")
    stack.import_users([user(1, platforms=("snapchat",))])
    stack.collect(expect=1)
    before = json.loads(stack.control("stats", method="GET"))["requests"]
    [connection] = stack.ctl_json("connection", "list", "--user", "user-1")
    assert connection["next_due_at"] and connection["state"] == "active"
    assert json.loads(stack.control("stats", method="GET"))["requests"] - before <= 1


def test_a_daemon_that_is_killed_knows_after_its_restart_who_told_it_to_wait(stack):
    def told(name):
        return json.loads(stack.control(name, method="GET"))

    stack.control("fault", platform="snapchat", kind="rate_limit", retry_after=120)
    before = told("stats")["requests"]
    stack.import_users([user(1, platforms=("snapchat",))])
    wait_until(lambda: told("stats")["requests"] > before, what="the request that is told to wait")
    time.sleep(0.5)  # a tenth of it is enough to write it down
    stack.kill()
    stack.control("fault", method="DELETE")
    stack.start()
    stack.ctl("run")
    time.sleep(3)
    assert told("violations")["requests_while_told_to_wait"] == 0, told("violations")
    assert told("stats")["requests"] == before + 1


def test_a_row_that_the_database_refuses_costs_only_itself(stack):
    stack.import_users([user(1, platforms=("youtube",)), user(2, platforms=("youtube",))])
    stack.collect()
    stack.sql("delete from analytics_snapshots")
    stack.sql("alter table analytics_snapshots add constraint no_shares check (not (metric = 'shares' and user_id = 'user-1')) not valid")
    stack.collect("--from", "-20d", expect=3)
    held = stack.snapshots()
    assert {key[4] for key in held if key[0] == "user-1"} == {key[4] for key in held if key[0] == "user-2"} - {"shares"}
    [job] = jobs(stack, user_id="user-1", state="partial")
    assert "shares" in job["error"]


def test_tokens_appear_nowhere(stack):
    account = account_id("facebook", 1)
    stack.import_users([user(1)])
    stack.ctl("user", "add", "careful", "--tier", "free")
    bad = stack.ctl("connection", "add", "careful", "facebook", "--account", "1", "--token-stdin", stdin="two hunter2words\n", check=False)
    assert bad.returncode == 64 and "hunter2" not in bad.stderr + bad.stdout
    stack.control("fault", platform="facebook", kind="status", status=500)
    stack.collect(expect=3)
    dump = "\n".join("\t".join(row) for table in (
        "runs", "connections", "coverage", "users", "user_keys", "consents", "analytics_snapshots", "slots", "triggers")
        for row in stack.sql(f"select t::text from {table} t"))
    everything = dump + stack.log() + stack.ctl("status").stdout + stack.ctl("connection", "show", "user-1", "facebook").stdout
    for secret in (f"sim.facebook.{account}", "sim.instagram.", "hunter2"):
        assert secret not in everything
        assert secret.encode().hex() not in everything, "not even as the bytes of a column"


def test_one_connection_can_be_paused_resumed_removed(stack):
    stack.import_users([user(1, platforms=("youtube", "facebook"))])
    stack.collect()
    stack.ctl("connection", "pause", "user-1", "youtube")
    before = len(jobs(stack, platform="youtube"))
    stack.collect()
    assert stack.ctl("run", "--platform", "youtube", check=False).returncode == 1, "nothing active matches"
    assert len(jobs(stack, platform="youtube")) == before
    stack.ctl("connection", "resume", "user-1", "youtube")
    stack.collect("--platform", "youtube")
    assert len(jobs(stack, platform="youtube")) > before
    rows = stack.snapshots()
    stack.ctl("connection", "remove", "user-1", "youtube")
    stack.ctl("user", "remove", "user-1")
    assert stack.ctl("user", "show", "user-1", check=False).returncode == 1
    assert stack.snapshots() == rows, "the numbers stay"


def test_connection_check_asks_the_platform(stack):
    stack.import_users([user(1, platforms=("snapchat",))])
    assert stack.ctl("connection", "check", "user-1", "snapchat").returncode == 0
    stack.control("revoke", platform="snapchat", account=account_id("snapchat", 1))
    assert stack.ctl("connection", "check", "user-1", "snapchat", check=False).returncode == 1
