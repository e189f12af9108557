# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL that a sysadmin would run beside the daemon, and a PgBouncer before it; both as an unprivileged user."""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from stack import wait_until

BINARIES = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
ACCOUNT = "postgres"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged():
    """PostgreSQL and PgBouncer refuse to run as root."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam(ACCOUNT)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}


def make_directory():
    path = pathlib.Path(tempfile.mkdtemp(prefix="tally-pg-", dir="/tmp"))
    if os.getuid() == 0:
        shutil.chown(path, ACCOUNT)
    os.chmod(path, 0o755)
    return path


class Postgres:
    """Reached over TCP. Its superuser is `postgres`; `tally` may make roles and owns the database `tally`."""

    def __init__(self, of=None, tablespace=None, **settings):
        """With `of` it is a standby of that server. `tablespace`: a directory for the database."""
        self.dir = make_directory()
        self.data = self.dir / "data"
        self.port = free_port()
        self.user = "postgres"  # whose statements the test's are
        self.sessions = []
        if of:
            self.program("pg_basebackup", "-h", "127.0.0.1", "-p", of.port, "-U", "postgres", "-D", self.data, "-R", "-c", "fast")
        else:
            self.program("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")
        # Nothing here survives the machine, but everything must survive its processes: those see what was written without fsync.
        settings = {"port": self.port, "listen_addresses": "'127.0.0.1'", "unix_socket_directories": "''", "fsync": "off", "jit": "off",
                    "max_connections": 50} | settings
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self.start()
        if not of:
            self.make_database(tablespace)

    def make_database(self, tablespace):
        self.sql("create role tally login createrole", database="postgres")
        if tablespace:
            self.sql(f"create tablespace small location '{tablespace}'", database="postgres")
        self.sql("create database tally owner tally" + (" tablespace small" if tablespace else ""), database="postgres")
        self.sql("grant all on schema public to tally with grant option")

    def url(self, port=None):
        """`port`: of what stands between, if anything does."""
        return f"postgresql://tally@127.0.0.1:{port or self.port}/tally"

    def program(self, name, *args, check=True):
        # A file and no pipe: the server that pg_ctl leaves behind would hold the pipe open.
        with open(self.dir.parent / f"{self.dir.name}.out", "w+", encoding="utf-8") as out:
            done = subprocess.run([BINARIES / name, *map(str, args)], stdout=out, stderr=out, timeout=120, check=False, **unprivileged())
            out.seek(0)
            text = out.read()
        pathlib.Path(out.name).unlink()
        assert not check or done.returncode == 0, f"{name}: {text}"

    def start(self):
        self.program("pg_ctl", "-D", self.data, "-l", self.dir / "log", "-w", "start")

    def stop(self, mode="immediate"):
        """`immediate` is a crash, `fast` ends all sessions first."""
        self.program("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop", check=False)

    def restart(self, mode):
        self.stop(mode)
        self.start()

    def promote(self):
        self.program("pg_ctl", "-D", self.data, "-w", "promote")

    def processes(self):
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True, check=False).stdout.split()
        return [postmaster, *map(int, children)]

    @contextlib.contextmanager
    def stopped(self):
        """As if the machine hung: the connections stay, nothing answers."""
        frozen = []
        try:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    frozen.append(pid)
            yield
        finally:
            for pid in reversed(frozen):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def psql(self, *args, user=None, database="tally"):
        return [BINARIES / "psql", "-X", "-A", "-t", "-q", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
                "-U", user or self.user, "-d", database, *args]

    def run(self, *args, check=True, **who):
        done = subprocess.run(self.psql(*args, **who), capture_output=True, text=True, check=False, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    def sql(self, query, **who):
        """Rows as lists of texts."""
        return [line.split("\t") for line in self.run("-c", query, **who).stdout.splitlines()]

    def value(self, query):
        return self.sql(query)[0][0]

    def begin(self, query, user="tally"):
        """Runs it beside the test, which may end it."""
        self.sessions.append(subprocess.Popen(self.psql("-c", query, user=user), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return self.sessions[-1]

    def session(self):
        """A psql that is fed line by line, for locks that are held a while."""
        self.sessions.append(subprocess.Popen(self.psql(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1))
        return self.sessions[-1]

    def close(self):
        for session in self.sessions:
            session.kill()
            session.wait()
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Pooler:
    """PgBouncer before a server."""

    def __init__(self, server, **settings):
        self.dir = make_directory()
        self.port = free_port()
        settings = {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "", "auth_type": "any",
                    "logfile": self.dir / "log"} | settings
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self.dir / "pgbouncer.ini").write_text(
            f"[databases]\ntally = host=127.0.0.1 port={server.port} dbname=tally user=tally\n[pgbouncer]\n{lines}")
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self.process = subprocess.Popen([program, "-q", self.dir / "pgbouncer.ini"], stderr=subprocess.DEVNULL, **unprivileged())

        def listens():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return True
        wait_until(listens, what="pgbouncer")

    @property
    def url(self):
        return f"postgresql://tally@127.0.0.1:{self.port}/tally"

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
