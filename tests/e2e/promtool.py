# SPDX-License-Identifier: Apache-2.0
"""Prometheus' own judge of metrics and rules."""
import fcntl
import shutil
import subprocess
import tempfile

from stack import ROOT

TOOLS = ROOT / "build/tools"


def find():
    """Out of Debian's package, which is not installed: it would begin to serve."""
    found = shutil.which("promtool") or TOOLS / "usr/bin/promtool"
    TOOLS.mkdir(parents=True, exist_ok=True)
    with open(TOOLS / "lock", "w", encoding="utf-8") as lock, tempfile.TemporaryDirectory() as directory:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run beside each other
        if not shutil.which(found):
            subprocess.run(["apt-get", "download", "-qq", "prometheus"], cwd=directory, check=True, stderr=subprocess.DEVNULL)
            subprocess.run(f"dpkg-deb --extract {directory}/prometheus_*.deb {TOOLS}", shell=True, check=True)
    return found


def promtool(*args, **kwargs):
    """What it says; it must not complain."""
    done = subprocess.run([find(), *args], capture_output=True, text=True, timeout=60, check=False, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
