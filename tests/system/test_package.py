# SPDX-License-Identifier: Apache-2.0
"""The life of an installation, in the order in which an operator meets it. Each test begins where the one before it ended."""
import json
import re
import secrets

from listeners import Mailbox, Webhook
from promtool import promtool
from stack import user, wait_until
from truth import assert_same, days_ago

CONFIG = "/etc/tally/tallyd.yaml"
STATE = "/var/lib/tally"
HOST_PORT = "127.0.0.1:18437"
PEOPLE = [user(n, "premium", ["youtube", "twitch", "instagram"]) for n in range(1, 9)]
BAD = "colect:\n  concurrency: 8\n"
# What settles on its own: whole days that are over, as far back as every platform is asked for.
FIRST, LAST = days_ago(20), days_ago(8)


def configure(machine, platforms, extra=""):
    machine.write(CONFIG, platforms.config(extra))


def secret_of_drop_in(machine, name, lines):
    machine.write(f"/etc/systemd/system/tallyd.service.d/{name}.conf", "[Service]\n" + lines + "\n")
    machine.run("systemctl", "daemon-reload")


def held(machine):
    rows = [line.split(",") for line in machine.out("tallyctl", "export", "--from", FIRST, "--to", LAST).splitlines()[1:]]
    result = {tuple(row[:6]): float(row[6]) for row in rows}
    assert len(result) == len(rows), "a key appears twice"
    return result


def truth(platforms, asked):
    """The oracle's rows of metrics that are collected at all."""
    rows = {}
    for who in PEOPLE:
        for connection in who["connections"]:
            rows |= platforms.oracle(who["id"], connection, FIRST, LAST)
    return {key: value for key, value in rows.items() if (key[1], key[4]) in asked}


def assert_nothing_lost(machine, platforms):
    rows = held(machine)
    assert rows
    assert_same(rows, truth(platforms, {(key[1], key[4]) for key in rows}))


def http(machine, path, secret=None, method="GET"):
    header = ["-H", f"X-Cron-Secret: {secret}"] if secret else []
    return machine.out("curl", "--silent", "--max-time", "60", "--output", "/dev/null", "--write-out", "%{http_code}", "-X", method, *header,
                       f"http://{HOST_PORT}{path}", check=False)


def test_installing_starts_nothing_and_makes_no_cluster(machine, package):
    machine.run("apt-get", "update", "-qq")
    machine.run("apt-get", "install", "-y", "--no-install-recommends", machine.copy(package), timeout=900)
    for unit in ("tallyd.service", "tallyd.socket"):
        assert machine.out("systemctl", "is-enabled", unit, check=False) == "disabled"
        assert not machine.active(unit)
    assert machine.out("pg_lsclusters", "-h") == ""
    assert not machine.exists("/etc/postgresql-common/createcluster.d/tally-install.conf")
    assert machine.out("id", "-gn", "tally") == "tally"
    assert machine.out("stat", "-c", "%U %G %a", STATE) == "tally tally 750"
    assert CONFIG in machine.out("dpkg-query", "-W", "-f", "${Conffiles}", "tally")
    assert machine.out("tallyctl", "platform", "check", "youtube", check=False) != ""
    machine.run("tallyctl", "config", "check")


def test_the_units_are_clean_and_locked_down(machine):
    verified = machine.run("systemd-analyze", "verify", "--man=no", "tallyd.service", "tallyd.socket")
    assert verified.stdout + verified.stderr == ""
    exposure = re.search(r"exposure level for tallyd.service: ([0-9.]+)", machine.out("systemd-analyze", "security", "--no-pager", "tallyd.service"))
    assert float(exposure[1]) <= 1.5


def test_starting_needs_no_configuration(machine):
    machine.run("systemctl", "start", "tallyd")
    assert machine.active() and machine.status_text() == "idle: no connection waits for a slot"
    assert machine.ctl_json("status")["database"]["kind"] == "private"
    assert machine.out("stat", "-c", "%U %G %a", "/run/tally/tallyd.sock") == "tally tally 660"
    assert machine.out("stat", "-c", "%U %G %a", f"{STATE}/vault.key") == "tally tally 600"
    limits = machine.out("cat", f"/proc/{machine.main_pid()}/limits")
    assert re.search(r"Max core file size\s+0\s+0", limits)
    # PostgreSQL has not inherited the way to the service manager.
    assert "reception only permitted" not in machine.log()


def test_the_group_may_use_it_and_nobody_else(machine):
    machine.run("useradd", "--groups", "tally", "alice")
    machine.run("useradd", "mallory")
    machine.ctl("status", user="alice")
    machine.ctl("export", user="alice")
    assert machine.ctl("status", user="mallory", check=False).returncode == 77
    assert machine.ctl("export", user="mallory", check=False).returncode in (69, 77)


def test_it_collects_and_says_so(machine, platforms):
    machine.write("/etc/tally/client-secret", "sim-secret\n", 0o644)
    configure(machine, platforms)
    machine.run("systemctl", "reload", "tallyd")
    lines = "\n".join(json.dumps(who) for who in PEOPLE)
    machine.ctl("user", "import", "-", stdin=lines + "\n")
    machine.ctl("run", "--wait")
    wait_until(lambda: "last run" in machine.status_text(), what="the status line")
    assert_nothing_lost(machine, platforms)


def test_the_journal_knows_whom_an_event_is_about(machine, platforms):
    configure(machine, platforms, "log:\n  level: debug\n")
    machine.run("systemctl", "reload", "tallyd")
    machine.ctl("run", "--wait", "--platform", "instagram")
    wait_until(lambda: machine.journal("TALLY_PLATFORM=instagram", "TALLY_USER=user-1"), what="an entry")
    entries = machine.journal("TALLY_PLATFORM=instagram")
    node = machine.out("cat", f"{STATE}/node")
    for entry in entries:
        assert entry["TALLY_NODE"] == node and entry["SYSLOG_IDENTIFIER"] == "tallyd"
        assert entry["_SYSTEMD_UNIT"] == "tallyd.service" and entry["MESSAGE"].count("\n") == 0
    collected = [entry for entry in entries if entry["MESSAGE"].startswith("collected")]
    assert collected and all(entry["TALLY_RUN"].isdigit() and entry["TALLY_ACCOUNT"] and entry["PRIORITY"] == "7" for entry in collected)
    everything = machine.out("journalctl", "--no-pager", "--output=json", "-u", "tallyd")
    assert "sim-secret" not in everything and "sim.instagram." not in everything


def test_a_bad_reload_changes_nothing_and_a_good_one_does(machine, platforms):
    configure(machine, platforms, BAD)
    refused = machine.run("systemctl", "reload", "tallyd", check=False)
    assert refused.returncode != 0 and machine.active()
    wait_until(lambda: "unknown key" in machine.log(), what="the reason in the journal")

    # Somebody else's signal: the daemon refuses by itself, is ready again and says so.
    machine.run("kill", "-HUP", machine.main_pid())
    wait_until(lambda: "reload was refused" in machine.status_text(), what="the status line")
    assert machine.active() and machine.show("SubState") == "running"
    assert any("colect" in entry.get("TALLY_ERROR", "") for entry in machine.journal("-u", "tallyd", "-p", "err"))

    configure(machine, platforms, "tiers:\n  gold:\n    every: 5m\n")
    machine.run("systemctl", "reload", "tallyd")
    wait_until(lambda: "refused" not in machine.status_text(), what="the status line")
    assert any(tier["name"] == "gold" for tier in machine.ctl_json("status")["tiers"])


def test_a_configuration_that_does_not_help_is_not_tried_again(machine, platforms):
    configure(machine, platforms, BAD)
    assert machine.run("systemctl", "restart", "tallyd", check=False).returncode != 0
    assert machine.show("ExecMainStatus") == "78" and machine.show("ActiveState") == "failed"
    assert any("hint" in entry["MESSAGE"] for entry in machine.journal("-u", "tallyd", "-p", "err"))
    configure(machine, platforms)
    machine.run("systemctl", "start", "tallyd")


def test_kill_9_loses_nothing(machine, platforms):
    restarts = machine.restarts()
    for _ in range(3):
        machine.ctl("run", "--from", FIRST, "--to", LAST)
        pid = machine.main_pid()
        machine.run("kill", "-KILL", pid)
        wait_until(lambda: machine.active() and machine.main_pid() not in (0, pid), what="the restart")
    assert machine.restarts() == restarts + 3
    wait_until(lambda: machine.ctl("run", "--wait", "--from", FIRST, "--to", LAST, check=False).returncode == 0, what="a whole run")
    assert_nothing_lost(machine, platforms)


def test_a_daemon_that_hangs_is_replaced(machine):
    secret_of_drop_in(machine, "watchdog", "WatchdogSec=6s")
    machine.run("systemctl", "restart", "tallyd")
    pid, restarts = machine.main_pid(), machine.restarts()
    machine.run("kill", "-STOP", pid)
    wait_until(lambda: machine.restarts() == restarts + 1 and machine.active(), timeout=90, what="the watchdog")
    assert machine.main_pid() != pid
    assert any("watchdog" in entry["MESSAGE"].lower() for entry in machine.journal("UNIT=tallyd.service"))
    machine.ctl("status")


def test_a_database_that_hangs_is_no_reason(machine):
    restarts = machine.restarts()
    postgres = machine.out("pgrep", "-u", "tally", "postgres").split()
    machine.run("kill", "-STOP", *postgres)
    wait_until(lambda: "no database for" in machine.status_text(), what="the status line")
    wait_until(lambda: int((re.search(r"no database for (?:\d+m)?(\d+)s", machine.status_text()) or [0, 0])[1]) >= 20, what="three watchdogs' time")
    assert machine.active() and machine.restarts() == restarts
    machine.run("kill", "-CONT", *postgres)
    wait_until(lambda: "no database" not in machine.status_text(), what="the database")
    assert machine.restarts() == restarts
    machine.ctl("run", "--wait", "--user", "user-1")


def test_credentials_are_rotated(machine, platforms):
    first, second = secrets.token_hex(16), secrets.token_hex(16)
    machine.write("/etc/systemd/system/tallyd.socket.d/port.conf", f"[Socket]\nListenStream=\nListenStream={HOST_PORT}\n")
    machine.write("/etc/credstore/cron-secret", first + "\n", 0o600)
    machine.run("systemctl", "daemon-reload")
    configure(machine, platforms, "api:\n  cron_secret: credential:cron-secret\n")
    machine.run("systemctl", "stop", "tallyd")
    machine.run("systemctl", "start", "tallyd.socket")
    assert not machine.active()
    assert http(machine, "/metrics", first) == "200"  # the first caller starts it
    assert machine.active() and http(machine, "/metrics") == "401" and http(machine, "/api/health") == "200"

    machine.write("/etc/credstore/cron-secret", second + "\n", 0o600)
    assert http(machine, "/metrics", first) == "200"
    machine.run("systemctl", "restart", "tallyd")
    assert (http(machine, "/metrics", first), http(machine, "/metrics", second)) == ("401", "200")


def test_what_the_page_of_metrics_says_is_understood(machine, tmp_path):
    page = machine.out("curl", "-sS", "--fail", "--unix-socket", "/run/tally/tallyd.sock", "http://tallyd/metrics")
    assert promtool("check", "metrics", input=page + "\n") == "" and "tally_users" in page
    rules = tmp_path / "tally.rules.yml"
    rules.write_text(machine.out("cat", "/usr/share/tally/prometheus/tally.rules.yml") + "\n")
    promtool("check", "rules", rules)


def test_alerts_arrive_by_mail_and_webhook(machine, platforms):
    webhook = Webhook()
    machine.write("/etc/credstore/hook", webhook.url + "\n", 0o600)
    with Mailbox().listening() as mailbox:
        configure(machine, platforms, f"""
alerts: {{ channels: {{ hook: {{ webhook: "credential:hook", format: plain }}, ops: {{ email: ops@example.com }} }} }}
smtp: {{ url: "smtp://127.0.0.1:{mailbox.port}", from: tally@example.com }}
""")
        secret_of_drop_in(machine, "hook", "LoadCredential=hook:/etc/credstore/hook")
        machine.run("systemctl", "restart", "tallyd")
        assert machine.ctl("alert", "test").stdout.splitlines() == ["hook: delivered", "ops: delivered"]
        assert webhook.bodies[0]["reason"] == "test" and mailbox.mails[0][1] == ["ops@example.com"]
    assert "very-secret" not in machine.out("journalctl", "--no-pager", "--output=json", "-u", "tallyd")


def test_the_vault_key_may_be_an_encrypted_credential(machine, platforms):
    key = machine.out("cat", f"{STATE}/vault.key")
    sealed = machine.out("systemd-creds", "encrypt", "--with-key=host", "--name=vault-key", "--pretty", "-", "-", stdin=key)
    secret_of_drop_in(machine, "vault", "LoadCredential=\n" + sealed + "\nLoadCredential=cron-secret")
    configure(machine, platforms, "api:\n  cron_secret: credential:cron-secret\nvault:\n  key: credential:vault-key\n")
    machine.run("systemctl", "restart", "tallyd")
    machine.run("mv", f"{STATE}/vault.key", "/root/vault.key")
    machine.run("systemctl", "restart", "tallyd")
    machine.ctl("run", "--wait", "--user", "user-2")  # the tokens open
    assert not machine.exists(f"{STATE}/vault.key")
    assert key not in machine.out("systemctl", "show", "tallyd")


def test_an_upgrade_restarts_what_runs_and_starts_nothing(machine, platforms, newer_package):
    pid = machine.main_pid()
    file = machine.copy(newer_package)
    refused = machine.run("sh", "-c", f"for i in $(seq 200); do curl -s -o /dev/null --max-time 30 http://{HOST_PORT}/api/health || echo refused $?; done & "
                          f"apt-get install -y {file} >/dev/null && wait", timeout=600)
    assert "refused" not in refused.stdout, refused.stdout + machine.log()
    assert machine.out("dpkg-query", "-W", "-f", "${Version}", "tally").endswith("+test1")
    wait_until(lambda: machine.active() and machine.main_pid() not in (0, pid), what="the restart")
    assert_nothing_lost(machine, platforms)

    machine.run("systemctl", "stop", "tallyd.socket", "tallyd.service")
    machine.run("dpkg", "-i", file)
    assert not machine.active() and not machine.active("tallyd.socket")
    machine.run("systemctl", "start", "tallyd.socket", "tallyd.service")


def test_removing_keeps_the_numbers_and_purging_takes_them(machine):
    machine.run("apt-get", "remove", "-y", "tally")
    assert machine.run("pgrep", "-u", "tally", check=False).stdout == ""
    assert not machine.exists("/lib/systemd/system/tallyd.service") and not machine.exists("/usr/sbin/tallyd")
    assert machine.exists(f"{STATE}/postgres/data/PG_VERSION") and machine.exists(CONFIG)
    machine.write("/etc/tally/platforms/mine.yaml", "name: mine\n")
    machine.run("apt-get", "purge", "-y", "tally")
    assert not machine.exists(STATE) and not machine.exists(CONFIG)
    assert machine.exists("/etc/tally/platforms/mine.yaml")
    machine.run("id", "tally")
