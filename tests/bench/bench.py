# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: options, SQL by psql, what the machine is, and the file of results."""
import argparse
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
PEERS = ROOT / "build/peers"  # what npm installed, and our programs that use it


def options(name, what):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whoever is stopped stops PostgreSQL and cleans up, too
    parser = argparse.ArgumentParser(prog=f"./dev bench {name}", description=what)
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: does it run, not how fast it is")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help=f"write the results, as member '{name}' of this file")
    return parser


def save(file, name, results):
    """Other benchmarks' results in the file stay."""
    if file:
        held = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(held | {name: results}, indent=2) + "\n")


def state_directory():
    directory = tempfile.mkdtemp(prefix="tally-bench-", dir="/tmp")
    os.chmod(directory, 0o755)  # as root the private PostgreSQL runs as another user
    return pathlib.Path(directory)


def say(text):
    print(text, file=sys.stderr, flush=True)


def output(*command):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"bench: {command[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def finish(process):
    """Waits for the end: (exit code, rusage, peak memory in MB). rusage's own peak would be ours, from before its exec()."""
    peak = 0
    while True:
        try:
            for line in open(f"/proc/{process.pid}/status"):
                if line.startswith("VmHWM:"):
                    peak = int(line.split()[1]) / 1024
        except OSError:  # it ended between
            pass
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage, peak
        time.sleep(0.02)


def install_peers():
    """The peers' packages come from npm, in the versions that peers/package.json names; only once. {package: version}"""
    if not shutil.which("npm"):
        raise SystemExit("bench: the peers need node and npm; install the packages nodejs and npm")
    PEERS.mkdir(parents=True, exist_ok=True)
    source = pathlib.Path(__file__).parent / "peers"
    wanted = (source / "package.json").read_text()
    installed = PEERS / "package.json"
    if not (PEERS / "node_modules").exists() or installed.read_text() != wanted:
        shutil.rmtree(PEERS / "node_modules", ignore_errors=True)
        installed.write_text(wanted)
        output("npm", "install", "--prefix", PEERS, "--no-audit", "--no-fund", "--no-package-lock")
    for program in source.glob("*.js"):
        shutil.copy(program, PEERS)
    return json.loads(wanted)["dependencies"]


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores ({model}), load {os.getloadavg()[0]:.1f} before"


class Database:
    """A private cluster, as its superuser."""

    def __init__(self, state):
        self.socket = pathlib.Path(state) / "postgres/run"

    def sql(self, text):
        """The output of psql: lines, columns separated by tabs."""
        command = ["psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket), "-U", "tally", "-d", "tally"]
        done = subprocess.run(command, input=text, text=True, capture_output=True)
        if done.returncode != 0:
            raise SystemExit(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def version(self):
        return self.sql("SHOW server_version")

    def counters(self):
        """WAL bytes and commits since the start; sessions that have ended are counted in full."""
        wal, commits = self.sql("""SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, xact_commit
            FROM pg_stat_database WHERE datname = 'tally'""").split("\t")
        return int(wal), int(commits)
