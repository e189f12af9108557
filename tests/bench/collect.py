#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench collect: accounts collected a second, one request each, against what one would write instead."""
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import time

import bench
from scale import cpu_of_postgres, cpu_seconds, wait_until

PEERS = pathlib.Path(__file__).parent / "peers"
PYTHON = "/usr/bin/python3"  # Debian's, for whom its packages of requests and psycopg2 are made
CONCURRENCY = 256
NODE_CONCURRENCY = 64  # jobs at once
LEAD = 3  # seconds until what is made due falls due: longer than anybody's pause
FAST, SLOW = "fast", "slow"
DELAY_MS = 50

# About 1 KB, as a profile comes with its counters.
ANSWER = json.dumps({
    "id": "17841400000000000", "username": "somebody.of.the.benchmark", "name": "Somebody of the Benchmark",
    "biography": "Numbers of every day, " * 18, "website": "https://example.org/somebody", "verified": False,
    "picture": "https://example.org/pictures/17841400000000000/320x320.jpg?signature=" + "0123456789abcdef" * 8,
    "category": "Creator", "created_at": "2019-03-14T09:26:53Z", "language": "en", "country": "SE",
    "counters": {"followers": 183204, "following": 512, "posts": 1893, "likes": 2716057, "views": 98123456}})

NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log warn;
{modules}
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json; client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 127.0.0.1:{fast} backlog=4096; location / {{ return 200 '{answer}'; }} }}
  server {{ listen 127.0.0.1:{slow} backlog=4096; location / {{ echo_sleep {delay}; echo -n '{answer}'; }} }}
}}
"""

# What the peers read and write: the same columns, keys and checks as tally's tables, in one piece instead of partitions.
SCHEMA = """
CREATE TABLE peer_accounts (connection_id bigint PRIMARY KEY, user_id text NOT NULL, account_id text NOT NULL, token text NOT NULL);
INSERT INTO peer_accounts SELECT connection_id, user_id, account_id, 'token-' || account_id FROM connections;
CREATE TABLE peer_snapshots (LIKE analytics_snapshots INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
  PRIMARY KEY (user_id, platform, account_id, source, metric, date));
CREATE TABLE peer_slots (LIKE slots INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE, PRIMARY KEY (connection_id))
  WITH (fillfactor = 70);
CREATE INDEX ON peer_slots (due_at, connection_id);
CREATE TABLE peer_runs (LIKE runs INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE, PRIMARY KEY (run_id, started_at));
CREATE INDEX ON peer_runs (connection_id, started_at DESC);
"""


@dataclasses.dataclass
class Contender:
    what: str
    accounts: int
    server: str = FAST


@dataclasses.dataclass
class Result:
    per_second: float
    cpu_us: float  # of the contender itself, an account
    postgres_us: float
    peak_mb: float
    wal: float  # bytes an account
    commits: float


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    def __init__(self, state):
        self.state, self.children = state, []
        self.database = bench.Database(state)
        cluster = self.spawn([bench.BIN / "tally-bench-lease", "cluster", state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = cluster.stdout.readline().strip()
        if not self.url:
            raise SystemExit("PostgreSQL does not start")
        self.database.sql("ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf();")
        self.ports = {FAST: free_port(), SLOW: free_port()}
        self.redis = free_port()
        self.daemon = None

    def spawn(self, command, **options):
        """In a session of its own: Ctrl-C is for us."""
        child = subprocess.Popen([str(part) for part in command], start_new_session=True, **options)
        self.children.append(child)
        return child

    def start_nginx(self):
        config = self.state / "nginx.conf"
        modules = "".join(f"load_module {module};\n" for module in pathlib.Path("/usr/lib/nginx/modules").glob("ngx_http_echo_module.so"))
        config.write_text(NGINX.format(dir=self.state, modules=modules, answer=ANSWER, delay=DELAY_MS / 1000, **self.ports))
        self.spawn(["nginx", "-p", self.state, "-c", config], stderr=open(self.state / "nginx.log", "a"))
        wait_until(lambda: self.answers(self.ports[FAST]), "nginx")

    def start_redis(self):
        self.spawn(["redis-server", "--port", self.redis, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.state],
                   stdout=subprocess.DEVNULL)
        wait_until(lambda: self.answers(self.redis), "Redis")

    @staticmethod
    def answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def start_daemon(self, server, under=()):
        """tallyd reads one platform's address for all: another server is another daemon. `under`: a program that runs it."""
        directory = self.state / f"tallyd-{server}"
        (directory / "platforms").mkdir(parents=True, exist_ok=True)
        shutil.copy(PEERS / "bench.yaml", directory / "platforms")
        config = directory / "tallyd.yaml"
        config.write_text(f"""state_dir: {directory}
database: {{ url: "{self.url}" }}
vault: {{ key: "file:{self.state}/vault-key" }}
collect: {{ concurrency: {CONCURRENCY} }}
tiers: {{ yearly: {{ cron: "0 0 1 1 *", slack: 15m }} }}  # what falls due is the benchmark's word
platforms: {{ bench: {{ base_url: "http://127.0.0.1:{self.ports[server]}" }} }}
""")
        self.daemon = self.spawn([*under, bench.BIN / "tallyd", "--config", config], stderr=open(directory / "tallyd.log", "a"))
        wait_until(lambda: self.daemon.poll() is not None or (directory / "tallyd.sock").exists(), "tallyd")
        if self.daemon.poll() is not None:
            raise SystemExit((directory / "tallyd.log").read_text())
        return config

    def stop_daemon(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(120)

    def register(self, accounts):
        key = self.state / "vault-key"
        key.touch(0o600)
        key.write_text(os.urandom(32).hex() + "\n")
        config = self.start_daemon(FAST)
        # In the order of their ids, as a host application's users come; each token sealed by itself.
        users = "".join(json.dumps({"id": f"user-{n}", "tier": "yearly", "connections": [
            {"platform": "bench", "account": f"account-{n}", "token": f"token-account-{n}"}]}) + "\n" for n in range(accounts))
        subprocess.run([bench.BIN / "tallyctl", "--config", config, "user", "import", "-"], input=users, text=True, check=True,
                       stdout=subprocess.DEVNULL)
        wait_until(lambda: self.waiting() == 0, "the first run of each connection", 600)
        self.stop_daemon()
        self.database.sql(SCHEMA)

    def waiting(self):
        return int(self.database.sql("SELECT count(*) FROM slots WHERE due_at <= now() OR lease_token IS NOT NULL"))

    def close(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.stdin.close() if child.stdin else child.terminate()
                try:
                    child.wait(60)
                except subprocess.TimeoutExpired:
                    child.kill()

    # -- rounds

    def empty(self):
        self.database.sql("""TRUNCATE analytics_snapshots, coverage, runs, run_stats, peer_snapshots, peer_slots, peer_runs;
            CHECKPOINT; VACUUM ANALYZE slots, connections, users, user_keys, peer_accounts;""")

    def run(self, name, contender):
        self.empty()
        if name.startswith("tallyd"):
            return self.run_tallyd(contender)
        command = {
            "fair": [bench.BIN / "tally-bench-loop", "fair", self.url, self.platform(contender), CONCURRENCY],
            "bare": [bench.BIN / "tally-bench-loop", "bare", self.url, self.platform(contender), CONCURRENCY],
            "node": ["node", self.node_script(), "run", self.redis, self.url, self.platform(contender), NODE_CONCURRENCY],
            "python": [PYTHON, PEERS / "collect.py", self.url, self.platform(contender), contender.accounts],
        }[name.split("_")[0]]
        if name.startswith("fair"):
            self.database.sql(f"""INSERT INTO peer_slots (connection_id, lane, slack, due_at, collect_at, slot_at)
                SELECT connection_id, 'bench', 900, now(), now(), now() FROM peer_accounts ORDER BY connection_id LIMIT {contender.accounts};
                VACUUM ANALYZE peer_slots; CHECKPOINT;""")
        if name.startswith("node"):
            bench.output("node", self.node_script(), "add", self.redis, self.url, contender.accounts)
        wal, commits = self.database.counters()
        before = cpu_of_postgres(self.state)
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        status, usage, peak = bench.finish(process)
        if status != 0:
            raise SystemExit(f"bench: {name} failed: {process.stderr.read()}")
        result = json.loads(process.stdout.read())
        wanted = contender.accounts
        if result["served"] != wanted or self.rows("peer_snapshots") != wanted * 5:
            raise SystemExit(f"{name} served {result['served']} of {wanted}")
        after = cpu_of_postgres(self.state)
        wal_after, commits_after = self.database.counters()
        return Result(wanted / result["seconds"], (usage.ru_utime + usage.ru_stime) / wanted * 1e6, (after - before) / wanted * 1e6,
                      peak, (wal_after - wal) / wanted, (commits_after - commits) / wanted)

    def run_tallyd(self, contender, times=1):
        """Gives the last result, with the highest peak of all."""
        self.start_daemon(contender.server)
        # A duty of the start would plan anew what is made due here.
        wait_until(lambda: self.database.sql("SELECT count(*) FROM duties WHERE due_at <= now() OR lease_token IS NOT NULL") == "0", "the duties")
        result = self.fall_due(contender)
        for _ in range(times - 1):
            self.empty()
            peak, result = result.peak_mb, self.fall_due(contender)
            result.peak_mb = max(peak, result.peak_mb)
        self.stop_daemon()
        return result

    def fall_due(self, contender):
        """From the moment when all fall due to the last commit, by the database's clock. The daemon is up and idle before."""
        lead = LEAD + contender.accounts // 20_000  # the statement below takes its time, too
        due = self.database.sql(f"""WITH at AS (SELECT now() + interval '{lead} seconds' AS due)
            UPDATE slots SET collect_at = due, slot_at = due FROM at
             WHERE connection_id IN (SELECT connection_id FROM peer_accounts ORDER BY connection_id LIMIT {contender.accounts});
            VACUUM ANALYZE slots; CHECKPOINT; SELECT max(due_at) FROM slots WHERE due_at < now() + interval '1 hour'""")
        pathlib.Path(f"/proc/{self.daemon.pid}/clear_refs").write_text("5")
        wal, commits = self.database.counters()
        ours, theirs = cpu_seconds(self.daemon.pid), cpu_of_postgres(self.state)
        # Asked seldom: a psql takes its share of the cores.
        wait_until(lambda: self.done() == contender.accounts, "the last run", 600, step=1)
        ours, theirs = cpu_seconds(self.daemon.pid) - ours, cpu_of_postgres(self.state) - theirs
        wal_after, commits_after = self.database.counters()
        seconds = float(self.database.sql(f"SELECT extract(epoch FROM max(finished_at) - '{due}') FROM runs"))
        if self.rows("analytics_snapshots") != contender.accounts * 5:
            raise SystemExit(f"tallyd stored {self.rows('analytics_snapshots')} rows of {contender.accounts * 5}")
        peak = next(int(line.split()[1]) / 1024 for line in pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text().splitlines()
                    if line.startswith("VmHWM:"))
        each = contender.accounts
        return Result(each / seconds, ours / each * 1e6, theirs / each * 1e6, peak, (wal_after - wal) / each,
                      (commits_after - commits) / each)

    def done(self):
        return int(self.database.sql("SELECT coalesce(sum(succeeded), 0) FROM run_stats"))

    def rows(self, table):
        return int(self.database.sql(f"SELECT count(*) FROM {table}"))

    def platform(self, contender):
        return f"http://127.0.0.1:{self.ports[contender.server]}"

    @staticmethod
    def node_script():
        return bench.PEERS / "collect.js"


def page(results, contenders, rounds, versions, machine):
    print(f"""
accounts collected a second: one request each, {len(ANSWER)} bytes, five metrics; median of {rounds} interleaved rounds
{machine}; {versions}
""")
    print(f"  {'':<12}{'accounts':>9}{'accounts/s':>12}{'least':>9}{'most':>9}{'CPU us':>9}{'in PG us':>10}{'WAL':>7}{'commits':>9}{'peak MB':>9}")
    for name, contender in contenders.items():
        runs = results[name]
        speeds = [run.per_second for run in runs]
        median = lambda field: statistics.median(getattr(run, field) for run in runs)
        print(f"  {name:<12}{contender.accounts:>9}{statistics.median(speeds):>12.0f}{min(speeds):>9.0f}{max(speeds):>9.0f}"
              f"{median('cpu_us'):>9.0f}{median('postgres_us'):>10.0f}{median('wal'):>7.0f}{median('commits'):>9.3f}"
              f"{max(run.peak_mb for run in runs):>9.1f}   {contender.what}")


def main():
    parser = bench.options("collect", __doc__)
    parser.add_argument("--only", metavar="NAMES", help="contenders, separated by commas; without goals")
    options = parser.parse_args()
    rounds, many, some, few = (3, 4_000, 2_000, 500) if options.quick else (7, 20_000, 5_000, 2_000)
    contenders = {
        "tallyd": Contender("the daemon: leases, sealed tokens, budgets, coverage, revisions, job log", many),
        "fair": Contender("a tight C++ loop with claim, run row and finish", many),
        "bare": Contender("the same without: what a crash loses is lost", many),
        "node": Contender("BullMQ, undici, an upsert an account", some),
        "python": Contender("a loop, requests, psycopg2, a row at a time", few),
        "tallyd_50ms": Contender(f"tallyd, a server that takes {DELAY_MS} ms", many, SLOW),
        "fair_50ms": Contender(f"the fair loop, a server that takes {DELAY_MS} ms", many, SLOW),
    }
    if options.only:
        contenders = {name: contenders[name] for name in options.only.split(",")}
    machine = bench.machine()
    installed = bench.install_peers()
    state = bench.state_directory()
    setting = Bench(state)
    try:
        setting.start_nginx()
        setting.start_redis()
        setting.register(many)
        versions = ", ".join([f"PostgreSQL {setting.database.version()} (fsync on)", "nginx " + nginx_version(),
                              f"Redis {bench.output('redis-server', '--version').split('v=')[1].split()[0]}",
                              f"node {bench.output('node', '--version')}", f"BullMQ {installed['bullmq']}",
                              bench.output(PYTHON, PEERS / "collect.py", "--version")])
        results = {name: [] for name in contenders}
        for number in range(rounds):
            # Nobody always comes first.
            names = list(contenders)[number % len(contenders):] + list(contenders)[:number % len(contenders)]
            for name in names:
                results[name].append(setting.run(name, contenders[name]))
    finally:
        setting.close()
        if not os.environ.get("TALLY_KEEP"):
            shutil.rmtree(state, ignore_errors=True)
    page(results, contenders, rounds, versions, machine)
    if options.only:
        return
    # Ratios of the same round: what else the machine does meanwhile concerns both.
    def ratio(other, ours="tallyd"):
        return statistics.median(a.per_second / b.per_second for a, b in zip(results[ours], results[other]))
    print()
    found = {}
    for name, ours, other, goal in [("fair", "tallyd", "fair", 0.8), ("bare", "tallyd", "bare", 0.5), ("node", "tallyd", "node", 8),
                                    ("python", "tallyd", "python", 25), ("fair_50ms", "tallyd_50ms", "fair_50ms", 0.9)]:
        found[f"ratio_{name}"] = round(ratio(other, ours), 3)
        print(f"  {ours} / {other:<12}{ratio(other, ours):>7.2f}   goal {goal}: {'met' if ratio(other, ours) >= goal else 'MISSED'}")
    tallyd = results["tallyd"]
    bench.save(options.json, "collect", found | {
        "cpu_us_per_account": round(statistics.median(run.cpu_us for run in tallyd), 1),
        "postgres_us_per_account": round(statistics.median(run.postgres_us for run in tallyd), 1),
        "peak_mb": round(max(run.peak_mb for run in tallyd), 1)})


def nginx_version():
    return subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().split("/")[-1]


if __name__ == "__main__":
    main()
