# SPDX-License-Identifier: Apache-2.0
"""Faults at random moments: a plan that a seed repeats, and what carries it out."""
import collections
import dataclasses
import heapq
import itertools
import json
import random
import signal
import subprocess
import time

from stack import BIN, PLATFORMS
from truth import days_ago

LEASE_SECONDS = 12  # a node that is silent for longer is taken for dead
GRACE_SECONDS = 40  # for a node that was told to stop; then it is killed, as systemd does
EXPIRE_PAUSE = 90
RENEWABLE = ("youtube", "snapchat", "snapchat_profile", "twitch")

# What can happen to each kind of target, and for how many seconds. "{node}" stands for as many targets as there are nodes.
TARGETS = {
    "process": dict(pause=(1, 6), faults={"kill -9": (0.2, 6), "kill -9, long away": (16, 22), "SIGTERM": (0.2, 4),
                                          "SIGSTOP, short": (0.5, 6), "SIGSTOP, past the lease": (16, 22)}),
    "database link": dict(pause=(3, 10), faults={"database cut": (1, 8), "database late": (1, 20), "database lost": (1, 20)}),
    "platform link": dict(pause=(3, 10), faults={"platform cut": (1, 6), "platform snipped": (1, 6), "platform late": (1, 12)}),
    "postgres": dict(pause=(6, 14), faults={"PostgreSQL restart, immediate": (0, 0), "PostgreSQL restart, fast": (0, 0)}),
    "platform": dict(pause=(2, 6), faults={"platform fault": (1, 4)}),
    "tokens": dict(pause=(0.3, 1.5), faults={"token expired": (0, 0)}),
    "user": dict(pause=(1, 4), faults={"run asked for": (0, 0)}),
    "numbers": dict(pause=(2, 6), faults={"number restated": (0, 0)}),
}
OF_EACH_NODE = ("process", "database link", "platform link")
PLATFORM_FAULTS = [dict(kind="status", status=503), dict(kind="status", status=500), dict(kind="html"), dict(kind="garbage"),
                   dict(kind="cut"), dict(kind="slow", slow_ms=400), dict(kind="rate_limit", retry_after=2)]
RESTATABLE = {"instagram": "reach", "facebook": "page_media_view", "youtube": "views"}


@dataclasses.dataclass
class Fault:
    kind: str
    node: int
    at: float  # seconds from the beginning
    lasts: float
    dice: int  # for what else is random about it


def deck(chance, kinds):
    """Every kind comes once before one comes again."""
    while True:
        yield from chance.sample(kinds, len(kinds))


def plan(seed, seconds, nodes):
    """The same faults for the same seed."""
    chance = random.Random(seed)
    decks = {target: deck(chance, list(entry["faults"])) for target, entry in TARGETS.items()}
    free = [(chance.uniform(0, entry["pause"][1]), target, node) for target, entry in TARGETS.items()
            for node in (range(nodes) if target in OF_EACH_NODE else (0,))]
    heapq.heapify(free)
    faults = []
    while free[0][0] < seconds:
        at, target, node = heapq.heappop(free)
        kind = next(decks[target])
        lasts = chance.uniform(*TARGETS[target]["faults"][kind])
        faults.append(Fault(kind, node, at, min(lasts, seconds - at), chance.getrandbits(32)))
        heapq.heappush(free, (at + lasts + chance.uniform(*TARGETS[target]["pause"]), target, node))
    return faults


class Storm:
    def __init__(self, cluster, users, seed, seconds):
        self.cluster, self.users = cluster, users
        self.connections = [(who["id"], c["platform"], c["account"]) for who in users for c in who["connections"]]
        self.faults = plan(seed, seconds, len(cluster.nodes))
        self.counts = collections.Counter()
        self.answers = collections.Counter()
        self.struck = []  # (node or None, from, to) on the monotonic clock
        self.asked = []  # tallyctl run, under way or ended
        self.restated = {}  # key: values that the platform showed before
        self.expired = {}  # account: when
        self.back_at, self.leave_by = {}, {}
        self.expected_codes = {node: set() for node in cluster.nodes}

    # -- the course of it --------------------------------------------------------------------------------------------
    def run(self):
        begin = time.monotonic()
        order = itertools.count()
        steps = [(fault.at, next(order), self.strike, fault) for fault in self.faults]
        heapq.heapify(steps)
        while steps:
            self.keep_nodes_up()
            at, _, act, fault = steps[0]
            if time.monotonic() - begin < at:
                time.sleep(0.02)
                continue
            heapq.heappop(steps)
            act(fault)
            if act == self.strike and fault.lasts > 0:
                heapq.heappush(steps, (time.monotonic() - begin + fault.lasts, next(order), self.relent, fault))

    def end(self):
        """Everything works again."""
        for node in self.cluster.nodes:
            node.send(signal.SIGCONT)
            node.database.mend()
            node.platforms.mend()
        self.cluster.control("fault", method="DELETE")
        self.back_at.clear()
        waiting = time.monotonic() + 60
        while not all(node.process.poll() is None and not self.leave_by.get(node) and node.ready() for node in self.cluster.nodes):
            self.keep_nodes_up()
            assert time.monotonic() < waiting, f"a node does not come back\n{self.cluster.log()}"
            time.sleep(0.05)

    def keep_nodes_up(self):
        """What a service manager does."""
        for node in self.cluster.nodes:
            code, now = node.process.poll(), time.monotonic()
            if code is None:
                if now > self.leave_by.get(node, now):
                    self.counts["SIGTERM that took too long"] += 1
                    self.expected_codes[node].add(-signal.SIGKILL)
                    node.kill()
                continue
            self.leave_by.pop(node, None)
            if self.expected_codes[node] is not None:
                # 69: the database was not reachable, which a service manager answers by trying again.
                assert code in self.expected_codes[node] | {69}, f"{node} ended with {code}\n{node.log()[-5000:]}"
                if code == 69:
                    self.counts["start or stop without database"] += 1
                self.expected_codes[node] = None
                self.back_at.setdefault(node, now + 0.5)
            if now >= self.back_at.get(node, 0):
                self.back_at.pop(node, None)
                self.expected_codes[node] = set()
                node.start(wait=False)

    # -- single faults -----------------------------------------------------------------------------------------------
    def strike(self, fault):
        node = self.cluster.nodes[fault.node]
        chance = random.Random(fault.dice)
        self.counts[fault.kind] += 1
        begin = time.monotonic()
        everybody = fault.kind.startswith(("PostgreSQL", "platform fault"))
        action = {"kill -9": self.kill, "kill -9, long away": self.kill, "SIGTERM": self.terminate,
                  "SIGSTOP, short": self.stop, "SIGSTOP, past the lease": self.stop,
                  "database cut": lambda *_: node.database.cut(), "database late": lambda *_: node.database.hold(),
                  "database lost": lambda *_: node.database.hold(), "platform cut": lambda *_: node.platforms.cut(),
                  "platform snipped": lambda *_: node.platforms.snip(), "platform late": lambda *_: node.platforms.hold(),
                  "PostgreSQL restart, immediate": lambda *_: self.cluster.postgres.restart("immediate"),
                  "PostgreSQL restart, fast": lambda *_: self.cluster.postgres.restart("fast"),
                  "platform fault": self.platform_fault, "token expired": self.expire, "run asked for": self.ask,
                  "number restated": self.restate}[fault.kind]
        action(fault, node, chance)
        if fault.kind not in ("token expired", "run asked for", "number restated"):
            self.struck.append((None if everybody else node, begin, time.monotonic() + fault.lasts))

    def relent(self, fault):
        node = self.cluster.nodes[fault.node]
        if fault.kind.startswith("SIGSTOP") and node.process.poll() is None:
            node.send(signal.SIGCONT)
        elif fault.kind.startswith("database"):
            node.database.mend(forget=fault.kind == "database lost")
        elif fault.kind.startswith("platform fault"):
            self.cluster.control("fault", method="DELETE")
        elif fault.kind.startswith("platform"):
            node.platforms.mend()

    def kill(self, fault, node, _):
        if node.process.poll() is None:
            self.expected_codes[node].add(-signal.SIGKILL)
            node.kill()
            self.back_at[node] = time.monotonic() + fault.lasts

    def terminate(self, fault, node, _):
        if node.process.poll() is None:
            # Before its signals are handled, as it starts, a daemon just ends.
            self.expected_codes[node] |= {0, -signal.SIGTERM}
            if node in self.leave_by:  # it is leaving already: a second signal is obeyed at once
                self.expected_codes[node].add(1)
            node.send(signal.SIGTERM)
            self.leave_by[node] = time.monotonic() + GRACE_SECONDS
            self.back_at[node] = time.monotonic() + fault.lasts

    def stop(self, _, node, __):
        if node.process.poll() is None:
            node.send(signal.SIGSTOP)

    def platform_fault(self, _, __, chance):
        self.cluster.control("fault", platform=chance.choice(PLATFORMS), probability=chance.choice([0.1, 0.3, 1.0]),
                             count=chance.randrange(1, 30), **chance.choice(PLATFORM_FAULTS))

    def expire(self, _, __, chance):
        # Not again in the same run: a token that is refused as soon as it is new needs a person, and rightly.
        now = time.monotonic()
        user, platform, account = chance.choice([c for c in self.connections if c[1] in RENEWABLE])
        if now - self.expired.get(account, -EXPIRE_PAUSE) >= EXPIRE_PAUSE:
            self.expired[account] = now
            self.cluster.control("expire", platform=platform, account=account)

    def ask(self, _, __, chance):
        """Nobody waits for the answer: the node may be away, or hang."""
        who, node = chance.choice(self.users), chance.choice(self.cluster.nodes)
        options = chance.choice([[], ["--from", "-9d", "--to", "-5d"], ["--from", "-2d"]])
        self.asked.append(subprocess.Popen([BIN / "tallyctl", "--config", node.config, "--output", "json", "run", "--user", who["id"],
                                            *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                           env=self.cluster.environment()))

    def restate(self, _, __, chance):
        user, platform, account = chance.choice([c for c in self.connections if c[1] in RESTATABLE])
        day = days_ago(chance.randrange(5, 15))
        before = self.cluster.oracle(user, platform, account, day, day)
        self.cluster.control("restate", platform=platform, account=account, metric=RESTATABLE[platform], date=day,
                             add=chance.randrange(1, 1000))
        for key, value in self.cluster.oracle(user, platform, account, day, day).items():
            if key in before and before[key] != value:
                self.restated.setdefault(key, set()).add(before[key])

    # -- what it leaves behind ---------------------------------------------------------------------------------------
    def accepted_groups(self):
        """Groups of runs that a daemon said it had taken."""
        groups = []
        for process in self.asked:
            try:
                out, _ = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                continue
            self.answers[process.returncode] += 1
            if process.returncode == 0:
                groups.append(json.loads(out)["run_group"])
        return groups

    def explains(self, first, second):
        """Whether something struck while a refresh token's successor was on its way into the database: then the token is
        used again, because nobody living knows the successor."""
        end = (first.answered or second.sent) + 2
        for node, begin, over in self.struck:
            # What it stopped goes on some time after it is over.
            if node in (None, first.node) and begin <= end and over + 3 >= first.sent:
                return True
            if node == second.node and begin <= second.sent <= over + 3:
                return True
        return False
