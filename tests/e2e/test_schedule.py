# SPDX-License-Identifier: Apache-2.0
"""Never late, never twice: every slot is accounted for, a platform that is down is probed, and the questions that follow are answered."""
import signal
import subprocess
import time


from stack import account_id, user, wait_until
from truth import assert_same, settle

MINUTE, HOUR, DAY = 60, 3600, 86400


def attention(stack):
    return [(item["kind"], item["subject"]) for item in stack.ctl_json("status")["attention"]]


class Ledger:
    """What was due by the pure schedule, and what became of it by the tables. Times are seconds since the epoch."""

    def __init__(self, stack):
        self.stack = stack
        self.plans = {}  # (user, platform): [(from, schedule)], the newest last

    def follow(self, who, platform, slots_of, since):
        self.plans.setdefault((who, platform), []).append((since, slots_of))

    def due(self, key, until):
        slots = set()
        plan = self.plans[key]
        for i, (since, slots_of) in enumerate(plan):
            end = plan[i + 1][0] if i + 1 < len(plan) else until
            slots |= set(slots_of(since, end))
        return slots

    def check(self, until):
        rows = self.stack.sql("SELECT user_id, platform, extract(epoch FROM slot_at)::bigint, state FROM runs WHERE slot_at IS NOT NULL")
        runs = {}
        for who, platform, slot, _ in rows:
            runs.setdefault((who, platform), set()).add(int(slot))
        stretches = self.stack.sql(
            "SELECT c.user_id, c.platform, extract(epoch FROM e.slot_at)::bigint, extract(epoch FROM e.last_slot_at)::bigint, e.slots, e.kind"
            "  FROM slot_exceptions e JOIN connections c USING (connection_id)")
        kinds = {}
        for key in self.plans:
            due = self.due(key, until)
            excepted = {}
            for who, platform, first, last, count, kind in stretches:
                if (who, platform) != key:
                    continue
                inside = {slot for slot in due if int(first) <= slot <= int(last)}
                assert len(inside) == int(count), (key, kind, first, last, count, sorted(inside))
                for slot in inside:
                    assert slot not in excepted, f"{key}: slot {slot} is {kind} and {excepted[slot]}"
                    excepted[slot] = kind
                kinds[kind] = kinds.get(kind, 0) + len(inside)
            served = runs.get(key, set()) - set(excepted)
            assert served <= due, (key, sorted(served - due))
            assert served | set(excepted) == due, (key, sorted(due - served - set(excepted)))
            kinds["served"] = kinds.get("served", 0) + len(served)
        return kinds


def every(seconds):
    return lambda since, until: range(since // seconds * seconds + seconds, until + 1, seconds)


def daily_at(hour):
    def slots(since, until):
        day = since // DAY * DAY
        return [slot for slot in range(day + hour * HOUR, until + 1, DAY) if slot > since]
    return slots


def test_every_slot_is_accounted_for(make_stack):
    """Down for a night, paused, another tier, a platform that is down, a clock that jumps: no slot is lost or counted twice."""
    stack = make_stack(clock=True, config="tiers:\n  daily:\n    cron: '0 2 * * *'\n    spread: 0s\n"
                                          "collect:\n  backfill: 2d\n  attempts: 2\n  retry_base: 1s\n  retry_ceiling: 1s\n")
    start = int(time.time()) // DAY * DAY + DAY + 10 * HOUR + 7 * MINUTE  # of the day after, which has not begun
    offset = start - int(time.time())
    stack.set_clock(offset)
    stack.start()

    def clock():
        return int(time.time()) + offset

    def to(moment):
        """Moves the clock, and waits until nothing is due any more."""
        nonlocal offset
        offset = moment - int(time.time())
        stack.set_clock(offset)
        if stack.daemon:
            settled()

    def settled():
        # A slot within the minute before is being served; the node has to be alive again after the jump, too.
        def idle():
            [[due, leased, now]] = stack.sql(
                "SELECT count(*) FILTER (WHERE s.collect_at <= now() AND c.state = 'active'), count(s.lease_node), extract(epoch FROM now())::bigint"
                "  FROM slots s JOIN connections c USING (connection_id)")
            return due == "0" and leased == "0" and abs(int(now) - clock()) < 5
        wait_until(idle, timeout=120, what="nothing to be due")

    ledger = Ledger(stack)
    stack.import_users([user(1, platforms=("instagram", "twitch")), user(2, "daily", platforms=("youtube",)),
                        user(3, platforms=("twitch",))])
    begun = clock()
    for who, platform, slots in (("user-1", "instagram", every(15 * MINUTE)), ("user-1", "twitch", every(15 * MINUTE)),
                                 ("user-2", "youtube", daily_at(2)), ("user-3", "twitch", every(15 * MINUTE))):
        ledger.follow(who, platform, slots, begun)
    settled()
    to(start + 16 * MINUTE)                        # one slot, served
    stack.kill()
    to(start + 8 * HOUR)                           # a night without a daemon
    stack.start()
    settled()
    stack.ctl("connection", "pause", "user-1", "instagram")
    to(start + 10 * HOUR)                          # the machine slept for two hours, while one connection was paused
    stack.ctl("connection", "resume", "user-1", "instagram")
    settled()
    stack.control("fault", platform="twitch", kind="status", status=503)
    to(start + 10 * HOUR + 20 * MINUTE)            # two attempts, then the slots are given up
    given_up = {("given_up", f"user-{n} twitch {account_id('twitch', n)}") for n in (1, 3)}
    wait_until(lambda: given_up <= set(attention(stack)), what="the slots to be given up")
    settled()
    stack.control("fault", method="DELETE")
    to(start + 10 * HOUR + 35 * MINUTE)
    wait_until(lambda: not any(kind == "given_up" for kind, _ in attention(stack)), what="the alert to end")
    stack.ctl("user", "set", "user-3", "--tier", "daily")
    ledger.follow("user-3", "twitch", daily_at(2), clock())
    to(start + 40 * HOUR)                          # two nights at once
    end = clock()
    settled()
    kinds = ledger.check(end)
    assert kinds["served"] >= 15 and kinds["merged"] > 200 and kinds["skipped"] >= 8 and kinds["given_up"] == 2, kinds
    late = {tier["name"]: tier["lateness"] for tier in stack.ctl_json("status")["tiers"]}
    # The last day knows two slots of that tier, each begun at the end of the long night.
    assert late["premium"]["slots"] == 2 and late["premium"]["in_time"] == 0 and late["premium"]["p50_seconds"] > 8 * HOUR
    assert "tally_slot_lateness_seconds_count" in stack.get("/metrics")


def test_a_platform_that_is_down_is_probed_and_its_backlog_drains(make_stack):
    stack = make_stack().start()
    stack.control("fault", platform="twitch", kind="status", status=503)
    users = [user(n, platforms=("twitch", "youtube") if n == 1 else ("twitch",)) for n in range(1, 31)]
    stack.import_users(users)  # new connections are due at once: nobody asked for them by hand
    wait_until(lambda: ("platform_down", "twitch") in attention(stack), what="the alert")
    [twitch] = [p for p in stack.ctl_json("status")["platforms"] if p["platform"] == "twitch"]
    assert twitch["state"] == "down" and twitch["state_since"]
    assert "down" in stack.ctl("status").stdout
    why = stack.ctl_json("why", "user-30", "twitch")
    assert why["reason"] in ("platform_down", "retry", "running"), why
    wait_until(lambda: stack.ctl_json("status")["backlog"]["running"] <= 1, what="the runs that had begun before")
    made = lambda: int(stack.sql("SELECT sum(requests) FROM runs WHERE platform = 'twitch'")[0][0])
    before = made()
    time.sleep(6)
    assert made() - before < 10, "probed, not hammered"
    stack.control("fault", method="DELETE")
    wait_until(lambda: {c["last_run"]["state"] for c in stack.ctl_json("connection", "list") if c["last_run"]} == {"succeeded"}
               and len(stack.sql("SELECT DISTINCT connection_id FROM runs WHERE state = 'succeeded'")) == 31,
               timeout=90, what="the backlog to drain")
    wait_until(lambda: not any(kind == "platform_down" for kind, _ in attention(stack)), what="the end of the alert")
    [alert] = [a for a in stack.ctl_json("alert", "list", "--all") if a["kind"] == "platform_down"]
    assert alert["resolved_at"]
    assert_same(*settle(stack, users))


def test_a_run_asked_for_by_hand_does_not_wait_for_a_platform_that_is_down(stack):
    stack.control("fault", platform="twitch", kind="status", status=503)
    users = [user(n, platforms=("twitch",)) for n in range(1, 31)]
    stack.import_users(users)
    begun = time.monotonic()
    stack.collect(expect=1)
    assert time.monotonic() - begun < 40
    stack.control("fault", method="DELETE")
    stack.collect()
    assert len({key[0] for key in stack.snapshots()}) == 30


def test_why(stack):
    stack.import_users([user(1, platforms=("instagram",)), user(2, platforms=("youtube",))])
    stack.collect()

    def sentence(*who):
        return stack.ctl("why", *who).stdout

    wait_until(lambda: stack.ctl_json("why", "user-1", "instagram")["reason"] == "not_due", what="the run to end")
    assert "is not due until" in sentence("user-1", "instagram") and "every 15m" in sentence("user-1", "instagram")
    stack.ctl("connection", "pause", "user-1", "instagram")
    assert "paused since" in sentence("user-1", "instagram")
    stack.ctl("connection", "resume", "user-1", "instagram")
    stack.control("revoke", platform="youtube", account=account_id("youtube", 2))
    stack.collect("--user", "user-2", expect=1)
    assert "a person must log in again" in sentence("user-2", "youtube")
    assert stack.ctl_json("why", "user-2", "youtube")["reason"] == "needs_authorization"
    missing = stack.ctl("why", "nobody", "instagram", check=False)
    assert missing.returncode == 1 and "nobody" in missing.stderr


def test_schedule_preview_needs_no_daemon(stack):
    preview = stack.ctl_json("schedule", "preview", "free", "--around", "dst", "--zone", "Europe/Berlin")
    assert preview["tier"] == "free" and preview["spread_seconds"] == 4 * HOUR and preview["slots"]
    assert stack.ctl("schedule", "preview", "premium", "--count", "3").stdout.count("\n") == 4
    unknown = stack.ctl("schedule", "preview", "gold", check=False)
    assert unknown.returncode != 0 and "premium" in unknown.stderr


def test_a_changed_schedule_holds_from_the_reload_on(make_stack):
    tiers = "tiers:\n  changing: {{ {} }}\n"
    stack = make_stack(config=tiers.format("every: 24h"))
    stack.start()
    stack.import_users([user(1, tier="changing", platforms=["youtube", "twitch"])])
    wait_until(lambda: stack.sql("SELECT count(DISTINCT connection_id) FROM runs WHERE state = 'succeeded'") == [["2"]], what="the first runs")

    def reload(schedule):
        stack.write_config(tiers.format(schedule))
        stack.daemon.send_signal(signal.SIGHUP)

    def planned(within):
        return stack.sql(f"SELECT bool_and(slot_at <= now() + interval '{within}' AND due_at = slot_at) FROM slots") == [["t"]]

    assert not planned("1 min")
    reload("every: 1m")
    wait_until(lambda: planned("1 min"), timeout=20, what="a slot each minute")
    # Slots that come from outside, and back.
    reload("cron: external")
    wait_until(lambda: stack.sql("SELECT bool_and(slot_at = 'infinity' AND lease_node IS NULL) FROM slots") == [["t"]], timeout=20, what="no slot")
    reload("every: 1h")
    wait_until(lambda: planned("1 h"), timeout=20, what="slots again")
    assert stack.sql("SELECT last_result FROM duties WHERE name = 'schedules'") == [["planned 2 slots of tier changing anew"]]
    assert stack.sql("SELECT count(*) FROM runs WHERE state <> 'succeeded'") == [["0"]]
