# SPDX-License-Identifier: Apache-2.0
"""The queries of tally(7) against collected numbers."""
import collections
import datetime
import json

from manual import literals, section
from stack import user


def test_the_example_queries_give_what_the_export_says(stack):
    acme = user(1) | {"id": "acme"}
    stack.import_users([acme, user(2)])
    stack.collect()
    queries = literals(section("tally.7", "THE TABLE"))
    assert len(queries) == 3
    rows = [json.loads(line) for line in stack.ctl("export", "--user", "acme", "--format", "ndjson").stdout.splitlines()]
    current, totals, weeks = (stack.sql(query) for query in queries)

    latest = {}
    for row in sorted(rows, key=lambda row: row["date"]):
        latest[(row["platform"], row["account_id"], row["source"], row["metric"])] = (row["date"], row["value"])
    assert {tuple(row[:4]): (row[4], float(row[5])) for row in current} == latest and len(current) == len(latest)

    today = datetime.date.fromisoformat(stack.sql("select current_date")[0][0])
    expected = collections.Counter()
    for row in rows:
        if row["metric"] == "views" and row["date"] >= str(today - datetime.timedelta(days=30)):
            expected[(row["platform"], row["date"])] += row["value"]
    assert {(platform, date): float(total) for platform, date, total in totals} == expected and expected

    views = {row["date"]: row for row in rows if row["platform"] == "youtube" and row["metric"] == "views"}
    last = max(date for date, row in views.items() if row["final"])

    def week(before):
        end = datetime.date.fromisoformat(last) - datetime.timedelta(days=before)
        days = [str(end - datetime.timedelta(days=n)) for n in range(7)]
        return sum(views[day]["value"] for day in days if day in views)
    [[account, day, this, previous]] = weeks
    assert (account, day, float(this), float(previous)) == (acme["connections"][2]["account"], last, week(0), week(7))
    assert week(0) > 0 and week(7) > 0
