# SPDX-License-Identifier: Apache-2.0
"""A database that somebody else runs, whose pg_cron is the clock of a tier."""
import pytest

from servers import Postgres
from stack import ROOT, user, wait_until

TIERS = "tiers:\n  outside:\n    cron: external\n"
CONNECTIONS = ("youtube", "twitch", "instagram")


def prepare(server):
    """As the DBA does it."""
    return server.run("-f", ROOT / "sql/pg_cron.sql")


@pytest.fixture
def served(make_stack):
    """A daemon on such a server, and one user whose tier waits for it."""
    stack = make_stack()
    server = Postgres(shared_preload_libraries="pg_cron", **{"cron.database_name": "tally", "cron.use_background_workers": "on"})
    server.sql("alter role tally superuser")
    server.user = "tally"
    try:
        stack.write_config(f"database:\n  url: {server.url()}\n{TIERS}")
        stack.start()
        prepare(server)
        stack.import_users([user(1, tier="outside", platforms=CONNECTIONS)])
        # A new connection is collected at once, whatever its tier.
        wait_until(lambda: server.value("SELECT count(*) FROM runs") == "3", what="the first runs")
        wait_until(lambda: server.value("SELECT bool_and(lease_node IS NULL) FROM slots") == "t", what="the end of the first runs")
        yield stack, server
        stack.stop()
    finally:
        server.close()


def wait_for_slots(server, count):
    wait_until(lambda: server.value("SELECT count(*) FROM runs WHERE slot_at IS NOT NULL") == str(count), what=f"{count} slots")


def test_the_file_of_the_dba_can_be_run_again(served):
    _, server = served
    jobs = server.sql("SELECT jobname, schedule, command, database, username FROM cron.job ORDER BY jobname")
    assert jobs == [["tally free", "0 2 * * *", "SELECT public.tally_trigger('free', '4 hours')", "tally", "tally"],
                    ["tally premium", "*/15 * * * *", "SELECT public.tally_trigger('premium')", "tally", "tally"]]
    server.sql("SELECT cron.schedule('tally free', '0 3 * * *', 'SELECT public.tally_trigger(''free'')')")
    prepare(server)
    assert server.sql("SELECT schedule FROM cron.job ORDER BY jobname") == [["0 3 * * *"], ["*/15 * * * *"]], "ours to change"
    assert server.value("SELECT proowner::regrole FROM pg_proc WHERE proname = 'tally_trigger'") == "tally_admin"
    refused = server.run("-c", "SET ROLE tally_collector", "-c", "SELECT tally_trigger()", check=False)
    assert "permission denied for function tally_trigger" in refused.stderr
    refused = server.run("-c", "SELECT tally_trigger(spread => '-1 s')", check=False)
    assert "must not be negative" in refused.stderr

    # In a cluster whose pg_cron lives elsewhere it says what to run there.
    server.sql("CREATE DATABASE other TEMPLATE template0")
    server.run("-c", "CREATE TABLE slots (); CREATE TABLE connections (); CREATE TABLE users ()", database="other")
    told = server.run("-f", ROOT / "sql/pg_cron.sql", database="other").stderr
    assert "cron.schedule_in_database('tally premium', '*/15 * * * *', " in told and "'other');" in told


def test_slots_come_from_tally_trigger_and_from_nowhere_else(served):
    stack, server = served
    assert server.value("SELECT count(*) FROM slots WHERE slot_at = 'infinity' AND collect_at = 'infinity'") == "3"
    tier = next(tier for tier in stack.ctl_json("status")["tiers"] if tier["name"] == "outside")
    assert tier["schedule"] == "cron external" and tier["next_slot"] is None
    assert "slots come from outside: tally_trigger()" in stack.ctl("schedule", "preview", "outside").stderr
    assert stack.ctl_json("schedule", "preview", "outside")["slots"] == []
    why = stack.ctl("why", "user-1", "youtube").stdout
    assert "it has no slot until tally_trigger() makes one (tier outside, cron external)" in why

    assert server.value("SELECT tally_trigger('outside')") == "3"
    wait_for_slots(server, 3)
    assert server.value("SELECT count(DISTINCT slot_at) FROM runs") == "1"
    assert server.value("SELECT count(DISTINCT connection_id) FROM runs WHERE slot_at IS NOT NULL") == "3"
    wait_until(lambda: server.value("SELECT bool_and(slot_at = 'infinity') FROM slots") == "t", what="the end of the runs")

    assert server.value("SELECT tally_trigger('premium')") == "0"
    assert server.value("SELECT tally_trigger('outside', '1 hour')") == "3"
    places = "SELECT connection_id, slot_at FROM slots ORDER BY connection_id"
    before = server.sql(places)
    assert server.value("SELECT bool_and(slot_at BETWEEN now() AND now() + interval '1 hour') FROM slots") == "t"
    assert len({place for _, place in before}) == 3
    assert server.value("SELECT tally_trigger('outside', '1 hour')") == "0", "the slots that wait stand for this firing too"
    assert server.sql(places) == before
    stack.ctl("connection", "pause", "user-1", "twitch")
    assert server.value("SELECT tally_trigger()") == "2", "all tiers; nothing of who is paused"
    wait_for_slots(server, 5)
    assert server.value("SELECT count(*) FROM slot_exceptions") == "0"

    # Runs by hand go on as always, and serve no slot.
    stack.collect("--user", "user-1", "--platform", "youtube")
    assert server.value("SELECT count(*) FROM runs WHERE trigger = 'manual' AND slot_at IS NULL") == "1"
    assert server.value("SELECT count(*) FROM slots WHERE slot_at = 'infinity'") == "2"

    # To another tier and back: its own schedule stands in, then nothing does.
    stack.ctl("user", "set", "user-1", "--tier", "premium")
    assert server.value("SELECT count(*) FROM slots s JOIN connections USING (connection_id) WHERE state = 'active'"
                        " AND s.collect_at = s.slot_at AND s.slot_at < now() + interval '1 hour'") == "2"
    stack.ctl("user", "set", "user-1", "--tier", "outside")
    assert server.value("SELECT count(*) FROM slots s JOIN connections USING (connection_id) WHERE state = 'active'"
                        " AND s.collect_at = s.slot_at AND s.slot_at = 'infinity'") == "2"


def test_pg_cron_fires_and_each_firing_is_one_run_of_each_connection(served):
    _, server = served
    job = server.value("SELECT cron.schedule('tally outside', '* * * * *', $$SELECT tally_trigger('outside')$$)")
    wait_until(lambda: server.value("SELECT count(*) FROM runs WHERE slot_at IS NOT NULL") == "6", timeout=150, step=0.5,
               what="two firings")
    server.sql(f"SELECT cron.unschedule({job})")
    firings = server.value(f"SELECT count(*) FROM cron.job_run_details WHERE jobid = {job} AND status = 'succeeded'")
    slots = server.sql("SELECT slot_at, count(*), count(DISTINCT connection_id)"
                       " FROM runs WHERE slot_at IS NOT NULL GROUP BY slot_at ORDER BY slot_at")
    assert firings == "2" and [slot[1:] for slot in slots] == [["3", "3"], ["3", "3"]], slots
    # The slots are the moments of the firings.
    assert server.value("SELECT bool_and(EXISTS (SELECT 1 FROM cron.job_run_details d WHERE r.slot_at BETWEEN d.start_time"
                        " - interval '1 s' AND d.end_time)) FROM runs r WHERE slot_at IS NOT NULL") == "t"
    assert server.value("SELECT count(*) FROM slot_exceptions") == "0"
