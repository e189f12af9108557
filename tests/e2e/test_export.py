# SPDX-License-Identifier: Apache-2.0
"""Exports with a column a metric, with what is missing, as workbooks, and on a terminal."""
import collections
import contextlib
import csv
import datetime
import io
import json
import os
import pty
import subprocess

import openpyxl
from stack import BIN, account_id, user

COLUMNS = "user_id platform account_id source metric date value unit final fetched_at revision metadata".split()
DAY_KEY = ["user_id", "platform", "account_id", "source", "date"]


def rows_of(stack, *args):
    return [json.loads(line) for line in stack.ctl("export", "--format", "ndjson", *args).stdout.splitlines()]


def csv_of(stack, *args):
    return list(csv.DictReader(io.StringIO(stack.ctl("export", *args).stdout, newline="")))


def workbook_of(stack, path, *args):
    stack.ctl("export", "--out", str(path), *args)
    [sheet] = openpyxl.load_workbook(path, read_only=True).worksheets
    names, *cells = sheet.values
    return list(names), cells


def same_cell(name, value, cell, number_columns):
    """A cell is of its column's type, and says the same as the JSON value."""
    if value is None:
        return cell is None
    if name == "metadata":
        return json.loads(cell) == value
    if name in number_columns or name in ("value", "revision"):
        return isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell == value
    if name == "final":
        return cell is value
    if name == "date":
        return isinstance(cell, datetime.datetime) and cell.date().isoformat() == value
    if name == "fetched_at":
        return isinstance(cell, datetime.datetime) and \
            abs((datetime.datetime.fromisoformat(value.replace("Z", "")) - cell).total_seconds()) < 0.001
    return isinstance(cell, str) and cell == value


def check_formats(stack, tmp_path, objects, number_columns, *args):
    """All formats say the same as the NDJSON objects."""
    names = list(objects[0])
    assert all(list(row) == names for row in objects)
    assert json.loads(stack.ctl("export", "--format", "json", *args).stdout) == objects
    lines = csv_of(stack, *args)
    assert list(lines[0]) == names and len(lines) == len(objects)
    for row, line in zip(objects, lines):
        for name in names:
            value, text = row[name], line[name]
            if value is None:
                assert text == "", (name, row, line)
            elif isinstance(value, bool):
                assert text == str(value).lower()
            elif isinstance(value, (int, float)):
                assert float(text) == value
            elif name == "metadata":
                assert json.loads(text) == value
            else:
                assert text == value
    header, cells = workbook_of(stack, tmp_path / "book.xlsx", *args)
    assert header == names and len(cells) == len(objects)
    for row, line in zip(objects, cells):
        for name, cell in zip(names, line):
            assert same_cell(name, row[name], cell, number_columns), (name, row[name], cell)


def test_wide_is_the_same_numbers_with_a_column_a_metric(stack, tmp_path):
    stack.import_users([user(1), user(2, platforms=("youtube", "twitch"))])
    stack.collect()
    numbers = collections.defaultdict(dict)
    plain = rows_of(stack)
    for row in plain:
        numbers[tuple(row[c] for c in DAY_KEY)][row["metric"]] = row["value"]
    metrics = sorted({row["metric"] for row in plain}, key=str.encode)
    wide = rows_of(stack, "--wide")
    assert list(wide[0]) == DAY_KEY + metrics
    keys = [tuple(row[c] for c in DAY_KEY) for row in wide]
    assert keys == sorted(numbers, key=lambda key: [text.encode() for text in key])
    for row, key in zip(wide, keys):
        assert [row[metric] for metric in metrics] == [numbers[key].get(metric) for metric in metrics]
    assert any(value is None for row in wide for value in row.values()), "no platform has every metric"
    check_formats(stack, tmp_path, wide, set(metrics), "--wide")

    some = rows_of(stack, "--wide", "--user", "user-2", "--metric", "views*", "--last", "7d")
    expected = rows_of(stack, "--user", "user-2", "--metric", "views*", "--last", "7d")
    assert list(some[0]) == DAY_KEY + sorted({row["metric"] for row in expected}, key=str.encode)
    assert sum(value is not None for row in some for value in list(row.values())[5:]) == len(expected) > 0
    now = stack.sql("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")[0][0]
    assert rows_of(stack, "--wide", "--as-of", now) == wide
    # Without a number there are no rows, and no metrics to name.
    assert stack.ctl("export", "--wide", "--user", "nobody").stdout == ",".join(DAY_KEY) + "\n"
    assert json.loads(stack.ctl("export", "--wide", "--user", "nobody", "--format", "json").stdout) == []

    # Too many columns are refused before anything is written.
    stack.sql("INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, run_id, first_seen_at) "
              "SELECT 'user-1', 'youtube', 'x', 'social_media', 'm' || n, 1, current_date, now(), 1, now() FROM generate_series(1, 10001) n")
    for name in ("many.csv", "many.xlsx"):
        refused = stack.ctl("export", "--wide", "--out", str(tmp_path / name), check=False)
        assert refused.returncode == 1 and "10,000 metrics" in refused.stderr and "--metric" in refused.stderr, refused.stderr
        assert not (tmp_path / name).exists()
    assert len(rows_of(stack, "--wide", "--account", "x", "--metric", "m*9")[0]) == 5 + 1000


def coverage_of(stack, user_id, first, last):
    """{(platform, account, metric): {day: states of the requests that want it}} as `coverage` knows it."""
    wanted = collections.defaultdict(lambda: collections.defaultdict(list))
    platforms = {c["platform"] for c in stack.ctl_json("coverage", user_id)["connections"]}
    for platform in platforms:
        for connection in stack.ctl_json("coverage", user_id, platform, "--from", first, "--to", last)["connections"]:
            for entry in connection["requests"]:
                for span in entry["days"]:
                    day, end = (datetime.date.fromisoformat(span[name]) for name in ("first", "last"))
                    while day <= end:
                        for metric in entry["metrics"]:
                            wanted[platform, connection["account_id"], metric][day.isoformat()].append(span["state"])
                        day += datetime.timedelta(1)
    return wanted


def test_what_is_missing_says_why(stack, tmp_path):
    order = "final provisional pending empty refused never_asked impossible".split()
    absent = {"final": "empty", "provisional": "pending"}
    stack.control("remove-metric", platform="youtube", metric="shares")
    stack.import_users([user(1, platforms=("youtube", "instagram")), user(2, platforms=("twitch",), tier="free")])
    stack.collect(expect=(0, 3))
    first, last = ((datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days)).date().isoformat() for days in (-9, 2))
    # A gap that nobody has asked for, and a connection without any number.
    gap = (datetime.date.fromisoformat(first) + datetime.timedelta(2)).isoformat()
    stack.ctl("connection", "pause", "user-1", "youtube")
    stack.ctl("connection", "pause", "user-2", "twitch")
    of_user_1 = "(select connection_id from connections where (user_id, platform) = ('user-1', 'youtube'))"
    stack.sql(f"delete from coverage where request = 'daily' and '{gap}' between first_day and last_day and connection_id = {of_user_1}; "
              f"delete from analytics_snapshots where (user_id, platform, metric, date) = ('user-1', 'youtube', 'views', '{gap}'); "
              "delete from analytics_snapshots where user_id = 'user-2'; "
              "delete from coverage where connection_id = (select connection_id from connections where user_id = 'user-2')")

    span = ("--from", first, "--to", last)
    plain = rows_of(stack, *span)
    every = rows_of(stack, "--with-missing", *span)
    assert list(plain[0]) == COLUMNS and list(every[0]) == COLUMNS + ["state"]
    keys = [tuple(row[c].encode() for c in COLUMNS[:6]) for row in every]
    assert keys == sorted(set(keys)), "each key once, in order"
    present = [row for row in every if row["value"] is not None]
    assert [{c: row[c] for c in COLUMNS} for row in present] == plain
    assert all(row["state"] == ("final" if row["final"] else "provisional") for row in present)
    missing = [row for row in every if row["value"] is None]
    assert all(row[c] is None for row in missing for c in COLUMNS[6:])
    states = collections.Counter(row["state"] for row in missing)
    assert set(states) == {"pending", "empty", "refused", "never_asked", "impossible"}, states

    # Every day that coverage tells of is there, once, with the same word where there is no number.
    shown = {(row["platform"], row["account_id"], row["metric"], row["date"]): row for row in every}
    names = collections.defaultdict(set)
    for row in present:
        names[row["platform"], row["account_id"], row["date"]].add(row["metric"])
    told = set()
    for user_id in ("user-1", "user-2"):
        for (platform, account, metric), days in coverage_of(stack, user_id, first, last).items():
            for day, found in days.items():
                told.add((platform, account, metric, day))
                row = shown.get((platform, account, metric, day))
                parts = [n for n in names[platform, account, day] if n.startswith(metric + ".")]
                if row is None:
                    assert parts, (metric, day, "is neither there nor told of")
                elif row["value"] is None and not parts:
                    best = min(found, key=order.index)
                    assert row["state"] == absent.get(best, best), (row, found)
    assert told >= {key for key, row in shown.items() if row["value"] is None}
    assert {row["state"] for row in missing if row["metric"] == "shares" and row["platform"] == "youtube" and row["date"] == gap} == {"refused"}
    assert shown["youtube", account_id("youtube", 1), "views", gap]["state"] == "never_asked"
    assert all(row["state"] == "impossible" for row in missing if row["date"] == last)
    lonely = [row for row in every if row["user_id"] == "user-2"]
    assert lonely and all(row["value"] is None for row in lonely)
    check_formats(stack, tmp_path, every, set(), "--with-missing", *span)

    # Filters hold for what is missing, too.
    part = lambda holds: [row for row in every if holds(row)]
    for args, holds in ((("--user", "user-2"), lambda row: row["user_id"] == "user-2"),
                        (("--tier", "premium"), lambda row: row["user_id"] == "user-1"),
                        (("--platform", "you*"), lambda row: row["platform"] == "youtube"),
                        (("--account", account_id("twitch", 2)), lambda row: row["user_id"] == "user-2"),
                        (("--source", "social_media"), lambda row: row["source"] == "social_media"),
                        (("--metric", "vie?s,shares"), lambda row: row["metric"] in ("views", "shares"))):
        assert rows_of(stack, "--with-missing", *span, *args) == part(holds) != [], args
    assert rows_of(stack, "--with-missing", *span, "--source", "ads") == []
    recent = rows_of(stack, "--with-missing", "--last", "3d", "--user", "user-2")
    assert 3 <= len({row["date"] for row in recent}) <= 5 and all(row["value"] is None for row in recent)

    for wrong, word in ((["--with-missing"], "--last 30d"), (["--with-missing", "--to", "today"], "--from"),
                        (["--with-missing", "--last", "3d", "--wide"], "--wide"),
                        (["--with-missing", "--last", "3d", "--as-of", "today"], "--as-of"),
                        (["--with-missing", "--last", "3d", "--changed-since", "-1d"], "--changed-since"),
                        (["--with-missing", "--from", "2000-01-01"], "3660 days")):
        refused = stack.ctl("export", *wrong, check=False)
        assert refused.returncode == 64 and word in refused.stderr and not refused.stdout, (wrong, refused.stderr)


def test_a_terminal_is_told_how_far_it_is(stack, tmp_path):
    stack.import_users([user(1), user(2)])
    stack.collect()
    for args in ((), ("--wide",), ("--with-missing", "--last", "20d")):
        primary, secondary = pty.openpty()
        result = subprocess.run([BIN / "tallyctl", "--config", stack.client_config, "export", "--out", tmp_path / "out.csv", *args],
                                stdin=secondary, stderr=secondary, env=stack.environment() | {"TERM": "xterm"}, timeout=60)
        os.close(secondary)
        words = b""
        with contextlib.suppress(OSError):  # the end of a terminal whose other side is closed
            while part := os.read(primary, 65536):
                words += part
        os.close(primary)
        words = words.decode()
        assert result.returncode == 0
        progress, last = words.replace("\r\n", "").rsplit("\x1b[K", 1)
        assert "/s" in progress and "about " in progress and "100 %" not in progress, words
        assert last.endswith("rows in '" + str(tmp_path / "out.csv") + "'"), words
