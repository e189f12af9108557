# SPDX-License-Identifier: Apache-2.0
"""Bad input and the ways a sysadmin starts, stops and changes the daemon."""
import csv
import datetime
import io
import json
import os
import pathlib
import signal
import subprocess

import openpyxl

from stack import BIN, PLATFORMS, ROOT, user, wait_until


def run(program, *args, **kwargs):
    return subprocess.run([BIN / program, *args], text=True, capture_output=True, timeout=60, **kwargs)


def test_a_wrong_configuration_stops_the_start_with_file_line_and_hint(make_stack):
    stack = make_stack()
    stack.write_config("collect:\n  concurency: 8\n")
    result = run("tallyd", "--config", stack.config)
    assert result.returncode == 78
    assert f"{stack.config}:" in result.stderr and "concurency" in result.stderr and "'concurrency'" in result.stderr
    check = stack.ctl("config", "check", check=False)
    assert check.returncode == 78 and "concurency" in check.stderr, check.stderr


def test_yaml_that_is_none_and_files_that_are_not_there(make_stack, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("tiers: [unclosed\n")
    assert run("tallyd", "--config", broken).returncode == 78
    assert run("tallyd", "--config", tmp_path / "absent.yaml").returncode == 78
    assert run("tallyd", "--nonsense").returncode == 64


def test_a_reload_takes_a_good_configuration_and_keeps_the_old_one_for_a_bad_one(stack):
    stack.write_config("collect:\n  concurency: 8\n")
    stack.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: (stack.ctl_json("status")["daemon"]["reload_error"] or "").find("concurency") >= 0, what="the refused reload")
    stack.write_config("tiers:\n  gold:\n    every: 5m\n")
    stack.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: any(tier["name"] == "gold" for tier in stack.ctl_json("status")["tiers"]), what="the new tier")
    assert stack.ctl_json("status")["daemon"]["reload_error"] is None
    stack.ctl("user", "add", "midas", "--tier", "gold")


def test_a_database_that_is_not_there_and_one_that_is_too_new(make_stack):
    stack = make_stack()
    stack.config.write_text(f"state_dir: {stack.dir}/state\ndatabase:\n  url: postgresql://nobody:hunter2@127.0.0.1:1/none\n")
    result = run("tallyd", "--config", stack.config)
    assert result.returncode == 69 and "hunter2" not in result.stderr and "127.0.0.1" in result.stderr
    stack.write_config()
    stack.start()
    stack.sql("insert into schema_migrations (version, name, checksum) values (9999, 'from_the_future', 'x')")
    stack.stop()
    result = run("tallyd", "--config", stack.config)
    assert result.returncode == 78 and "9999" in result.stderr and "hint" in result.stderr


def test_without_the_daemon_commands_say_so(make_stack):
    stack = make_stack()
    for command in (["status"], ["run"], ["user", "list"], ["export"]):
        result = stack.ctl(*command, check=False)
        assert result.returncode == 69, (command, result.stderr)
        assert "tallyd" in result.stderr


def test_usage_errors_teach(stack):
    for args, word in ((["statsu"], "status"), (["user", "add"], "USER"), (["run", "--form", "-3d"], "--from"), (["export", "--from", "yesterday"], "-30d"),
                       (["user", "add", "u", "--tier", "golden"], "free")):
        result = stack.ctl(*args, check=False)
        assert result.returncode == 64, (args, result.returncode, result.stderr)
        assert word in result.stderr, (args, result.stderr)


def test_import_refuses_bad_lines_and_takes_the_good_ones(stack):
    lines = [json.dumps(user(1)), "{broken", json.dumps({"id": "x", "tier": "nope"}), json.dumps(user(2)),
             json.dumps({"id": "y", "tier": "free", "connections": [{"platform": "myspace", "account": "1", "token": "t"}]})]
    result = stack.ctl("user", "import", "-", stdin="\n".join(lines) + "\n", check=False)
    assert result.returncode == 3
    for number in ("2", "3", "5"):
        assert f"line {number}" in result.stderr
    assert {u["id"] for u in stack.ctl_json("user", "list")} >= {"user-1", "user-2"}


def test_export_is_rfc_4180_and_agrees_with_ndjson(stack, tmp_path):
    stack.import_users([user(1), user(2)])
    stack.collect()
    target = tmp_path / "out.csv"
    stack.ctl("export", "--out", str(target))
    raw = target.read_bytes().decode()
    assert raw.count("\r\n") == raw.count("\n")
    rows = list(csv.DictReader(io.StringIO(raw, newline="")))
    columns = "user_id platform account_id source metric date value unit final fetched_at revision metadata".split()
    assert list(rows[0]) == columns
    keys = [tuple(row[c].encode() for c in columns[:6]) for row in rows]
    assert keys == sorted(keys)
    objects = [json.loads(line) for line in stack.ctl("export", "--format", "ndjson").stdout.splitlines()]
    assert len(objects) == len(rows)
    for row, other in zip(rows, objects):
        assert list(other) == columns
        assert float(row["value"]) == other["value"] and json.loads(row["metadata"]) == other["metadata"]
        assert row["final"] in ("true", "false") and (row["final"] == "true") == other["final"]
        assert row["fetched_at"].endswith("Z")
    assert json.loads(stack.ctl("export", "--format", "json").stdout) == objects

    # A spreadsheet's reader sees numbers, days, times and booleans, and never a formula.
    stack.sql("UPDATE analytics_snapshots SET metadata = metadata || '{\"unit\": \"=1+1\"}'"
              f" WHERE (user_id, metric, date) = ('{objects[0]['user_id']}', '{objects[0]['metric']}', '{objects[0]['date']}')")
    objects = json.loads(stack.ctl("export", "--format", "json").stdout)
    book_file = tmp_path / "out.xlsx"
    stack.ctl("export", "--format", "xlsx", "--out", str(book_file))
    [sheet] = openpyxl.load_workbook(book_file, read_only=True).worksheets
    names, *cells = sheet.values
    assert list(names) == columns and len(cells) == len(objects)
    assert any(row["unit"] == "=1+1" for row in objects)
    for row, (*key, day, value, unit, final, fetched_at, revision, metadata) in zip(objects, cells):
        fetched = datetime.datetime.fromisoformat(row["fetched_at"].replace("Z", "")) - fetched_at
        assert key == [row[c] for c in columns[:5]] and day.date().isoformat() == row["date"]
        assert (value, unit, final, revision) == (row["value"], row["unit"], row["final"], row["revision"])
        assert abs(fetched.total_seconds()) < 0.001 and json.loads(metadata) == row["metadata"]

    some = stack.ctl("export", "--user", "user-1", "--platform", "instagram", "--metric", "views.*", "--from", "-7d").stdout
    assert {line.split(",")[4].split(".")[0] for line in some.splitlines()[1:]} == {"views"}


def test_export_takes_a_part_packed_and_as_it_was(stack, tmp_path):
    stack.import_users([user(1), user(2, "free"), user(3)])
    stack.collect()
    export = lambda *args: [json.loads(line) for line in stack.ctl("export", "--format", "ndjson", *args).stdout.splitlines()]
    everything = export()
    part = lambda holds: [row for row in everything if holds(row)]
    day = lambda days: (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)).date().isoformat()
    account = everything[0]["account_id"]
    for args, holds in ((("--user", "user-1,user-3"), lambda row: row["user_id"] in ("user-1", "user-3")),
                        (("--tier", "free"), lambda row: row["user_id"] == "user-2"),
                        (("--platform", "t*,you?ube"), lambda row: row["platform"] in ("twitch", "youtube")),
                        (("--account", account), lambda row: row["account_id"] == account),
                        (("--metric", "views,reach*"), lambda row: row["metric"] == "views" or row["metric"].startswith("reach")),
                        (("--source", "ads"), lambda row: row["source"] == "ads"),
                        (("--last", "7d"), lambda row: row["date"] >= day(7))):
        assert export(*args) == part(holds) and 0 < len(part(holds)) < len(everything), args

    # Packed by the end of the name, which also tells the format.
    for name, unpack in (("all.ndjson.gz", "gzip"), ("all.ndjson.zst", "zstd")):
        stack.ctl("export", "--out", str(tmp_path / name))
        text = subprocess.run([unpack, "-dc", tmp_path / name], capture_output=True, text=True, check=True).stdout
        assert [json.loads(line) for line in text.splitlines()] == everything, name
    stack.ctl("export", "--out", str(tmp_path / "all.json"))
    assert json.loads((tmp_path / "all.json").read_text()) == everything

    # What a platform restates is news, and what it said before can still be had.
    before = stack.sql("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")[0][0]
    assert export("--changed-since", before) == []
    key = {c: everything[0][c] for c in ("user_id", "platform", "account_id", "source", "metric", "date")}
    where = " AND ".join(f"{column} = '{value}'" for column, value in key.items())
    stack.sql(f"""INSERT INTO snapshot_revisions (user_id, platform, account_id, source, metric, date, revision, value, metadata, fetched_at, run_id)
                  SELECT user_id, platform, account_id, source, metric, date, revision, value, metadata, fetched_at, run_id
                    FROM analytics_snapshots WHERE {where};
                  UPDATE analytics_snapshots SET value = value + 1, revision = revision + 1, fetched_at = now() WHERE {where}""")
    [changed] = export("--changed-since", before)
    assert {c: changed[c] for c in key} == key and changed["value"] == everything[0]["value"] + 1
    assert export("--as-of", before) == everything and export() != everything
    assert export("--as-of", "2020-01-01") == []

    # A spreadsheet calculates no text when asked not to.
    stack.sql(f"UPDATE analytics_snapshots SET metadata = metadata || '{{\"unit\": \"=1+1\"}}', value = -5 WHERE {where}")
    units = lambda *args: {(row["unit"], row["value"]) for row in csv.DictReader(io.StringIO(stack.ctl("export", *args).stdout, newline=""))}
    assert ("=1+1", "-5") in units() and ("'=1+1", "-5") in units("--escape-formulas")
    for wrong, word in ((["--last", "7d", "--from", "-3d"], "--last"), (["--last", "week"], "30d"), (["--changed-since", "noon"], "02:00:00Z"),
                        (["--metric", "a,,b"], "empty word")):
        refused = stack.ctl("export", *wrong, check=False)
        assert refused.returncode == 64 and word in refused.stderr, refused.stderr


def test_a_dry_run_says_what_would_be_asked_and_asks_nothing(stack):
    stack.import_users([user(1)])
    stack.collect()
    before = stack.sql("select count(*) from runs")
    plan = stack.ctl_json("run", "--dry-run", "--from", "-9d", "--to", "-8d")
    assert {c["platform"] for c in plan["connections"]} == set(PLATFORMS)
    assert all(c["requests"] for c in plan["connections"])
    assert stack.sql("select count(*) from runs") == before


def test_two_daemons_never_share_a_state_directory(stack):
    second = run("tallyd", "--config", stack.config, env=stack.environment())
    assert second.returncode == 1 and "another tallyd" in second.stderr
    assert stack.ready()


def test_a_platform_file_is_checked_without_daemon_or_database(tmp_path):
    good = run("tallyctl", "platform", "check", "--file", ROOT / "etc/platforms/youtube.yaml")
    assert good.returncode == 0, good.stderr
    bad = tmp_path / "youtube.yaml"
    bad.write_text((ROOT / "etc/platforms/youtube.yaml").read_text().replace("\nrequests:", "\nrequest:"))
    result = run("tallyctl", "platform", "check", "--file", bad)
    assert result.returncode == 78 and f"{bad}:" in result.stderr


def test_platform_run_needs_neither_daemon_nor_database(make_stack):
    stack = make_stack()
    account = "UCsim0000000000000000042"
    result = stack.ctl("--output", "json", "platform", "run", ROOT / "etc/platforms/youtube.yaml", "--account", account, "--token-stdin",
                       "--base-url", stack.sim_url, "--from", "-20d", "--to", "-5d", stdin=f"sim.youtube.{account}\n")
    rows = [json.loads(line) for line in result.stdout.splitlines()] if not result.stdout.startswith("[") else json.loads(result.stdout)
    assert {row["metric"] for row in rows} >= {"views", "engagedViews"}


def test_health_and_the_secret_over_tcp(make_stack):
    import socket
    import urllib.error
    import urllib.request
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stack = make_stack()
    secret = stack.dir / "cron-secret"
    secret.write_text("open sesame\n")
    stack.write_config(f"listen: [\"unix:{stack.dir}/state/tallyd.sock\", \"127.0.0.1:{port}\"]\napi:\n  cron_secret: file:{secret}\n")
    stack.start()

    def call(path, method="GET", **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    status, health = call("/api/health")
    assert status == 200 and health["status"] == "healthy" and health["services"]["database"]["status"] == "up"
    assert call("/api/internal/users")[0] == 401
    assert call("/api/internal/users", **{"X-Cron-Secret": "open says me"})[0] == 401
    assert call("/api/internal/users", **{"X-Cron-Secret": "open sesame"})[0] == 200
    assert call("/api/nothing", **{"X-Cron-Secret": "open sesame"})[0] == 404
    assert call("/api/health", method="DELETE", **{"X-Cron-Secret": "open sesame"})[0] == 405


def test_the_private_cluster_is_adopted_after_kill_9_and_stops_with_the_daemon(stack):
    stack.import_users([user(1, platforms=("youtube",))])
    stack.collect()
    [pid_file] = stack.dir.glob("state/postgres/**/postmaster.pid")
    postmaster = int(pathlib.Path(pid_file).read_text().split()[0])
    stack.kill()
    os.kill(postmaster, 0)
    stack.start()
    assert int(pathlib.Path(pid_file).read_text().split()[0]) == postmaster
    stack.stop()
    wait_until(lambda: not pathlib.Path(f"/proc/{postmaster}").exists(), what="the cluster's end")


def test_the_detailed_health_shows_the_configuration_without_its_secrets(stack):
    socket = next(stack.dir.glob("**/tallyd.sock"))
    ask = lambda path: json.loads(subprocess.run(["curl", "-sS", "--unix-socket", socket, f"http://tallyd{path}"], capture_output=True,
                                                 text=True, check=True).stdout)
    brief, detailed = ask("/api/health"), ask("/api/health/detailed")
    assert set(brief) < set(detailed) and detailed["status"] == brief["status"]
    assert detailed["uptime"] >= 0 and detailed["memory"]["residentBytes"] > 1_000_000
    assert detailed["versions"]["tallyd"] and detailed["versions"]["database"].startswith("1") and detailed["versions"]["schema"] >= 8
    assert {p["platform"] for p in detailed["platforms"]} >= set(PLATFORMS) and all(p["state"] == "ok" for p in detailed["platforms"])
    text = json.dumps(detailed["configuration"])
    assert "client-secret" in text and "sim-secret" not in text, "the reference, not the secret"
