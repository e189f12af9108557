# SPDX-License-Identifier: Apache-2.0
"""Days full of faults: at the end every row is what a perfect collector holds, and nobody was asked while told to wait.

TALLY_CHAOS=CONNECTIONS,DAYS[,SEED] makes it longer (./dev test --chaos)."""
import datetime
import json
import os
import pathlib
import random
import time

import pytest

from stack import PLATFORMS, account_id
from truth import CLOCK, assert_same, days_ago, known, settle

STEP_HOURS = 6
STORM_SECONDS = 10
TIERS = """
tiers:
  hourly: { every: 1h, slack: 1h }
  daily: { cron: "0 2 * * *", slack: 6h }
collect: { retry_base: 1s, retry_ceiling: 5s }
"""
FAULTS = [dict(kind="status", status=503), dict(kind="status", status=500), dict(kind="html"), dict(kind="empty"),
          dict(kind="garbage"), dict(kind="cut"), dict(kind="latin1"), dict(kind="slow", slow_ms=400),
          dict(kind="rate_limit", retry_after=2)]


def make_users(stack, connections, chance):
    """One connection of each platform in turn, with tokens that end and rotate."""
    users = []
    for n in range(1, connections + 1):
        platform = PLATFORMS[n % len(PLATFORMS)]
        account = account_id(platform, n)
        grant = {"instagram": dict(expires_in=60 * 86400), "facebook": dict(expires_in=60 * 86400)}.get(platform, {})
        token = json.loads(stack.control("grant", platform=platform, account=account, **grant))
        users.append({"id": f"user-{n}", "tier": chance.choice(["hourly", "daily"]), "zone": "UTC",
                      "connections": [{"platform": platform, "account": account, "token": token}]})
    return users


def wait_for_quiet(stack, what):
    """Until nothing is due and nothing runs, three looks in a row. A storm that is not over by then passes: a platform that
    stays down is probed at growing intervals, and would use up its faults one probe at a time."""
    began, quiet, storm = time.monotonic(), 0, True
    while time.monotonic() < began + 120:
        if storm and time.monotonic() > began + STORM_SECONDS:
            stack.control("fault", method="DELETE")
            storm = False
        backlog = stack.ctl_json("status")["backlog"]
        quiet = quiet + 1 if backlog["due"] == 0 and backlog["running"] == 0 else 0
        if quiet == 3:
            return
        time.sleep(0.3)
    raise AssertionError(f"{what}: never quiet: {backlog}\n{stack.log()[-3000:]}")


def test_days_full_of_faults(make_stack):
    if not list(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        pytest.skip("needs the package faketime")
    connections, days, *rest = (int(n) for n in os.environ.get("TALLY_CHAOS", "18,2").split(","))
    seed = rest[0] if rest else random.randrange(1 << 31)
    print(f"seed {seed}: TALLY_CHAOS={connections},{days},{seed}")
    chance = random.Random(seed)
    stack = make_stack(config=TIERS, clock=True)
    stack.set_clock(0)
    stack.start()
    users = make_users(stack, connections, chance)
    stack.import_users(users)
    wait_for_quiet(stack, "the first collection")
    kills = 0
    for step in range(1, days * 24 // STEP_HOURS + 1):
        stack.control("fault", method="DELETE")
        for _ in range(chance.randrange(4)):
            platform = chance.choice(PLATFORMS)
            # Twitch's refresh tokens are single-use: where the only answer that names the new one is destroyed on its
            # way, no client can have it.
            where = {"path": "/helix"} if platform == "twitch" else {}
            stack.control("fault", platform=platform, probability=chance.choice([0.1, 0.3, 1.0]),
                          count=chance.randrange(1, 30), **chance.choice(FAULTS), **where)
        for _ in range(chance.randrange(3)):
            who = chance.choice(users)["connections"][0]
            stack.control("expire", platform=who["platform"], account=who["account"])
            # Meta's long-lived tokens have no refresh token: a dead one needs a person, who logs in again.
            if who["platform"] in ("instagram", "facebook"):
                renew(stack, users, who)
        offset = step * STEP_HOURS * 3600
        if chance.random() < 0.4:
            stack.kill()
            kills += 1
            stack.set_clock(offset)
            stack.start()
        else:
            stack.set_clock(offset)
        CLOCK.offset = datetime.timedelta(seconds=offset)
        time.sleep(2.5)  # until the new time is seen everywhere, and what is due is claimed
        wait_for_quiet(stack, f"step {step}")
    stack.control("fault", method="DELETE")
    # A calm day: a quota that a fault declared spent is so until the platform's midnight, and what waits for it waits.
    offset += 24 * 3600
    stack.set_clock(offset)
    CLOCK.offset = datetime.timedelta(seconds=offset)
    time.sleep(2.5)
    wait_for_quiet(stack, "the calm day")
    broken = [c for c in stack.ctl_json("connection", "list") if c["state"] != "active"]
    assert not broken, broken[:3]
    stack.collect(expect=(0, 1, 3))  # what was told to wait may have to
    time.sleep(3)
    wait_for_quiet(stack, "the end")
    held, truth = settle(stack, users)
    # What is not final yet is asked for once a day: it may be some hours old. Nothing may be missing, and what is
    # final is true.
    settled = days_ago(16)
    assert not truth.keys() - held.keys()
    assert_same({k: v for k, v in known(held, truth).items() if k[5] < settled},
                {k: v for k, v in truth.items() if k[5] < settled})
    stack.collect("--from", "-16d")
    held, truth = settle(stack, users)
    assert_same(known(held, truth), truth)
    violations = json.loads(stack.control("violations", method="GET"))
    assert violations["requests_while_told_to_wait"] == 0, violations
    assert violations["refresh_tokens_reused"] == 0, violations
    counts = stack.sql("select count(*), count(*) filter (where state <> 'succeeded') from runs")[0]
    print(f"{connections} connections, {days} days, {kills} kills -9, {counts[0]} runs of which {counts[1]} not whole, "
          f"{len(truth)} rows compared")


def renew(stack, users, who):
    [owner] = [u["id"] for u in users if who in u["connections"]]
    token = json.loads(stack.control("grant", platform=who["platform"], account=who["account"], expires_in=60 * 86400))
    stack.ctl("connection", "add", owner, who["platform"], "--account", who["account"], "--token-stdin", stdin=json.dumps(token))
