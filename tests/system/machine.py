# SPDX-License-Identifier: Apache-2.0
"""A Debian that has booted its own systemd in a container, driven as an operator drives it: through a shell."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from stack import wait_until  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = ROOT / "build/system/base"  # a bare Debian, made once; containers only write beside it
RELEASE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,apt,ca-certificates,curl,procps"


def make_base():
    """How apt reaches its mirrors here, it does there: proxies, certificates."""
    if (BASE / "etc/os-release").exists():
        return
    aside = BASE.with_suffix(".new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.parent.mkdir(parents=True, exist_ok=True)
    acquire = BASE.with_suffix(".conf")
    acquire.write_text(subprocess.run(["apt-config", "dump", "Acquire"], check=True, text=True, capture_output=True).stdout)
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", f"--aptopt={acquire}", RELEASE, aside], check=True)
    certificates = pathlib.Path("etc/ssl/certs/ca-certificates.crt")
    shutil.copy("/" / certificates, aside / certificates)
    aside.rename(BASE)


class Machine:
    def __init__(self):
        make_base()
        self.name = f"tally-{uuid.uuid4().hex[:8]}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tally-system-"))
        self.console = self.dir / "console.log"
        with open(self.console, "wb") as console:
            self.container = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--volatile=overlay", f"--machine={self.name}",
                 "--resolv-conf=copy-host", "--console=pipe", f"--directory={BASE}", f"--bind={self.dir}:/mnt"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        try:
            self.leader = wait_until(self.find_leader, what="the container")
            wait_until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"), what="systemd")
        except BaseException:
            self.container.kill()
            self.container.wait()
            shutil.rmtree(self.dir, ignore_errors=True)
            raise

    def find_leader(self):
        assert self.container.poll() is None, self.console.read_text()
        children = pathlib.Path(f"/proc/{self.container.pid}/task/{self.container.pid}/children").read_text().split()
        for child in children:
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return child
        return None

    def close(self):
        if os.environ.get("TALLY_KEEP"):
            print(f"container left: nsenter --target {self.leader} --all")
            return
        self.run("systemctl", "poweroff", "--force", check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.container.wait(30)
        if self.container.poll() is None:
            self.container.kill()
            self.container.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    # -- what an operator types --------------------------------------------------------------------------------------
    def run(self, *command, check=True, stdin=None, timeout=300, user=None):
        prefix = ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "env", "-i",
                  "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        if user:
            prefix += ["runuser", "-u", user, "--"]
        result = subprocess.run([*prefix, *map(str, command)], input=stdin, text=True, capture_output=True, timeout=timeout)
        if check:
            assert result.returncode == 0, f"{command} ended with {result.returncode}\n{result.stdout}\n{result.stderr}\n{self.log()}"
        return result

    def out(self, *command, **kwargs):
        return self.run(*command, **kwargs).stdout.strip()

    def ctl(self, *args, **kwargs):
        return self.run("tallyctl", *args, **kwargs)

    def ctl_json(self, *args, **kwargs):
        return json.loads(self.ctl("--output", "json", *args, **kwargs).stdout)

    def write(self, path, text, mode=0o644):
        self.run("sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod "$1" "$0"', path, f"{mode:o}", stdin=text)

    def copy(self, file):
        """Gives where the machine sees it."""
        shutil.copy(file, self.dir)
        return f"/mnt/{pathlib.Path(file).name}"

    # -- what it looks at --------------------------------------------------------------------------------------------
    def show(self, name, unit="tallyd.service"):
        return self.out("systemctl", "show", "--value", f"--property={name}", unit)

    def active(self, unit="tallyd.service"):
        return self.show("ActiveState", unit) == "active"

    def status_text(self):
        return self.show("StatusText")

    def main_pid(self):
        return int(self.show("MainPID"))

    def restarts(self):
        return int(self.show("NRestarts"))

    def journal(self, *matches):
        lines = self.out("journalctl", "--output=json", "--no-pager", *matches).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def log(self):
        return subprocess.run(["nsenter", f"--target={self.leader}", "--mount", "--pid", "journalctl", "--no-pager", "-n", "60", "-u", "tallyd"],
                              text=True, capture_output=True, timeout=60).stdout

    def exists(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0


def boots():
    """Whether a bare Debian boots here and reaches its packages: CI may itself be a container that must not."""
    try:
        machine = Machine()
        try:
            machine.run("apt-get", "update")
        finally:
            machine.close()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f"no container boots on this machine: {error}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if boots() else 1)
