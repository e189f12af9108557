# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL restarted, failed over, hung, full, slow, out of connections: nothing is lost, nothing doubled, work goes on."""
import contextlib
import json
import os
import pathlib
import pwd
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from servers import ACCOUNT, Pooler, Postgres, free_port, make_directory
from stack import BIN, user, wait_until
from truth import assert_same, of_the_moment, settle, told_before

MEMORY_KB = 200 * 1024


@pytest.fixture
def make():
    """Gives servers and poolers that end after the daemons before them."""
    made = []

    def make_one(kind, *args, **kwargs):
        made.append(kind(*args, **kwargs))
        return made[-1]

    yield make_one
    for one in reversed(made):
        one.close()


@pytest.fixture
def begin(make, make_stack):
    """A daemon on an external database, in the middle of the first collection of many connections."""
    def begin_one(url, users=12):
        stack = make_stack()
        stack.port = free_port()
        stack.write_config(f"listen: [\"unix:{stack.dir}/state/tallyd.sock\", \"127.0.0.1:{stack.port}\"]\n"
                           f"database:\n  url: \"{url}\"\n")
        stack.start()
        stack.users = [user(n) for n in range(1, users + 1)]
        if users:
            stack.import_users(stack.users)
        return stack
    return begin_one


def stored(server):
    return int(server.sql("select count(*) from runs where state = 'succeeded'")[0][0])


def in_the_middle(server, runs=10):
    wait_until(lambda: stored(server) >= runs, timeout=150, what=f"{runs} stored runs")


def health(stack):
    """How long it took, the HTTP status and the body."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/api/health", timeout=20) as answer:
            status, body = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        status, body = error.code, json.load(error)
    return time.monotonic() - began, status, body


def goes_on(server, before, seconds=10):
    """Runs are stored again soon."""
    wait_until(lambda: stored(server) > before, timeout=seconds, what="the next stored run")


def lines(stack, words):
    return [line for line in stack.log().splitlines() if words in line]


def assert_told_once(stack, outages=1):
    """A line for each task that fails, one at the end, and nothing each second."""
    for task in ("claim work", "store results", "give leases back", "say that this node lives"):
        told = lines(stack, f"cannot {task}")
        assert len(told) <= outages, told
        assert all("meanwhile=" in line and "error=" in line for line in told), told
    assert 1 <= len(lines(stack, "cannot ")), stack.log()
    over = wait_until(lambda: lines(stack, "the database answers again"), timeout=15, what="the end of the trouble")
    assert len(over) <= outages, over


def assert_whole(stack, server):
    def all_served():
        return int(server.sql("select count(*) from slots s where lease_token is not null or not exists "
                               "(select 1 from runs r where r.connection_id = s.connection_id and r.state = 'succeeded')")[0][0]) == 0
    wait_until(all_served, timeout=120, what="a run of every connection")
    held, truth = settle(stack, stack.users)
    # What a platform only says of the moment was asked for once, some time before: there it must be, and which it was is gone.
    truth |= {key: held[key] for key in truth if of_the_moment(key) and key in held}
    truth |= told_before(stack, held, truth)
    assert_same(held, truth)
    status = pathlib.Path(f"/proc/{stack.daemon.pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1])
    assert peak < MEMORY_KB, f"{peak} kB"
    stack.stop()


def test_who_has_nothing_to_do_sees_that_the_database_is_back(make, begin):
    server = make(Postgres)
    stack = begin(server.url(), users=0)
    server.stop("immediate")
    wait_until(lambda: lines(stack, "cannot claim work"), timeout=15, what="the news")
    server.start()
    wait_until(lambda: health(stack)[2]["services"]["database"]["status"] == "up", timeout=20, what="the end of it")
    assert lines(stack, "the database answers again")


def test_a_restart_in_the_middle(make, begin):
    server = make(Postgres)
    stack = begin(server.url())
    in_the_middle(server)
    server.stop("immediate")
    wait_until(lambda: lines(stack, "cannot "), timeout=15, what="the news")
    took, status, body = health(stack)
    assert took < 2.5 and status == 200 and body["status"] == "degraded", body
    assert body["services"]["database"]["status"] == "down"
    time.sleep(4)
    server.start()
    goes_on(server, stored(server))
    assert_told_once(stack)
    assert health(stack)[2]["services"]["database"]["status"] == "up"
    assert_whole(stack, server)


def test_a_server_that_hangs(make, begin):
    server = make(Postgres)
    stack = begin(server.url())
    in_the_middle(server)
    assert health(stack)[1] == 200
    with server.stopped():
        began = time.monotonic()
        seen = set()
        while time.monotonic() - began < 20:
            took, status, body = health(stack)
            assert took < 2.5 and status == 200, body
            seen.add((body["status"], body["services"]["database"]["status"]))
            time.sleep(1)
        assert ("degraded", "down") in seen
        assert health(stack)[2]["services"]["database"]["status"] == "down"
    goes_on(server, stored(server))
    assert_told_once(stack)
    assert_whole(stack, server)


def test_no_connection_left(make, begin):
    server = make(Postgres, max_connections=14)  # three of them for superusers
    stack = begin(server.url())
    in_the_middle(server)
    # The daemon loses its connections, and others are quicker.
    stack.daemon.send_signal(signal.SIGSTOP)
    server.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'tallyd%'")
    hogs = [server.begin("select pg_sleep(600)") for _ in range(11)]

    def none_left():
        # Who counts them takes a place meanwhile, and who comes then is refused: they come again.
        hogs[:] = [hog if hog.poll() is None else server.begin("select pg_sleep(600)") for hog in hogs]
        time.sleep(0.5)
        return server.sql("select count(*) from pg_stat_activity where query like '%pg_sleep(600)' and usename = 'tally'") == [["11"]]
    wait_until(none_left, what="no connection to be left")
    before = stored(server)
    stack.daemon.send_signal(signal.SIGCONT)
    wait_until(lambda: lines(stack, "cannot "), timeout=15, what="the news")
    time.sleep(5)
    assert health(stack)[2]["status"] == "degraded"
    assert stored(server) == before
    assert any("connection slots" in line or "too many" in line for line in lines(stack, "cannot ")), stack.log()
    for hog in hogs:
        hog.kill()
    server.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)' and usename = 'tally'")
    goes_on(server, before)
    assert_told_once(stack)
    assert_whole(stack, server)


@contextlib.contextmanager
def small_disk(directory, megabytes):
    options = f"size={megabytes}m,mode=0700,uid={pwd.getpwnam(ACCOUNT).pw_uid}"
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], check=False).returncode != 0:
        pytest.skip("needs root and mount")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True)
        directory.rmdir()


def test_a_full_disk(make, begin):
    with small_disk(make_directory(), 600) as disk:
        server = make(Postgres, tablespace=disk)
        stack = begin(server.url())
        in_the_middle(server)
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        wait_until(lambda: lines(stack, "cannot "), timeout=30, what="the news")
        assert "No space left on device" in stack.log()
        time.sleep(4)
        assert health(stack)[1] == 200
        before = stored(server)
        filler.unlink()
        goes_on(server, before)
        assert_told_once(stack)
        assert_whole(stack, server)
        server.stop()


def test_a_lock_that_others_hold(make, begin):
    server = make(Postgres)
    stack = begin(server.url())
    in_the_middle(server)
    holder = server.begin("begin; lock table slots in access exclusive mode; select pg_sleep(15); commit", user="postgres")
    while holder.poll() is None:
        took, status, body = health(stack)
        assert took < 2.5 and status == 200, body
        time.sleep(0.5)
    assert holder.returncode == 0
    goes_on(server, stored(server))
    for task in ("claim work", "store results", "say that this node lives"):
        assert len(lines(stack, f"cannot {task}")) <= 1, stack.log()
    assert_whole(stack, server)


def test_a_failover_to_a_standby(make, begin):
    first = make(Postgres, wal_level="replica")
    second = make(Postgres, of=first, hot_standby="on")
    # What the daemon was told to be stored is on both.
    first.sql("alter system set synchronous_standby_names = '*'")
    first.sql("select pg_reload_conf()")
    wait_until(lambda: first.sql("select sync_state from pg_stat_replication") == [["sync"]], what="the standby")
    stack = begin(f"postgresql://tally@127.0.0.1:{first.port},127.0.0.1:{second.port}/tally?target_session_attrs=read-write")
    in_the_middle(first)
    first.stop("immediate")
    second.promote()
    goes_on(second, stored(second))
    assert_told_once(stack)
    assert_whole(stack, second)


@pytest.mark.parametrize("settings, servers", [
    ({"pool_mode": "transaction"}, 1),
    ({"pool_mode": "transaction", "default_pool_size": 1}, 1),
    ({"pool_mode": "transaction"}, 4),
    ({"pool_mode": "transaction", "server_round_robin": 1}, 2),
    ({"pool_mode": "transaction", "server_round_robin": 1}, 4),
    ({"pool_mode": "statement"}, 1),
])
def test_behind_a_transaction_pooler_it_refuses_to_start(make, make_stack, settings, servers):
    server = make(Postgres)
    pooler = make(Pooler, server, **settings)
    # So many of its servers are idle then.
    clients = [subprocess.Popen(["psql", "-X", "-q", "-c", "select pg_sleep(2)", pooler.url], stdout=subprocess.DEVNULL) for _ in range(servers)]
    assert [client.wait(30) for client in clients] == [0] * servers
    assert server.sql("select count(*) from pg_stat_activity where usename = 'tally' and state = 'idle'") == [[str(servers)]]
    stack = make_stack()
    stack.write_config(f"database:\n  url: {pooler.url}\n")
    for program in (("tallyd", "--config", stack.config), ("tallyctl", "--config", stack.config, "db", "migrate")):
        done = subprocess.run([BIN / program[0], *program[1:]], capture_output=True, text=True, timeout=30, check=False, env=stack.environment())
        assert done.returncode == 78, done.stderr
        assert "transaction pooler" in done.stderr and "hint: " in done.stderr and "pool_mode=session" in done.stderr
    assert server.sql("select count(*) from pg_tables where schemaname = 'public'") == [["0"]]


def test_behind_a_session_pooler_it_works(make, begin):
    server = make(Postgres)
    stack = begin(make(Pooler, server, pool_mode="session", default_pool_size=20).url, users=3)
    assert_whole(stack, server)


def test_a_session_pooler_that_is_full_holds_nobody_up(make, make_stack):
    server = make(Postgres)
    pooler = make(Pooler, server, pool_mode="session", default_pool_size=1)
    stack = make_stack()
    stack.write_config(f"database:\n  url: {pooler.url}\n")
    done = subprocess.run([BIN / "tallyctl", "--config", stack.config, "db", "migrate"], capture_output=True, text=True, timeout=30, check=False,
                          env=stack.environment())
    assert done.returncode == 0, done.stderr
