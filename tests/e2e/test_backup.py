# SPDX-License-Identifier: Apache-2.0
"""tally(7), BACKUP AND RESTORE, done word by word: with the key, and when it is lost."""
import json
import os
import shutil
import subprocess

import pytest

from manual import literals, section
from servers import BINARIES, Postgres
from stack import BIN, ROOT, user, wait_until


def follow(text, stack, where, **environment):
    """Does what the manual says, on a stack in place of a machine."""
    owner = (stack.dir / "state/postgres").owner() if (stack.dir / "state/postgres").exists() else None
    lines = []

    def shell():
        script = "\n".join(lines)
        lines.clear()
        if not script.strip():
            return
        for told, here in (("/var/lib/tally", f"{stack.dir}/state"), ("/usr/share/tally/roles.sql", str(ROOT / "sql/roles.sql")),
                           ("/usr/lib/postgresql/15/bin", str(BINARIES)), ("tallyctl ", f"{BIN}/tallyctl --config {stack.client_config} "),
                           ("runuser -u tally -- ", f"runuser -u {owner} -- " if os.getuid() == 0 else "")):
            script = script.replace(told, here)
        done = subprocess.run(["bash", "-eu", "-c", script], cwd=where, capture_output=True, text=True, timeout=120, check=False,
                              env=stack.environment() | environment)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"

    for line in text.splitlines():
        if not line.startswith("systemctl "):
            lines.append(line)
            continue
        shell()
        _, verb, _ = line.split()
        if verb in ("stop", "restart"):
            stack.stop()
        if verb in ("start", "restart"):
            stack.start()
        owner = (stack.dir / "state/postgres").owner() if (stack.dir / "state/postgres").exists() else None
    shell()


def finding(stack, check):
    return next(found for found in json.loads(stack.ctl("--output", "json", "doctor", check=False).stdout) if found["check"] == check)


def alerts(stack):
    return {alert["kind"] for alert in stack.ctl_json("alert", "list")}


def tokens_work(stack):
    """Collects once more, which opens every token."""
    stack.collect()
    assert finding(stack, "vault key")["state"] == "ok"
    assert "vault_key" not in alerts(stack)


@pytest.fixture
def saved(stack, tmp_path):
    """A stack with numbers, and its backup."""
    os.chmod(tmp_path, 0o755)
    stack.import_users([user(1), user(2, tier="free", platforms=("youtube", "twitch"))])
    stack.collect()
    backup, _ = literals(section("tally.7", "The private database", of="Ss"))
    follow(backup, stack, tmp_path)
    return stack


def test_the_private_database_comes_back_on_another_machine(saved, make_stack, tmp_path):
    held = saved.snapshots()
    saved.stop()
    fresh = make_stack()
    _, restore = literals(section("tally.7", "The private database", of="Ss"))
    follow(restore, fresh, tmp_path)
    assert fresh.snapshots() == held and held
    assert {u["id"] for u in fresh.ctl_json("user", "list")} == {"user-1", "user-2"}
    tokens_work(fresh)


def test_the_private_database_comes_back_on_the_same_machine(saved, tmp_path):
    held = saved.snapshots()
    saved.ctl("user", "remove", "user-2")
    saved.stop()
    _, restore = literals(section("tally.7", "The private database", of="Ss"))
    follow(restore, saved, tmp_path)
    assert saved.snapshots().keys() >= held.keys()
    assert {u["id"] for u in saved.ctl_json("user", "list")} == {"user-1", "user-2"}
    tokens_work(saved)


def test_without_the_key_it_says_so_and_goes_on_with_new_tokens(saved, make_stack, tmp_path):
    held = saved.snapshots()
    saved.stop()
    fresh = make_stack()
    _, restore = literals(section("tally.7", "The private database", of="Ss"))
    without_key = "".join(line + "\n" for line in restore.splitlines()
                          if not line.startswith(("install ", "chown ", "tallyctl doctor")))
    assert without_key.count("\n") == restore.count("\n") - 3
    follow(without_key, fresh, tmp_path)

    # It runs, and everything says what is wrong and where to read on.
    assert "does not open the tokens" in fresh.log() and "tally(7)" in fresh.log()
    wait_until(lambda: "vault_key" in alerts(fresh), what="the alert")
    told = finding(fresh, "vault key")
    assert told["state"] == "failed" and "does not open the tokens" in told["message"] and "tally(7)" in told["remedy"]
    assert fresh.ctl("doctor", check=False).returncode == 1
    assert any(item["kind"] == "vault_key" for item in fresh.ctl_json("status")["attention"])
    assert "vault key" in fresh.collect("--user", "user-2", expect=1).stdout
    assert fresh.snapshots() == held

    [lost] = literals(section("tally.7", "When the vault key is lost", of="Ss"))
    follow(lost, fresh, tmp_path)
    assert "vault_key" not in alerts(fresh)
    assert {c["state"] for c in fresh.ctl_json("connection", "list")} == {"needs_authorization"}
    fresh.import_users([user(1), user(2, tier="free", platforms=("youtube", "twitch"))])
    assert {c["state"] for c in fresh.ctl_json("connection", "list")} == {"active"}
    tokens_work(fresh)
    assert fresh.snapshots().keys() >= held.keys()


def test_a_key_that_is_missing_is_told_before_the_start(saved, tmp_path):
    """The database of an earlier life is there, the key is not."""
    saved.stop()
    key = saved.dir / "state/vault.key"
    shutil.move(key, tmp_path / "aside")
    saved.start()
    assert finding(saved, "vault key")["state"] == "failed"
    saved.stop()
    shutil.move(tmp_path / "aside", key)
    saved.start()
    tokens_work(saved)


def test_a_database_of_ones_own_comes_back_elsewhere(make_stack, tmp_path):
    first, second = Postgres(), Postgres()
    try:
        stack = make_stack()
        stack.write_config(f"database:\n  url: {first.url()}\n")
        stack.start()
        stack.import_users([user(1, platforms=("youtube", "instagram"))])
        stack.collect()
        held = stack.snapshots()
        backup, restore = literals(section("tally.7", "A database of your own", of="Ss"))
        follow(backup, stack, tmp_path, URL=first.url())
        stack.stop()
        follow(restore, stack, tmp_path, SUPERUSER_URL=f"postgresql://postgres@127.0.0.1:{second.port}/tally")
        stack.write_config(f"database:\n  url: {second.url()}\n")
        first.stop()
        stack.start()
        assert stack.snapshots() == held and held
        assert stack.ctl("doctor", check=False).returncode == 0
        tokens_work(stack)
    finally:
        first.close()
        second.close()
