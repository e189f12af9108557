# SPDX-License-Identifier: Apache-2.0
"""Tokens live: people log in on a headless server, tokens are renewed in time, and none is lost."""
import json
import re
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from stack import BIN, PLATFORMS, account_id, wait_until

REDIRECTS = {"snapchat": "https://example.org/callback", "snapchat_profile": "https://example.org/callback"}
REFRESHABLE = ("youtube", "snapchat", "snapchat_profile", "twitch")


@pytest.fixture
def stack(make_stack):
    return make_stack().start()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def browse(url):
    """Opens the page as a browser does whose person agrees; gives the address where it ends."""
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(NoRedirect).open(url, timeout=30)
    assert answer.value.code == 302, answer.value.read()
    return answer.value.headers["Location"]


def begin(stack, platform, *more):
    return subprocess.Popen([BIN / "tallyctl", "--config", stack.client_config, "connection", "authorize", "acme", platform,
                             "--account", account_id(platform, 1), *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=stack.environment())


def address(process):
    for line in process.stderr:
        if line.strip().startswith("http"):
            return line.strip()
    raise AssertionError("no address was printed")


def grants(stack, platform, n=1):
    accounts = json.loads(stack.control("grants", method="GET"))["accounts"]
    [found] = [a for a in accounts if a["platform"] == platform and a["account"] == account_id(platform, n)]
    return found


def add(stack, platform, n=1, **grant):
    """A connection with a token that the platform has made."""
    account = account_id(platform, n)
    token = json.loads(stack.control("grant", platform=platform, account=account, **grant))
    stack.ctl("connection", "add", "acme", platform, "--account", account, "--token-stdin", stdin=json.dumps(token))
    return token


def connection(stack, platform):
    [found] = [c for c in stack.ctl_json("connection", "list", "--user", "acme") if c["platform"] == platform]
    return found


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_person_logs_in_through_a_browser_elsewhere(stack, platform):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    stack.control("person", platform=platform, account=account_id(platform, 1))
    redirect = REDIRECTS.get(platform, "http://localhost")
    process = begin(stack, platform, "--flow", "code", "--redirect-uri", redirect)
    end = browse(address(process))
    assert end.startswith(redirect + "?")
    _, words = process.communicate(end + "\n", timeout=60)
    assert process.returncode == 0, words
    stack.collect()
    assert connection(stack, platform)["state"] == "active"
    assert {key[1] for key in stack.snapshots()} == {platform}
    secrets = stack.log() + words
    assert re.search(r"code=(\w+)", end).group(1) not in secrets


def test_twitch_logs_in_with_a_code_on_another_device(stack):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    process = begin(stack, "twitch")
    words = process.stderr.readline()
    code = words.split()[-1]
    time.sleep(1)
    stack.control("approve", user_code=code, account=account_id("twitch", 1))
    _, more = process.communicate(timeout=60)
    assert process.returncode == 0, words + more
    stack.collect()
    # Twitch wants every session's token validated, at once and then every hour.
    wait_until(lambda: grants(stack, "twitch")["validations"] >= 1, what="the first validation")
    assert connection(stack, "twitch")["state"] == "active"


def test_a_wrong_person_or_a_wrong_paste_stores_nothing(stack):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    stack.control("person", platform="youtube", account=account_id("youtube", 2))  # somebody else's channel
    process = begin(stack, "youtube")
    end = browse(address(process))
    _, words = process.communicate(end.replace("state=", "state=x") + "\n", timeout=60)
    assert process.returncode != 0 and "another login" in words
    process = begin(stack, "youtube")
    _, words = process.communicate(browse(address(process)) + "\n", timeout=60)
    assert process.returncode != 0 and "does not read the account" in words
    assert stack.ctl_json("connection", "list") == []


@pytest.mark.parametrize("platform", REFRESHABLE)
def test_tokens_are_renewed_before_they_end_and_when_they_are_refused(stack, platform):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    add(stack, platform, expires_in=60)  # ends within every margin: renewed before the first request
    stack.collect()
    assert grants(stack, platform)["refreshes"] == 1
    stack.collect()
    assert grants(stack, platform)["refreshes"] == 1, "the new one is kept"
    stack.control("expire", platform=platform, account=account_id(platform, 1))
    stack.collect()  # refused once, renewed, asked again: the run succeeds
    assert grants(stack, platform)["refreshes"] == 2
    violations = json.loads(stack.control("violations", method="GET"))
    assert violations["refresh_tokens_reused"] == 0 and violations["requests_with_dead_token"] == 0, violations
    assert connection(stack, platform)["state"] == "active"


@pytest.mark.parametrize("login", ["instagram_login", "facebook_login"])
def test_instagrams_long_lived_tokens_are_exchanged_ahead_of_time(stack, login):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    stack.control("refresh-age", seconds=0)
    account = account_id("instagram", 1)
    token = json.loads(stack.control("grant", platform="instagram", account=account, login=login, expires_in=10 * 86400))
    token["attributes"] = {"login": login}
    stack.ctl("connection", "add", "acme", "instagram", "--account", account, "--token-stdin", stdin=json.dumps(token))
    stack.collect()
    assert grants(stack, "instagram")["refreshes"] >= 1
    expires = connection(stack, "instagram")["expires_at"]
    assert expires > token["expires_at"], "the new one lives longer"


def test_a_dead_grant_asks_for_a_person_once_and_is_left_alone(stack):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    add(stack, "twitch")
    stack.collect()
    stack.control("revoke", platform="twitch", account=account_id("twitch", 1))
    stack.collect(expect=1)
    assert connection(stack, "twitch")["state"] == "needs_authorization"
    before = json.loads(stack.control("stats", method="GET"))["requests"]
    alerts = [a for a in stack.ctl_json("alert", "list") if a["kind"] == "needs_authorization"]
    assert len(alerts) == 1 and alerts[0]["seen"] == 1
    time.sleep(3)
    assert json.loads(stack.control("stats", method="GET"))["requests"] == before, "nothing is asked any more"
    add(stack, "twitch")  # a new token ends the alert
    assert connection(stack, "twitch")["state"] == "active"
    assert not [a for a in stack.ctl_json("alert", "list") if a["kind"] == "needs_authorization"]


@pytest.mark.parametrize("platform", REFRESHABLE)
def test_a_dead_token_that_nobody_can_renew_needs_a_person(stack, platform):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    account = account_id(platform, 1)
    stack.ctl("connection", "add", "acme", platform, "--account", account, "--token-stdin", stdin=f"sim.{platform}.{account}\n")
    stack.collect()
    stack.control("revoke", platform=platform, account=account)
    stack.collect(expect=1)
    assert connection(stack, platform)["state"] == "needs_authorization"


def test_a_new_token_outlives_a_database_and_a_daemon_that_die_at_the_worst_moment(stack):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    add(stack, "twitch")
    stack.collect()
    stack.control("expire", platform="twitch", account=account_id("twitch", 1))
    # The platform has rotated the refresh token; its answer is under way while the database goes.
    stack.control("fault", platform="twitch", path="/oauth2/token", kind="slow", slow_ms=3000)
    stack.ctl("run", "--user", "acme")
    wait_until(lambda: grants(stack, "twitch")["refreshes"] == 1, what="the renewal")
    stack.stop_database()
    wait_until(lambda: list(stack.dir.glob("state/tokens/*.json")), what="the token on disk")
    stack.kill()
    stack.control("fault", method="DELETE")
    stack.start()
    stack.collect()
    assert grants(stack, "twitch")["refreshes"] == 1, "the token that was on its way is in use"
    assert json.loads(stack.control("violations", method="GET"))["refresh_tokens_reused"] == 0
    assert not list(stack.dir.glob("state/tokens/*.json"))
    assert connection(stack, "twitch")["state"] == "active"


def test_a_new_token_that_waits_on_disk_is_stored_as_soon_as_the_database_is_back(make_cluster):
    cluster = make_cluster(nodes=1)
    [node] = cluster.nodes
    node.start()
    cluster.ctl("user", "add", "acme", "--tier", "premium")
    add(cluster, "twitch")
    cluster.collect()
    cluster.control("expire", platform="twitch", account=account_id("twitch", 1))
    cluster.control("fault", platform="twitch", path="/oauth2/token", kind="slow", slow_ms=2000, count=1)
    cluster.ctl("run", "--user", "acme")
    wait_until(lambda: grants(cluster, "twitch")["refreshes"] == 1, what="the renewal")
    node.database.cut()
    wait_until(lambda: "a new token waits on disk" in node.log(), timeout=60, what="the run to give up")
    assert list(node.state_dir.glob("tokens/*.json"))
    cluster.sql("UPDATE connections SET state = 'paused'")  # nobody serves it: it is stored all the same
    node.database.mend()
    wait_until(lambda: not list(node.state_dir.glob("tokens/*.json")), timeout=60, what="the token in the database")
    cluster.ctl("connection", "resume", "acme", "twitch")
    cluster.collect()
    assert grants(cluster, "twitch")["refreshes"] == 1
    assert json.loads(cluster.control("violations", method="GET"))["refresh_tokens_reused"] == 0


def test_trouble_at_the_token_endpoint_costs_no_connection(stack):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    add(stack, "twitch")
    stack.collect()
    runs = len(stack.ctl_json("job", "list"))
    stack.control("expire", platform="twitch", account=account_id("twitch", 1))
    stack.control("fault", platform="twitch", path="/oauth2/token", kind="status", status=503)
    stack.ctl("run", "--user", "acme")
    wait_until(lambda: len(stack.ctl_json("job", "list")) > runs, what="a run")
    [failed] = stack.sql("select state, error_class from runs order by finished_at desc limit 1")
    assert failed[0] == "failed" and failed[1].startswith("retry"), failed
    assert connection(stack, "twitch")["state"] == "active"
    stack.control("fault", method="DELETE")
    wait_until(lambda: stack.sql("select state from runs order by finished_at desc limit 1") == [["succeeded"]], what="the next attempt")
    assert grants(stack, "twitch")["refreshes"] == 1


def test_a_missing_scope_that_looks_like_no_data_is_named(stack):
    stack.ctl("user", "add", "acme", "--tier", "premium")
    add(stack, "facebook", scopes=["pages_show_list", "pages_read_engagement"])
    stack.collect(expect=(0, 3))
    assert any("read_insights" in job["error"] for job in stack.ctl_json("job", "list", "--user", "acme"))
    assert any(a["kind"] == "missing_scope" and "read_insights" in a["message"] for a in stack.ctl_json("alert", "list"))
    add(stack, "facebook")  # with everything: what was refused is asked for again
    stack.collect()
    assert any(key[4] == "page_media_view" for key in stack.snapshots())
    assert not [a for a in stack.ctl_json("alert", "list") if a["kind"] == "missing_scope"]


def test_a_token_that_ends_soon_and_cannot_be_renewed_is_told_of(stack):
    """Without a refresh token nobody can; what is renewed is left alone however soon it ends."""
    expiring = lambda: [a for a in stack.ctl_json("alert", "list") if a["kind"] == "token_expiring"]
    stack.ctl("user", "add", "acme", "--tier", "premium")
    add(stack, "youtube")
    account = account_id("twitch", 1)
    give = lambda **end: stack.ctl("connection", "add", "acme", "twitch", "--account", account, "--token-stdin",
                                   stdin=json.dumps({"access_token": f"sim.twitch.{account}"} | end))
    in_days = lambda days: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400))
    give(expires_at=in_days(20))
    stack.collect()
    assert expiring() == []
    give(expires_at=in_days(3))
    stack.collect()
    [alert] = expiring()
    assert alert["subject"] == f"acme twitch {account}" and in_days(3)[:10] in alert["message"]
    stack.collect()
    assert len(expiring()) == 1
    give(expires_at=in_days(60))
    assert expiring() == []
