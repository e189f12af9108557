#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench scale: from a thousand registered connections to a million: cost, plans, memory, idle CPU, delays, start, status."""
import asyncio
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import time
import urllib.parse

import bench
import plans

SPREAD = 20  # seconds over which the known connections fall due
LEAD = 5  # seconds before the first of them does: longer than anybody's pause
FLAT = 1.5  # what a row may cost more in the largest database than in one a hundredth as large: its trees are a level higher

# Copies of one registered connection. Nobody can open their tokens, and nobody tries: their slots are hours away.
COPIES = """
CREATE TEMP TABLE original AS
SELECT c.credential, y.sealed_key FROM connections c JOIN user_keys y USING (user_id) WHERE c.user_id LIKE 'known-%' LIMIT 1;
INSERT INTO users (user_id, tier) SELECT 'copy-' || n, CASE WHEN n % 10 = 0 THEN 'premium' ELSE 'free' END
  FROM generate_series({first}, {last}) n;
INSERT INTO user_keys SELECT 'copy-' || n, sealed_key FROM original, generate_series({first}, {last}) n;
INSERT INTO connections (user_id, platform, account_id, credential)
SELECT 'copy-' || n, ('{{instagram,facebook,youtube,snapchat,twitch}}'::text[])[1 + n % 5], 'account-' || n, credential
  FROM original, generate_series({first}, {last}) n;
INSERT INTO slots (connection_id, lane, slack, collect_at, slot_at)
SELECT connection_id, platform, CASE tier WHEN 'premium' THEN 900 ELSE 86400 END, due, due
  FROM (SELECT c.connection_id, c.platform, u.tier, now() + interval '2 hours' + random() * interval '24 hours' AS due
          FROM connections c JOIN users u USING (user_id) LEFT JOIN slots USING (connection_id)
         WHERE slots IS NULL) s;
"""

# The known connections fall due at known moments, in no order of their ids.
FALL_DUE = """
WITH known AS (SELECT connection_id, row_number() OVER (ORDER BY md5(account_id)) - 1 AS place
                 FROM connections WHERE user_id LIKE 'known-%' ORDER BY place LIMIT {known})
UPDATE slots s SET collect_at = at, slot_at = at
  FROM (SELECT connection_id, now() + interval '{lead} seconds' + place * interval '1 second' * {spread} / {known} AS at FROM known) k
 WHERE s.connection_id = k.connection_id;
SELECT account_id, extract(epoch FROM due_at) FROM slots JOIN connections USING (connection_id)
 WHERE user_id LIKE 'known-%' AND due_at BETWEEN now() AND now() + interval '{lead} seconds' + interval '1 second' * {spread};
"""


class Platform(asyncio.Protocol):
    """YouTube's counters for whoever asks, and when each channel was asked for first since the last clear()."""

    arrivals = {}

    @classmethod
    def serve(cls):
        """In a thread; gives the URL."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(loop.create_server(cls, "127.0.0.1", 0, backlog=1024))
        threading.Thread(target=loop.run_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def connection_made(self, transport):
        self.transport, self.held = transport, b""

    def data_received(self, data):
        at = time.time()
        self.held += data
        while b"\r\n\r\n" in self.held:  # a GET has no body
            head, self.held = self.held.split(b"\r\n\r\n", 1)
            target = head.split(b" ", 2)[1].decode()
            account = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query).get("id", [""])[0]
            self.arrivals.setdefault(account, at)
            body = json.dumps({"items": [{"id": account, "statistics": {
                "viewCount": "1000", "subscriberCount": "100", "videoCount": "10"}}]})
            self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def cpu_seconds(pid):
    """Of all threads, to the nanosecond: who works for less than a tick at a time may seem to do nothing."""
    return sum(int(task.read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def cpu_of_postgres(state):
    """Of the postmaster, its children, and those that have ended."""
    postmaster = (state / "postgres/data/postmaster.pid").read_text().split()[0]
    fields = pathlib.Path(f"/proc/{postmaster}/stat").read_text().rsplit(")", 1)[1].split()
    ended = sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
    total = cpu_seconds(postmaster) + ended
    for child in pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        try:
            total += cpu_seconds(child)
        except (FileNotFoundError, ProcessLookupError):  # it ended between; the next look finds it with the postmaster
            pass
    return total


def pss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("bench: the kernel tells no PSS")


def wait_until(condition, what, timeout=120, step=0.2):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited in vain for {what}")
        time.sleep(step)


class Bench:
    def __init__(self, state, platform_url):
        self.state = state
        self.config = state / "tallyd.yaml"
        # No backfill: each slot is one request for the numbers of the moment.
        self.database, self.daemon = bench.Database(state), None
        # PostgreSQL stays while tallyd is started anew. Both in sessions of their own: Ctrl-C is for us.
        self.cluster = subprocess.Popen([bench.BIN / "tally-bench-lease", "cluster", state], start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        url = self.cluster.stdout.readline().strip()
        self.config.write_text(f"state_dir: {state}/tallyd\ndatabase: {{ url: \"{url}\" }}\ncollect:\n  backfill: 0d\n"
                               f"platforms:\n  youtube:\n    base_url: {platform_url}\n")

    def start(self):
        """Milliseconds from exec() to READY=1, as a service manager sees it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            name = self.state / "notify"
            name.unlink(missing_ok=True)
            notify.bind(str(name))
            notify.settimeout(60)
            begin = time.monotonic()
            self.daemon = subprocess.Popen([bench.BIN / "tallyd", "--config", self.config], start_new_session=True,
                                           stderr=open(self.state / "tallyd.log", "a"), env=os.environ | {"NOTIFY_SOCKET": str(name)})
            try:
                while b"READY=1" not in notify.recv(4096):
                    pass
            except TimeoutError:
                raise SystemExit((self.state / "tallyd.log").read_text()) from None
            return (time.monotonic() - begin) * 1000

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(120)

    def close(self):
        if self.daemon:
            self.stop()
        self.cluster.stdin.close()
        self.cluster.wait(60)

    def status(self):
        """Milliseconds of tallyctl status, from exec() to its end."""
        begin = time.monotonic()
        subprocess.run([bench.BIN / "tallyctl", "--config", self.config, "status"], check=True, stdout=subprocess.DEVNULL)
        return (time.monotonic() - begin) * 1000

    def register(self, known):
        users = (json.dumps({"id": f"known-{n}", "tier": "free", "connections": [
            {"platform": "youtube", "account": f"UCknown{n}", "token": f"token-{n}"}]}) for n in range(known))
        subprocess.run([bench.BIN / "tallyctl", "--config", self.config, "user", "import", "-"], input="\n".join(users) + "\n",
                       text=True, check=True, stdout=subprocess.DEVNULL)
        wait_until(lambda: int(self.database.sql("SELECT count(*) FROM runs")) >= known, "the first run of each known connection")

    def grow(self, first, last):
        """Copies from the first to the last, with the numbers of some days."""
        self.database.sql(COPIES.format(first=first, last=last))
        plans.grow(self.database, first, last)
        self.database.sql("VACUUM ANALYZE; CHECKPOINT;")

    def cost(self, known):
        """Microseconds of CPU, of tallyd and of PostgreSQL, to serve each known connection, all due at once."""
        runs = lambda: int(self.database.sql("SELECT count(*) FROM runs"))
        before, lead = runs(), 2
        self.database.sql(FALL_DUE.format(lead=lead, spread=0, known=known))
        ours, theirs = cpu_seconds(self.daemon.pid), cpu_of_postgres(self.state)
        time.sleep(lead)
        wait_until(lambda: runs() >= before + known, "the runs of all that fell due", step=0.5)
        return ((cpu_seconds(self.daemon.pid) - ours) / known * 1e6, (cpu_of_postgres(self.state) - theirs) / known * 1e6)

    def idle(self, seconds):
        """Shares of one core, of tallyd and of PostgreSQL."""
        ours, theirs, start = cpu_seconds(self.daemon.pid), cpu_of_postgres(self.state), time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - start
        return ((cpu_seconds(self.daemon.pid) - ours) / elapsed * 100, (cpu_of_postgres(self.state) - theirs) / elapsed * 100)

    def delays(self, known):
        """Milliseconds from due to the request, of each known connection."""
        Platform.arrivals.clear()
        lines = self.database.sql(FALL_DUE.format(lead=LEAD, spread=SPREAD, known=known)).splitlines()
        due = {account: float(at) for account, at in (line.split("\t") for line in lines)}
        # Others may have their regular slot meanwhile.
        wait_until(lambda: due.keys() <= Platform.arrivals.keys(), "the requests of all that fell due", LEAD + SPREAD + 60)
        return sorted((Platform.arrivals[account] - at) * 1000 for account, at in due.items())


def main():
    parser = bench.options("scale", __doc__)
    parser.add_argument("--plans", metavar="DIR", type=pathlib.Path, help="write the plans of the hot statements there, a file for each size")
    options = parser.parse_args()
    # All that is asked of the platform has to fit into its limit of a day, 10,000.
    known, copies, settle, idle = (100, 20_000, 5, 10) if options.quick else (300, 1_000_000, 60, 60)
    sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size < copies] + [copies]
    machine = bench.machine()
    state = bench.state_directory()
    setting = Bench(state, Platform.serve())
    try:
        setting.start()
        bench.say(f"registering {known} known connections")
        setting.register(known)
        costs, reads, first = [], [], 1
        for size in sizes:
            bench.say(f"{size:,} copies with {size * plans.METRICS * plans.DAYS:,} rows")
            setting.grow(first, size)
            first = size + 1
            found = plans.explain(setting.database, size)
            if options.plans:
                options.plans.mkdir(parents=True, exist_ok=True)
                (options.plans / f"{size}.txt").write_text("\n\n".join(f"-- {what}\n{plan}" for what, (plan, _) in found.items()) + "\n")
            reads.append({what: (plans.pages(plan) / rows, plans.scans(plan)) for what, (plan, rows) in found.items()})
            setting.cost(known)  # once to warm up
            ours, theirs = zip(*(setting.cost(known) for _ in range(4)))
            costs.append((statistics.median(ours), statistics.median(theirs)))
        bench.say(f"settling for {settle} s, then idle for {idle} s")
        time.sleep(settle)
        pss = pss_mb(setting.daemon.pid)
        ours, theirs = setting.idle(idle)
        bench.say(f"{known} connections fall due within {SPREAD} s")
        delays = setting.delays(known)
        pss_after = pss_mb(setting.daemon.pid)
        status = statistics.median(setting.status() for _ in range(7))
        starts = []
        for _ in range(3):
            setting.stop()
            starts.append(setting.start())
        start = statistics.median(starts)
        count = int(setting.database.sql("SELECT count(*) FROM slots"))
        version = setting.database.version()
        size = setting.database.sql("SELECT pg_size_pretty(pg_database_size('tally'))")
    finally:
        setting.close()
        if os.environ.get("TALLY_KEEP"):
            bench.say(f"kept: {state}")
        else:
            shutil.rmtree(state, ignore_errors=True)

    cuts = statistics.quantiles(delays, n=100, method="inclusive")
    p50, p99 = cuts[49], cuts[98]
    verdict = lambda met: "met" if met else "MISSED"
    columns = "".join(f"{size:>12,}" for size in sizes)
    growth = lambda values: values[-1] / values[max(0, len(values) - 3)]  # to a hundredth of the largest
    print(f"\nmicroseconds of CPU to serve an account, {known} due at once, by registered connections\n")
    print(f"  {'':<18}{columns}")
    for name, at in (("tallyd", 0), ("PostgreSQL", 1)):
        print(f"  {name:<18}" + "".join(f"{cost[at]:>12.0f}" for cost in costs))
    cost_growth = growth([sum(cost) for cost in costs])
    print(f"  the largest costs {cost_growth:.2f} of a hundredth of it: flat {verdict(cost_growth <= FLAT)}")
    print(f"\npages read for a row (status: for a page), {plans.METRICS * plans.DAYS} numbers a connection\n")
    print(f"  {'':<18}{columns}")
    page_growth, scans = {}, set()
    for what in reads[0]:
        print(f"  {what:<18}" + "".join(f"{read[what][0]:>12.1f}" for read in reads))
        page_growth[what] = growth([max(1.0, read[what][0]) for read in reads])
        scans |= {f"{what}: {table}" for read in reads for table in read[what][1]}
    worst = max(page_growth, key=page_growth.get)
    print(f"  the worst grows by {page_growth[worst]:.2f} ({worst}): constant {verdict(page_growth[worst] <= FLAT)}")
    print(f"  tables read from end to end: {', '.join(sorted(scans)) or 'none'}: {verdict(not scans)}")
    print(f"""
{count} connections registered, {idle} s idle, then {known} due at known moments within {SPREAD} s
{machine}; PostgreSQL {version}, database {size}

  tallyd's memory (PSS)    {pss:8.1f} MB    goal 64 MB: {verdict(pss <= 64)}   ({pss_after:.1f} MB after the runs)
  tallyd's idle CPU        {ours:8.2f} %     goal 1 %: {verdict(ours < 1)}   (of one core; PostgreSQL beside it {theirs:.2f} %)
  due to request, p50      {p50:8.1f} ms
  due to request, p99      {p99:8.1f} ms    goal 1000 ms: {verdict(p99 < 1000)}   (least {delays[0]:.1f}, most {delays[-1]:.1f})
  tallyctl status          {status:8.1f} ms    goal 50 ms: {verdict(status < 50)}
  start to ready           {start:8.1f} ms    goal 200 ms: {verdict(start < 200)}""")
    bench.save(options.json, "scale", {"pss_mb": round(pss, 1), "idle_cpu_percent": round(ours, 2),
               "due_to_request_p50_ms": round(p50, 1), "due_to_request_p99_ms": round(p99, 1),
               "status_ms": round(status, 1), "start_ms": round(start, 1),
               "cost_growth": round(cost_growth, 3), "page_growth": round(page_growth[worst], 3), "sequential_scans": sorted(scans)})


if __name__ == "__main__":
    main()
