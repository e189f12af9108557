# SPDX-License-Identifier: Apache-2.0
"""What Prometheus reads, judged by its own promtool, and the alerting rules that are shipped."""
import re
import time

from promtool import promtool
from servers import Postgres
from stack import ROOT, user, wait_until

RULES = ROOT / "etc/prometheus/tally.rules.yml"


def families(text):
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def values(text, name):
    """{labels: value}"""
    return {labels: float(value) for labels, value in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)}


def test_the_page_is_clean_and_says_what_was_done(make_stack):
    stack = make_stack().start()
    stack.import_users([user(1), user(2, "free")])
    stack.collect()
    stack.sql("INSERT INTO alerts (kind, subject, message) VALUES ('needs_authorization', 'a', 'm'), ('needs_authorization', 'b', 'm')")
    used = lambda page: values(page, "tally_app_budget_used_requests")['platform="youtube",app="default",limit="data_api"']
    page = stack.get("/metrics")
    while not used(page):  # what a node has spent is shared every few seconds
        time.sleep(0.2)
        page = stack.get("/metrics")
    assert promtool("check", "metrics", input=page) == ""
    assert values(page, "tally_users") == {'tier="free"': 1, 'tier="premium"': 1}
    assert values(page, "tally_connections")['platform="twitch",state="active"'] == 2
    written = int(stack.sql("SELECT sum(rows_written) FROM runs")[0][0])
    assert sum(values(page, "tally_rows_written_total").values()) == written > 100
    requests = int(stack.sql("SELECT sum(requests) FROM runs")[0][0])
    assert sum(values(page, "tally_requests_total").values()) == requests
    assert sum(values(page, "tally_request_duration_seconds_count").values()) == requests
    assert values(page, "tally_alerts_open")['kind="needs_authorization"'] == 2
    assert values(page, "tally_alerts_open")['kind="stale"'] == 0
    assert values(page, "tally_database_up") == {"": 1}
    assert used(page) < values(page, "tally_app_budget_requests")['platform="youtube",app="default",limit="data_api"']
    assert values(page, "process_resident_memory_bytes")[""] > 1e6
    # The manual names each of them, and nothing else.
    manual = (ROOT / "man/tallyd.8").read_text()
    named = set(re.findall(r"tally_[a-z_]+", manual[manual.index(".Sh METRICS"):manual.index(".Sh PG_CRON")]))
    told = {name for name in families(page) if name.startswith("tally_")}
    assert told - named == set() and named - told <= {"tally_app_blocked_until_timestamp_seconds", "tally_slot_lateness_seconds"}, told ^ named


def test_without_the_database_only_this_node_is_told_of(make_stack):
    server = Postgres()
    try:
        stack = make_stack()
        stack.write_config(f"database: {{ url: \"{server.url()}\" }}\n")
        stack.start()
        assert values(stack.get("/metrics"), "tally_database_up") == {"": 1}
        server.stop()
        wait_until(lambda: values(stack.get("/metrics"), "tally_database_up") == {"": 0}, what="the outage")
        page = stack.get("/metrics")
        assert promtool("check", "metrics", input=page) == ""
        assert "tally_users" not in families(page) and "tally_platform_up" in families(page)
    finally:
        stack.kill()
        server.close()


def test_the_rules_are_good_and_speak_of_metrics_that_there_are(stack):
    promtool("check", "rules", RULES)
    promtool("test", "rules", ROOT / "tests/e2e/tally.rules.test.yml")
    manual = (ROOT / "man/tallyd.8").read_text()
    for name in set(re.findall(r"tally_[a-z_]+", RULES.read_text())):
        assert name in manual, name
    kinds = set(re.findall(r'kind="([a-z_]+)"', stack.get("/metrics")))
    for listed in re.findall(r'kind[=!]~"([a-z_|]+)"', RULES.read_text()):
        assert set(listed.split("|")) <= kinds
    # The manual's kinds are those that there are.
    alerts = manual[manual.index("The kinds are"):manual.index(".Ic tallyctl alert test\nsends")]
    described = {kind for line in re.findall(r"^\.It Li (.*)$", alerts, re.MULTILINE) for kind in re.findall(r"[a-z]+_?[a-z]*", line.replace("No (urgent)", ""))}
    assert described == kinds
