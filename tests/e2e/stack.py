# SPDX-License-Identifier: Apache-2.0
"""A simulator and a daemon of their own for each test, driven as a user drives them: through the programs."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TALLY_BIN", ROOT / "build/release/bin"))
PLATFORMS = ("instagram", "facebook", "youtube", "snapchat", "snapchat_profile", "twitch")


def wait_until(condition, timeout=60.0, step=0.05, what="condition"):
    """Polls until the condition gives something true, and returns it."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(step)
    raise AssertionError(f"timed out waiting for {what}")


def faketime(**settings):
    """The environment of a program whose wall clock is wrong."""
    return {"LD_PRELOAD": str(next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"} | settings


class Stack:
    def __init__(self, config="", clock=False):
        """With `clock` the daemon and its PostgreSQL live in a time that set_clock() moves (libfaketime)."""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tally-e2e-", dir="/tmp"))
        os.chmod(self.dir, 0o755)  # as root the private cluster runs as another user
        self.extra_config = config
        self.clock_file = self.dir / "clock" if clock else None
        self.start_simulator()
        self.daemon = None
        self.config = self.dir / "tallyd.yaml"
        self.client_config = self.dir / "tallyctl.yaml"  # what the daemon began with: tests break the other one
        self.write_config(self.extra_config)

    @staticmethod
    def environment():
        return {k: v for k, v in os.environ.items() if not k.startswith("TALLY_")}

    # -- processes ---------------------------------------------------------------------------------------------------
    def start_simulator(self):
        port_file = self.dir / "sim.port"
        self.sim = subprocess.Popen([BIN / "tally-sim", "--listen", "127.0.0.1:0", "--port-file", port_file],
                                    env=self.environment(), stderr=open(self.dir / "sim.log", "ab"))
        wait_until(port_file.exists, what="the simulator")
        self.sim_url = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def config_text(self, state_dir, sim_url):
        secret = self.dir / "client-secret"
        secret.touch(0o600)
        secret.write_text("sim-secret\n")
        platforms = "".join(f"  {name}:\n    base_url: {sim_url}\n    client_id: sim-app\n"
                            f"    client_secret: file:{secret}\n" for name in PLATFORMS)
        return f"state_dir: {self.dir}/{state_dir}\nplatforms:\n{platforms}"

    def write_config(self, extra="", state_dir="state"):
        text = self.config_text(state_dir, self.sim_url) + extra
        self.config.write_text(text)
        if not self.daemon:
            self.client_config.write_text(text)

    def start(self, wait=True):
        log = open(self.dir / "tallyd.log", "ab")
        self.daemon = subprocess.Popen([BIN / "tallyd", "--config", self.config], env=self.environment() | self.clock(),
                                       stderr=log, stdout=log)
        if wait:
            wait_until(lambda: self.daemon.poll() is not None or self.ready(), what="tallyd")
            assert self.daemon.poll() is None, self.log()
        return self

    def clock(self):
        if not self.clock_file:
            return {}
        return faketime(FAKETIME_TIMESTAMP_FILE=str(self.clock_file), FAKETIME_CACHE_DURATION="1")

    def set_clock(self, seconds):
        """The same for the daemon, its database and the simulated platforms, seen within a second or two. The daemon is frozen
        meanwhile: a platform that lives hours ahead of it would tell it to wait until a time that is over in a moment."""
        if self.daemon:
            self.daemon.send_signal(signal.SIGSTOP)
        aside = self.clock_file.with_suffix(".new")
        aside.write_text(f"+{seconds}s\n")
        os.chmod(aside, 0o644)
        aside.rename(self.clock_file)
        self.control("clock", offset_seconds=seconds)
        if self.daemon:
            time.sleep(2.5)  # longer than the time that a process has read stays with it (whole seconds are compared)
            self.daemon.send_signal(signal.SIGCONT)

    def ready(self):
        return self.ctl("status", check=False).returncode == 0

    def stop(self, sig=signal.SIGTERM, expect=0):
        self.daemon.send_signal(sig)
        code = self.daemon.wait(60)
        if expect is not None:
            assert code == expect, f"tallyd ended with {code}\n{self.log()}"
        self.daemon = None

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()
        self.daemon = None

    def close(self):
        if self.daemon:
            self.daemon.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.daemon.wait(30)
        self.sim.terminate()
        self.sim.wait(10)
        for pid_file in self.dir.glob("*/postgres/data/postmaster.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(pid_file.read_text().split()[0]), signal.SIGINT)
        if not os.environ.get("TALLY_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        return (self.dir / "tallyd.log").read_text(errors="replace")

    def stop_database(self):
        """As if the power had gone from the private PostgreSQL."""
        pid = int(next(self.dir.glob("*/postgres/data/postmaster.pid")).read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)

    # -- what a user types -------------------------------------------------------------------------------------------
    def ctl(self, *args, stdin=None, check=True, timeout=300):
        result = subprocess.run([BIN / "tallyctl", "--config", self.client_config, *args], input=stdin, text=True,
                                capture_output=True, timeout=timeout, env=self.environment())
        if check:
            assert result.returncode == 0, f"{args} ended with {result.returncode}\n{result.stdout}\n{result.stderr}\n{self.log()}"
        return result

    def ctl_json(self, *args, **kwargs):
        return json.loads(self.ctl("--output", "json", *args, **kwargs).stdout)

    def get(self, path):
        """What the daemon answers at its Unix socket."""
        socket = next(self.dir.glob("**/tallyd.sock"))
        return subprocess.run(["curl", "-sS", "--fail", "--unix-socket", socket, f"http://tallyd{path}"], capture_output=True, text=True,
                              check=True).stdout

    def import_users(self, users):
        lines = "\n".join(json.dumps(user) for user in users)
        return self.ctl("user", "import", "-", stdin=lines + "\n")

    def collect(self, *args, expect=0):
        result = self.ctl("run", "--wait", *args, check=False)
        allowed = expect if isinstance(expect, tuple) else (expect,)
        assert result.returncode in allowed, f"run ended with {result.returncode}\n{result.stdout}{result.stderr}\n{self.log()}"
        return result

    # -- what lies underneath ----------------------------------------------------------------------------------------
    def sql(self, query):
        """Rows of the private cluster, as lists of texts."""
        socket_dir = next(self.dir.glob("*/postgres/**/.s.PGSQL.5432")).parent
        out = subprocess.run(["psql", "-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", socket_dir, "-U", "tally",
                              "-d", "tally", "-c", query], capture_output=True, text=True, check=False)
        assert out.returncode == 0, out.stderr
        return [line.split("\t") for line in out.stdout.splitlines()]

    def await_descriptions(self):
        """What may be added up is written down right after the start."""
        wait_until(lambda: self.sql("SELECT count(*) FROM metrics") != [["0"]], what="the metrics' descriptions")

    def snapshots(self):
        """{(user, platform, account, source, metric, date): value} from an export."""
        lines = self.ctl("export", "--format", "ndjson").stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        result = {(r["user_id"], r["platform"], r["account_id"], r["source"], r["metric"], r["date"]): r["value"] for r in rows}
        assert len(result) == len(rows), "a key appears twice"
        return result

    def control(self, route, /, method="POST", **body):
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.sim_url}/_sim/{route}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read().decode()
        return text

    def oracle(self, user, platform, account, first, last, at=None):
        """What a perfect collector holds for one connection."""
        query = {"platform": platform, "account": account, "from": first, "to": last}
        if at:
            query["at"] = at
        text = self.control("oracle?" + urllib.parse.urlencode(query), method="GET")
        rows = [json.loads(line) for line in text.splitlines()]
        return {(user, r["platform"], r["account_id"], r["source"], r["metric"], r["date"]): r["value"] for r in rows}


def account_id(platform, n):
    """An account id in the platform's own form."""
    return {"instagram": f"1784140000{n:07d}", "facebook": f"1000000{n:08d}", "youtube": f"UCsim{n:019d}",
            "snapchat": f"0b7d3c11-5a44-4c0e-9d5f-{n:012x}", "snapchat_profile": f"7c1e90aa-13b2-4f6d-8e21-{n:012x}",
            "twitch": f"{40000000 + n}"}[platform]


def user(n, tier="premium", platforms=PLATFORMS, zone="UTC"):
    connections = [{"platform": p, "account": account_id(p, n), "token": f"sim.{p}.{account_id(p, n)}"} for p in platforms]
    return {"id": f"user-{n}", "tier": tier, "zone": zone, "connections": connections}
