# SPDX-License-Identifier: Apache-2.0
"""The queries of tally(7) against collected numbers."""
import collections
import datetime
import json

from manual import literals, section
from stack import user


def test_the_example_queries_give_what_the_export_says(stack):
    stack.await_descriptions()
    acme = user(1) | {"id": "acme"}
    stack.import_users([acme, user(2)])
    stack.collect()
    queries = literals(section("tally.7", "THE TABLE"))
    assert len(queries) == 4
    rows = [json.loads(line) for line in stack.ctl("export", "--user", "acme", "--format", "ndjson").stdout.splitlines()]
    current, totals, weeks, coverage = (stack.sql(query) for query in queries)

    latest = {}
    for row in sorted(rows, key=lambda row: row["date"]):
        latest[(row["platform"], row["account_id"], row["source"], row["metric"])] = (row["date"], row["value"], row["unit"])
    assert {tuple(row[:4]): (row[4], float(row[5]), row[6]) for row in current} == latest and len(current) == len(latest)

    today = datetime.date.fromisoformat(stack.sql("select current_date")[0][0])
    expected, final = collections.Counter(), {}
    for row in rows:
        if row["metric"] == "views" and row["date"] >= str(today - datetime.timedelta(days=30)):
            day = (row["platform"], row["date"])
            expected[day] += row["value"]
            final[day] = final.get(day, True) and row["final"]
    assert {(platform, date): float(total) for platform, date, total, _ in totals} == expected and expected
    assert {(platform, date): known == "t" for platform, date, _, known in totals} == final

    views = {datetime.date.fromisoformat(row["date"]): row for row in rows if row["platform"] == "youtube" and row["metric"] == "views"}

    def week(monday):
        """The total of a week, None unless all of it is known."""
        days = [views.get(monday + datetime.timedelta(days=n)) for n in range(7)]
        return sum(day["value"] for day in days) if all(days) else None
    mondays = [datetime.date.fromisoformat(row[1]) for row in weeks]
    assert len(mondays) >= 3 and all(monday.weekday() == 0 for monday in mondays)
    for monday, (account, _, value, before, change, final) in zip(mondays, weeks):
        previous = week(monday - datetime.timedelta(days=7))
        assert (account, float(value)) == (acme["connections"][2]["account"], week(monday))
        assert (final == "t") == all(views[monday + datetime.timedelta(days=n)]["final"] for n in range(7))
        if previous is not None:
            assert (float(before), float(change)) == (previous, week(monday) - previous)
        else:
            assert not change
    assert {state for *_, state in coverage} >= {"final", "provisional"}
    [connection] = [c for c in stack.ctl_json("coverage", "acme", "youtube")["connections"]]
    told = {(r["request"], d["first"], d["last"], d["state"]) for r in connection["requests"] for d in r["days"]}
    for account, request, first, last, state in coverage:
        assert account == connection["account_id"]
        assert any(t[0] == request and t[3] == state and t[1] <= last and first <= t[2] for t in told), (request, first, last, state)


def test_the_manual_writes_down_what_is_odd(stack):
    """A metric of every kind of summary is described, and the page's words are those of the database."""
    stack.await_descriptions()
    stack.import_users([user(1)])
    stack.collect()
    kinds = dict(stack.sql("select summary, count(*) from snapshots_described group by summary"))
    assert set(kinds) == {"latest", "total", "average"}
    unknown = stack.sql("select distinct platform, split_part(metric, '.', 1) from analytics_snapshots s where not exists"
                        " (select 1 from metrics m where m.platform = s.platform and m.metric = split_part(s.metric, '.', 1))")
    assert unknown == []
    text = section("tally.7", "FIGURES")
    assert all(f".Em {kind}" in text for kind in kinds)
