# SPDX-License-Identifier: Apache-2.0
"""tallyctl doctor where things are broken: it names what, says what to do, and goes on with the rest."""
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess

import pytest

from servers import Pooler, Postgres
from stack import BIN, ROOT, faketime, user, wait_until

CHECKS = ["configuration", "platform files", "secrets", "apps", "state directory", "vault key", "socket", "daemon", "attention", "database",
          "sessions", "schema", "roles", "reader", "partitions", "connections", "clock", "time zones", "certificates", "disk space"]
# This machine's clock may be kept by nobody, and its disk nearly full.
MACHINE = {"clock", "disk space"}


def examine(stack, before=(), **settings):
    """{check: finding} and the exit code, which must fit."""
    done = subprocess.run([*before, BIN / "tallyctl", "--config", stack.client_config, "--output", "json", "doctor"], capture_output=True,
                          text=True, timeout=60, check=False, **({"env": stack.environment()} | settings))
    findings = json.loads(done.stdout)
    for finding in findings:
        assert set(finding) == {"check", "state", "message", "remedy"}
        assert finding["state"] in ("ok", "warning", "failed", "skipped") and finding["message"]
        assert (finding["remedy"] is None) == (finding["state"] == "ok"), finding
        assert "\n" not in finding["message"]
    assert [finding["check"] for finding in findings if finding["check"] != "database disk"] == CHECKS
    assert done.returncode == (1 if any(finding["state"] == "failed" for finding in findings) else 0)
    return {finding["check"]: finding for finding in findings}


def not_ok(findings):
    return {check: finding["state"] for check, finding in findings.items() if finding["state"] != "ok" and check not in MACHINE}


@pytest.fixture
def make_stack(make_stack):
    """Daemon and doctor read the same configuration; what a test changes of it the daemon has not read yet."""
    def make():
        stack = make_stack()
        stack.client_config = stack.config
        return stack
    return make


@pytest.fixture
def server(request):
    one = Postgres()
    request.addfinalizer(one.close)
    return one


@pytest.fixture
def with_server(server, make_stack):
    """A daemon with a database beside it, and both."""
    stack = make_stack()
    stack.write_config(f"database:\n  url: {server.url()}\n")
    return stack.start(), server


def partitions_made(stack):
    """The first duty of a new database."""
    wait_until(lambda: examine(stack)["partitions"]["state"] == "ok", what="the partitions")


def test_all_is_well(stack):
    partitions_made(stack)
    assert not_ok(examine(stack)) == {}
    stack.import_users([user(1)])
    stack.collect()
    findings = examine(stack)
    assert not_ok(findings) == {}
    assert "opens the tokens" in findings["vault key"]["message"] and "6, none waits" in findings["connections"]["message"]
    text = stack.ctl("doctor")
    assert re.findall(r"^(?:ok|warning) +(\w+(?: \w+)*)  ", text.stdout, re.MULTILINE) == list(findings)
    assert re.search(r"\d+ ok, \d+ warnings, 0 failed, 0 skipped", text.stderr)


def test_a_broken_configuration_hides_nothing_else(make_stack):
    stack = make_stack()
    stack.client_config.write_text("collect:\n  concurency: 8\n")
    findings = examine(stack)
    assert findings["configuration"]["state"] == "failed" and "concurency" in findings["configuration"]["message"]
    assert "'concurrency'" in findings["configuration"]["remedy"]
    assert {findings[check]["state"] for check in ("secrets", "state directory", "vault key", "database", "schema", "connections")} == {"skipped"}
    assert {findings[check]["state"] for check in ("platform files", "time zones", "certificates")} == {"ok"}


def test_a_broken_platform_file(stack):
    (stack.dir / "platforms").mkdir()
    (stack.dir / "platforms/youtube.yaml").write_text("platform: youtube\nreqests: []\n")
    findings = examine(stack)
    assert findings["platform files"]["state"] == "failed" and "youtube.yaml:" in findings["platform files"]["message"]
    assert findings["daemon"]["state"] == "ok" and findings["database"]["state"] == "ok"


def test_the_daemon_is_down(stack):
    stack.import_users([user(1, platforms=("youtube",))])
    stack.stop()
    findings = examine(stack)
    assert findings["daemon"]["state"] == "failed" and "systemctl start" in findings["daemon"]["remedy"]
    assert findings["database"]["state"] == "skipped" and "while tallyd does" in findings["database"]["message"]
    assert not_ok(findings).keys() == {"socket", "daemon", "attention", "database", "sessions", "schema", "roles", "reader", "partitions",
                                       "connections"}


def test_nothing_is_there_yet(make_stack):
    findings = examine(make_stack())
    assert findings["state directory"]["state"] == "warning" and "not there" in findings["state directory"]["message"]
    assert findings["vault key"]["state"] == "ok"


def test_secrets(stack):
    secret = stack.dir / "client-secret"
    os.chmod(secret, 0o644)
    findings = examine(stack)
    assert findings["secrets"]["state"] == "warning" and f"chmod o-rwx {secret}" in findings["secrets"]["remedy"]
    secret.unlink()
    findings = examine(stack)
    assert findings["secrets"]["state"] == "failed" and str(secret) in findings["secrets"]["message"]
    stack.client_config.write_text(stack.client_config.read_text().replace(f"file:{secret}", "credential:client"))
    findings = examine(stack)
    assert findings["secrets"]["state"] == "skipped" and "credential:client" in findings["secrets"]["message"]


def test_an_app_that_is_missing(stack):
    stack.import_users([user(1, platforms=("twitch", "youtube"))])
    whole = stack.client_config.read_text()
    stack.client_config.write_text(re.sub(r"(  youtube:\n    base_url: .*\n)    client_id: sim-app\n", r"\1", whole))
    findings = examine(stack)
    assert findings["apps"]["state"] == "warning" and "platforms.youtube.client_id" in findings["apps"]["remedy"]
    stack.client_config.write_text(re.sub(r"(  twitch:\n    base_url: .*\n)    client_id: sim-app\n", r"\1", whole))
    findings = examine(stack)
    assert findings["apps"]["state"] == "failed" and "platforms.twitch.client_id" in findings["apps"]["remedy"]


def test_the_vault_key(stack):
    stack.import_users([user(1, platforms=("youtube",))])
    key = stack.dir / "state/vault.key"
    good = key.read_text()
    os.chmod(key, 0o644)
    found = examine(stack)["vault key"]
    assert found["state"] == "failed" and "chmod 600" in found["remedy"]
    os.chmod(key, 0o600)
    for content, words in ((secrets.token_hex(32) + "\n", "does not open the tokens"), ("nonsense\n", "holds no key"), ("", "empty")):
        key.write_text(content)
        found = examine(stack)["vault key"]
        assert found["state"] == "failed" and words in found["message"], found
    key.unlink()
    found = examine(stack)["vault key"]
    assert found["state"] == "failed" and "is not there" in found["message"]
    key.write_text(good)
    os.chmod(key, 0o600)
    assert examine(stack)["vault key"]["state"] == "ok"
    if os.getuid() == 0:
        shutil.chown(key, "nobody")
        found = examine(stack)["vault key"]
        assert found["state"] == "failed" and "belongs to nobody" in found["message"] and "chown root" in found["remedy"]


def test_files_that_are_open_to_everybody(stack):
    os.chmod(stack.dir / "state", 0o777)
    os.chmod(stack.dir / "state/tallyd.sock", 0o666)
    findings = examine(stack)
    assert findings["state directory"]["state"] == "failed" and "chmod o-w" in findings["state directory"]["remedy"]
    assert findings["socket"]["state"] == "failed"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_somebody_without_privileges_is_told_what_cannot_be_seen(stack):
    nobody = pwd.getpwnam("nobody")
    if subprocess.run(["/usr/bin/test", "-x", BIN / "tallyctl"], user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], check=False).returncode:
        pytest.skip("others may not enter the directory of the source tree")
    for readable in (stack.client_config, stack.dir / "state"):
        os.chmod(readable, 0o755)
    findings = examine(stack, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
    assert {findings[check]["state"] for check in ("secrets", "vault key", "daemon", "roles")} == {"skipped"}
    assert {findings[check]["state"] for check in ("configuration", "platform files", "time zones", "certificates")} == {"ok"}
    assert "failed" not in not_ok(findings).values()


def test_the_database_does_not_answer(with_server):
    stack, server = with_server
    server.stop()
    findings = examine(stack)
    assert findings["database"]["state"] == "failed" and str(server.port) in findings["database"]["message"]
    assert findings["daemon"]["state"] == "failed" and findings["daemon"]["message"].startswith("runs, and is not well")
    assert {findings[check]["state"] for check in ("sessions", "schema", "roles", "partitions", "connections")} == {"skipped"}
    assert findings["vault key"]["state"] == "ok" and "could not be tried" in findings["vault key"]["message"]


def test_a_password_is_never_shown(make_stack):
    stack = make_stack()
    stack.write_config("database:\n  url: postgresql://tally:hunter2@127.0.0.1:1/tally\n")
    findings = examine(stack)
    assert findings["database"]["state"] == "failed" and "hunter2" not in json.dumps(findings)


def test_the_schema(with_server):
    stack, server = with_server
    server.sql("insert into schema_migrations (version, name, checksum) values (9999, 'from_the_future', 'x')")
    findings = examine(stack)
    assert findings["schema"]["state"] == "failed" and "9999" in findings["schema"]["message"]
    server.sql("delete from schema_migrations where version = 9999; update schema_migrations set checksum = 'x' where version = 2")
    assert "differs" in examine(stack)["schema"]["message"]


def test_an_empty_database(server, make_stack):
    stack = make_stack()
    stack.write_config(f"database:\n  url: {server.url()}\n  migrate: check\n")
    findings = examine(stack)
    assert findings["database"]["state"] == "ok" and findings["schema"]["state"] == "failed"
    assert "tallyctl db migrate" in findings["schema"]["remedy"]
    assert findings["roles"]["state"] == "failed" and "tally_admin" in findings["roles"]["message"]
    assert findings["partitions"]["state"] == "skipped"


def test_roles_and_partitions(with_server):
    stack, server = with_server
    partitions_made(stack)
    assert {examine(stack)[check]["state"] for check in ("roles", "partitions", "reader", "sessions")} == {"ok"}
    server.sql("revoke insert on runs from tally_collector; grant select on user_keys to tally_reader")
    findings = examine(stack)
    assert findings["roles"]["state"] == "failed" and "GRANT INSERT ON runs TO tally_collector" in findings["roles"]["remedy"]
    server.sql("grant insert on runs to tally_collector")
    findings = examine(stack)
    assert findings["roles"]["state"] == "warning" and "user_keys" in findings["roles"]["message"]
    server.sql("revoke tally_admin from tally")
    findings = examine(stack)
    assert findings["roles"]["state"] == "failed" and "tally_admin" in findings["roles"]["message"]
    server.sql("grant tally_admin to tally; revoke select on user_keys from tally_reader")
    month = server.value("select to_char(date_trunc('month', now() at time zone 'UTC') + interval '1 month', '\"analytics_snapshots_\"YYYY_MM')")
    server.sql(f"drop table {month}")
    findings = examine(stack)
    assert findings["partitions"]["state"] == "warning" and month in findings["partitions"]["message"]


def test_a_reader_that_may_not_read(with_server):
    stack, server = with_server
    server.sql("create role stranger login")
    stack.client_config.write_text(stack.client_config.read_text().replace(
        "database:\n", f"database:\n  reader_url: postgresql://stranger@127.0.0.1:{server.port}/tally\n"))
    findings = examine(stack)
    assert findings["reader"]["state"] == "failed" and "permission denied" in findings["reader"]["message"]
    assert findings["database"]["state"] == "ok"


def test_a_transaction_pooler(with_server, request):
    stack, server = with_server
    pooler = Pooler(server, pool_mode="transaction")
    request.addfinalizer(pooler.close)
    stack.client_config.write_text(stack.client_config.read_text().replace(server.url(), pooler.url))
    findings = examine(stack)
    assert findings["sessions"]["state"] == "failed" and "pool_mode=session" in findings["sessions"]["remedy"]


def test_a_standby(with_server, request):
    stack, server = with_server
    standby = Postgres(of=server)
    request.addfinalizer(standby.close)
    stack.client_config.write_text(stack.client_config.read_text().replace(server.url(), standby.url()))
    findings = examine(stack)
    assert findings["database"]["state"] == "failed" and "standby" in findings["database"]["message"]


def without_refresh(platform_file):
    """A platform that gives nothing to renew a token with."""
    lines, hidden = [], None
    for line in platform_file.splitlines():
        indent = len(line) - len(line.lstrip())
        if hidden is not None and line.strip() and indent <= hidden:
            hidden = None
        if line.strip() == "refresh:":
            hidden = indent
        if hidden is None:
            lines.append(line)
    return "\n".join(lines) + "\n"


def test_connections_that_need_a_person(with_server):
    stack, server = with_server
    stack.import_users([user(1), user(2)])
    stack.ctl("run", "--wait", check=False)
    server.sql("update connections set state = 'needs_authorization', state_reason = 'expired' where user_id = 'user-1' and platform = 'youtube';"
               "update connections set expires_at = now() - interval '1 hour' where user_id = 'user-2' and platform = 'twitch'")
    findings = examine(stack)
    assert findings["connections"]["state"] == "warning"
    assert findings["connections"]["message"].endswith(": 1 needs authorization")  # Twitch's is renewed when it is wanted
    (stack.dir / "platforms").mkdir()
    (stack.dir / "platforms/twitch.yaml").write_text(without_refresh((ROOT / "etc/platforms/twitch.yaml").read_text()))
    findings = examine(stack)
    assert "1 needs authorization, 1 has an expired token" in findings["connections"]["message"]
    assert findings["attention"]["state"] == "warning" and "user-1 youtube" in findings["attention"]["message"]


@pytest.mark.parametrize("shift, state", [("-1h", "failed"), ("+10s", "warning")])
def test_a_clock_that_is_wrong(with_server, shift, state):
    stack, _ = with_server
    found = examine(stack, env=stack.environment() | faketime(FAKETIME=shift))["clock"]
    assert found["state"] == state and "of the database" in found["message"] and "timedatectl" in found["remedy"]


def in_other_mounts(*targets, size="8m"):
    """A prefix that hides directories behind empty ones, for one program."""
    mounts = "; ".join(f"mount -t tmpfs -o size={size} none {target}" for target in targets)
    before = ["unshare", "--mount", "sh", "-ec", f"{mounts}; exec \"$@\"", "sh"]
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mounts of our own here")
    return before


def test_a_machine_without_time_zones_and_certificates(stack):
    findings = examine(stack, before=in_other_mounts("/usr/share/zoneinfo", "/etc/ssl/certs"))
    assert findings["certificates"]["state"] == "failed" and "ca-certificates" in findings["certificates"]["remedy"]
    assert findings["time zones"]["state"] == "failed" and "tzdata" in findings["time zones"]["remedy"]


def test_a_full_disk(make_stack):
    stack = make_stack()
    (stack.dir / "state").mkdir()
    findings = examine(stack, before=in_other_mounts(stack.dir / "state"))
    assert findings["disk space"]["state"] == "failed" and "Make room" in findings["disk space"]["remedy"]


def test_a_reload_that_was_refused_and_another_configuration(stack):
    whole = stack.config.read_text()
    stack.config.write_text(whole + "collect:\n  concurency: 8\n")
    stack.daemon.send_signal(signal.SIGHUP)
    other = stack.dir / "other.yaml"
    other.write_text(whole)
    stack.client_config = other
    wait_until(lambda: "reload was refused" in examine(stack)["daemon"]["message"], what="the refused reload")
    stack.config.write_text(whole)
    stack.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload was refused" not in examine(stack)["daemon"]["message"], what="the good reload")
    found = examine(stack)["daemon"]
    assert found["state"] == "warning" and "other.yaml" in found["message"]
