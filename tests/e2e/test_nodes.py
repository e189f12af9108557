# SPDX-License-Identifier: Apache-2.0
"""Several daemons on one database: clocks that differ, and releases that differ."""
import subprocess

import pytest

from cluster import Cluster
from stack import BIN, user, wait_until
from truth import assert_same, known, of_the_moment, settle

TIERS = """
tiers:
  often: { every: 1m }
collect: { concurrency: 2 }  # so that there is work for both
"""


@pytest.fixture
def cluster():
    cluster = Cluster(config=TIERS)
    yield cluster
    cluster.close()


def test_clocks_that_differ_do_no_harm(cluster):
    slow, fast = cluster.nodes
    slow.start()
    fast.start(clock="+7300s")
    assert int(subprocess.run(["date", "+%s"], env=fast.environment, capture_output=True, text=True, check=True).stdout) > 7200 + int(
        subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout), "its clock is right"
    users = [user(n, tier="often", platforms=["youtube", "twitch", "instagram"]) for n in range(1, 5)]
    for platform in ("youtube", "twitch", "instagram"):  # a node alone would be done before the other one looks
        cluster.control("fault", platform=platform, kind="slow", slow_ms=100)
    cluster.import_users(users)

    def both_worked():
        counts = dict(cluster.sql("select node, count(*) from runs where trigger = 'schedule' group by node"))
        return len(counts) == 2 and min(map(int, counts.values())) >= 3

    wait_until(both_worked, timeout=180, what="three runs of each node")
    # `finished_at` is the database's clock; nobody served a slot before its time, twice, or late.
    assert cluster.sql("select node, slot_at, started_at, finished_at from runs where slot_at is not null and"
                       " (started_at < slot_at or abs(extract(epoch from finished_at - started_at)) > 15)") == []
    assert cluster.sql("select connection_id, slot_at from runs where state = 'succeeded' and slot_at is not null"
                       " group by 1, 2 having count(*) > 1") == []
    assert cluster.sql("select * from slot_exceptions") == []
    for node in (fast, slow):
        shown = cluster.ctl_json("status", node=node)
        assert [n["alive"] for n in shown["nodes"]] == [True, True]
        assert shown["backlog"]["late_seconds"] < 10
    cluster.control("fault", method="DELETE")
    held, truth = settle(cluster, users)
    # What a platform only says of the moment may be that of an earlier quarter of an hour; days are the same for both clocks.
    days = {key: value for key, value in truth.items() if not of_the_moment(key)}
    assert_same({key: value for key, value in known(held, truth).items() if not of_the_moment(key)}, days)


def test_a_newer_release_has_changed_the_schema(cluster):
    node, other = cluster.nodes
    node.start()
    users = [user(n, tier="often", platforms=["youtube"]) for n in range(1, 3)]
    cluster.control("fault", platform="youtube", kind="slow", slow_ms=1500)
    cluster.import_users(users)
    wait_until(lambda: len(cluster.leases()) == len(users), what="every run under way")
    cluster.sql("insert into schema_migrations (version, name, checksum) select 9999, 'of the next release', checksum from schema_migrations limit 1")
    # What runs is finished, nothing new begins, and the supervisor does not start it again and again.
    assert node.process.wait(40) == 78
    assert "9999" in node.log() and "Install the release" in node.log(), node.log()
    assert cluster.leases() == {}
    assert cluster.sql("select distinct state, connection_id from runs order by 2") == [["succeeded", str(n)] for n in (1, 2)]
    done = subprocess.run([BIN / "tallyd", "--config", other.config], env=cluster.environment(), capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 78 and "9999" in done.stderr and "hint: Install the release" in done.stderr, done.stderr
