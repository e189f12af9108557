# SPDX-License-Identifier: Apache-2.0
"""Weekly reports: built when the week is over, mailed, shown, and always what the table says."""
import collections
import datetime
import html.parser
import io
import json
import re

import openpyxl
import pytest

from listeners import Mailbox
from stack import user, wait_until

UTC = datetime.timezone.utc


@pytest.fixture
def mailbox():
    with Mailbox().listening() as box:
        yield box


def hold_duty(stack):
    """Reports are built when the test says so, whatever the time of day."""
    wait_until(lambda: stack.sql("UPDATE duties SET due_at = now() + interval '1 day' WHERE name = 'reports' RETURNING 1"), what="the duty")


def last_week():
    today = datetime.datetime.now(UTC).date()
    monday = today - datetime.timedelta(days=today.weekday() + 7)
    return monday, monday + datetime.timedelta(days=6)


def mail_config(mailbox, more=""):
    return f"""
smtp: {{ url: "smtp://127.0.0.1:{mailbox.port}", from: tally@example.com }}
reports: {{ delay: 0s }}
{more}"""


class Page(html.parser.HTMLParser):
    """The texts of cards and tables, and what the page would load from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.cards, self.rows, self.outside, self.marks = [], [], [], collections.Counter()
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.marks[tag] += 1
        self.outside += [value for name, value in attributes.items() if name in ("src", "href", "data", "action")]
        if tag not in ("meta", "br", "wbr", "rect", "circle", "path", "line"):
            self.open.append((tag, attributes.get("class", "")))
        if attributes.get("class") == "card":
            self.cards.append({})
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tag, kind = self.open[-1] if self.open else ("", "")
        if tag in ("td", "th"):
            self.rows[-1][-1] += data.strip()
        if self.cards and kind == "value":
            self.cards[-1]["value"] = data
        if self.cards and tag == "h3" and any(kind == "card" for _, kind in self.open):
            self.cards[-1]["metric"] = self.cards[-1].get("metric", "") + data.strip()


def says(text, value):
    """Whether a page says this number, rounded to the digits that it shows: 1,234, 12.5 %, EUR 1.20; of times, the seconds."""
    seconds = {"h": 3600, "min": 60, "s": 1, "ms": 0.001}
    whole, digits, unit = re.search(r"(-?[\d,]+)(?:\.(\d+))?\*?(?: (h|min|s|ms)\b)?", text).groups(default="")
    one = seconds.get(unit, 1)
    shown = float(f"{whole.replace(',', '')}.{digits or 0}") * one
    return abs(shown - value) <= one * 10 ** -len(digits) * 0.5001


def scale(row):
    """Millionths of a currency are shown in the currency, times in what is readable."""
    return {"micro_currency": 1e6, "milliseconds": 1e3, "minutes": 1 / 60}.get(row["unit"], 1)


def table(stack, who, first, last):
    """{(platform, account, source, metric): {date: (value, final)}}"""
    rows = stack.ctl("export", "--user", who, "--from", str(first), "--to", str(last), "--format", "ndjson").stdout.splitlines()
    found = collections.defaultdict(dict)
    for row in map(json.loads, rows):
        found[row["platform"], row["account_id"], row["source"], row["metric"]][row["date"]] = (row["value"], row["final"])
    return found


def sheets(content):
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {name: list(book[name].iter_rows(values_only=True)) for name in book.sheetnames}


def get(stack, who, tmp_path, end, *args):
    file = tmp_path / f"report{end}"
    stack.ctl("report", "get", who, "--out", str(file), *args)
    return file.read_bytes()


def test_the_numbers_of_a_report_are_those_of_the_table(stack, tmp_path):
    stack.await_descriptions()
    stack.import_users([user(1), user(2, platforms=("youtube",))])
    stack.collect()
    first, last = last_week()
    built = stack.ctl("report", "build", "user-1").stderr
    assert f"the report of 'user-1' from {first} to {last} is built" in built
    held = table(stack, "user-1", first, last)
    book = sheets(get(stack, "user-1", tmp_path, ".xlsx"))

    days = collections.defaultdict(dict)
    for platform, account, source, metric, day, value, final in book["days"][1:]:
        days[platform, account, source, metric][day.date().isoformat()] = (value, final)
    assert days == held and len(held) > 60

    # What the days come to, by the rules of tally(7), FIGURES.
    rows = {row[:4]: dict(zip(book["summary"][0][4:], row[4:])) for row in book["summary"][1:]}
    assert set(rows) == set(held)
    for key, numbers in held.items():
        ordered = [numbers[day][0] for day in sorted(numbers)]
        summary = {"total": sum(ordered), "average": sum(ordered) / len(ordered), "latest": ordered[-1]}
        assert rows[key]["value"] == pytest.approx(summary[rows[key]["summary"]])
        assert rows[key]["days with a number"] == len(numbers)
        assert rows[key]["not final"] == sum(not final for _, final in numbers.values())
    before = table(stack, "user-1", first - datetime.timedelta(days=7), last - datetime.timedelta(days=7))
    compared = 0
    for key, row in rows.items():
        if row["week before"] is None or row["summary"] != "total":
            continue
        compared += 1
        assert row["week before"] == pytest.approx(sum(value for value, _ in before[key].values()))
    assert compared > 20

    text = get(stack, "user-1", tmp_path, ".html").decode()
    page = Page(text)
    assert page.outside == [] and page.marks["script"] == 0 and page.marks["svg"] == len(page.cards) > 20
    plain = [(key, row) for key, row in rows.items() if len(page.cards) and "." not in key[3]]
    assert [card["metric"] for card in page.cards] == [key[3] for key, _ in plain]
    for card, (key, row) in zip(page.cards, plain):
        assert says(card["value"], row["value"] / scale(row)), (key, card["value"], row["value"])
    by_day = [row for row in page.rows if len(row) == 8 and row[0] != "metric"]
    assert len(by_day) == len(plain)
    for row, (key, figures) in zip(by_day, plain):
        for offset, shown in enumerate(row[1:]):
            day = str(first + datetime.timedelta(days=offset))
            if day not in held[key]:
                assert shown == "–"
                continue
            value, final = held[key][day]
            assert shown.endswith("*") != final
            assert says(shown, value / scale(figures)), (key, day, shown, value)
    # The mean of a restated day is not the reader's guess: what is open is named.
    if any(not final for numbers in held.values() for _, final in numbers.values()):
        assert "not final, the platform may still change it" in text
    assert "user-2" not in text
    assert stack.ctl("report", "get", "user-1").stdout.startswith(f"user-1: week from {first} to {last}\n")


def test_a_missing_day_is_a_dash_and_says_why(stack, tmp_path):
    stack.await_descriptions()
    stack.import_users([user(1, platforms=("youtube",))])
    stack.collect()
    first, last = last_week()
    gone = str(first + datetime.timedelta(days=2))
    stack.sql(f"DELETE FROM analytics_snapshots WHERE metric = 'likes' AND date = '{gone}'")
    stack.ctl("report", "build", "user-1")
    text = get(stack, "user-1", tmp_path, ".html").decode()
    likes = next(row for row in Page(text).rows if len(row) == 8 and row[0] == "likes")
    assert likes[3] == "–" and likes[2] != "–"
    # While the day may still change the number may still come.
    (connection,) = stack.ctl_json("coverage", "user-1", "youtube", "--from", gone, "--to", gone)["connections"]
    (state,) = {span["state"] for request in connection["requests"] if "likes" in request["metrics"] for span in request["days"]}
    why = {"provisional": "not published yet", "final": "the platform had no number"}[state]
    assert re.search(rf"1 of 7 days without a number \({why}\): [^<]*likes", text)
    days = sheets(get(stack, "user-1", tmp_path, ".xlsx"))["days"]
    assert (gone, "likes") not in {(row[4].date().isoformat(), row[3]) for row in days[1:]}


def test_reports_come_by_mail_when_the_week_is_over_and_again_when_asked(make_stack, mailbox, tmp_path):
    stack = make_stack(config=mail_config(mailbox)).start()
    hold_duty(stack)
    stack.await_descriptions()
    stack.import_users([user(1, platforms=("youtube", "twitch")) | {"report_to": "one@example.com"}, user(2, "free", platforms=("twitch",))])
    stack.ctl("user", "set", "user-2", "--report-to", "two@example.com")
    assert stack.ctl_json("user", "show", "user-2")["report_to"] == "two@example.com"
    stack.collect()
    first, last = last_week()
    assert stack.ctl("duty", "run", "reports", "--wait").stdout == "built 2 reports\n"
    wait_until(lambda: len(mailbox.mails) == 2, what="the mails")
    mails = {recipients[0]: mail for _, recipients, mail in mailbox.mails}
    assert set(mails) == {"one@example.com", "two@example.com"}
    mail = mails["one@example.com"]
    assert mail["Subject"] == f"user-1: {first} to {last}" and mail["From"] == "tally <tally@example.com>"
    assert mail.get_content_type() == "multipart/mixed" and not mail.defects
    assert mail.get_body().get_content().replace("\r\n", "\n").startswith(f"user-1: week from {first} to {last}\n")
    page, workbook = mail.iter_attachments()
    assert page.get_filename() == f"report-{first}.html" and page.get_content_type() == "text/html"
    assert page.get_content().encode() == get(stack, "user-1", tmp_path, ".html")
    assert workbook.get_filename() == f"report-{first}.xlsx"
    assert workbook.get_content() == get(stack, "user-1", tmp_path, ".xlsx")
    assert sheets(workbook.get_content())["summary"][0][:4] == ("platform", "account_id", "source", "metric")
    wait_until(lambda: {report["mail"] for report in stack.ctl_json("report", "list")} == {"sent"}, what="the notes")
    listed = stack.ctl("report", "list", "--user", "user-1").stdout
    assert re.search(rf"^user-1 +{first} +{last} .* sent ", listed, re.MULTILINE)

    # A second look of the duty sends nothing; a person may.
    assert stack.ctl("duty", "run", "reports", "--wait").stdout == "no report was due\n"
    assert "goes to two@example.com" in stack.ctl("report", "send", "user-2").stderr
    wait_until(lambda: len(mailbox.mails) == 3, what="the mail once more")
    assert mailbox.mails[2][1] == ["two@example.com"]
    # Who wants none any more gets none.
    stack.ctl("user", "set", "user-2", "--report-to", "")
    refused = stack.ctl("report", "send", "user-2", check=False)
    assert refused.returncode == 1 and "user 'user-2' has no address for reports" in refused.stderr
    # The role that reads numbers learns nobody's address.
    assert stack.sql("SELECT has_table_privilege('tally_reader', 'report_recipients', 'SELECT')") == [["f"]]


def test_a_mail_server_that_is_away_is_tried_again_after_a_restart_too(make_stack, mailbox):
    stack = make_stack(config=mail_config(mailbox).replace(str(mailbox.port), "1")).start()
    stack.import_users([user(1, platforms=("twitch",)) | {"report_to": "one@example.com"}])
    stack.collect()
    stack.ctl("report", "build", "user-1")
    stack.ctl("report", "send", "user-1")
    wait_until(lambda: stack.ctl_json("report", "list")[0]["mail_error"], what="the first failure")
    report = stack.ctl_json("report", "list")[0]
    assert report["mail"] == "waiting" and "connect" in report["mail_error"].lower()
    stack.stop()
    stack.write_config(mail_config(mailbox))
    stack.start()
    stack.sql("UPDATE outbox SET send_at = now()")
    wait_until(lambda: mailbox.mails, what="the mail")
    wait_until(lambda: stack.ctl_json("report", "list")[0]["mail"] == "sent", what="the note")
    assert stack.ctl_json("report", "list")[0]["mail_error"] is None


def test_an_address_that_is_refused_is_not_tried_again(make_stack, mailbox):
    mailbox.refuse = True
    stack = make_stack(config=mail_config(mailbox)).start()
    stack.import_users([user(1, platforms=("twitch",)) | {"report_to": "one@example.com"}])
    stack.collect()
    stack.ctl("report", "build", "user-1")
    stack.ctl("report", "send", "user-1")
    wait_until(lambda: stack.ctl_json("report", "list")[0]["mail"] == "failed", what="the refusal")
    assert "550" in stack.ctl_json("report", "list")[0]["mail_error"]
    assert [alert["subject"] for alert in stack.ctl_json("alert", "list") if alert["kind"] == "undelivered"] == ["weekly reports"]
    mailbox.refuse = False
    stack.ctl("report", "send", "user-1")
    wait_until(lambda: mailbox.mails, what="the mail")
    wait_until(lambda: not any(alert["kind"] == "undelivered" for alert in stack.ctl_json("alert", "list")), what="the end of the alert")


def test_templates_beside_the_configuration_replace_the_shipped_ones(stack, tmp_path):
    stack.import_users([user(1, platforms=("twitch",))])
    stack.collect()
    templates = stack.dir / "templates"
    templates.mkdir()
    templates.chmod(0o755)
    (templates / "report.txt").write_text("Dear {{user}}:{{#accounts}} {{title}} {{account}}{{/accounts}}\n")
    stack.ctl("report", "build", "user-1")
    assert stack.ctl("report", "get", "user-1").stdout == "Dear user-1: Twitch 40000001\n"
    assert b"<!DOCTYPE html>" in get(stack, "user-1", tmp_path, ".html")
    (templates / "report.txt").write_text("{{#accounts}} and no end")
    refused = stack.ctl("report", "build", "user-1", check=False)
    assert refused.returncode == 1 and f"{templates}/report.txt" in refused.stderr
    checked = stack.ctl("config", "check", str(stack.config), check=False)
    assert checked.returncode == 78 and f"{templates}/report.txt" in checked.stderr
    assert stack.ctl("report", "get", "user-1").stdout == "Dear user-1: Twitch 40000001\n", "the one before stands"


def test_what_cannot_be_says_why(stack, tmp_path):
    hold_duty(stack)
    stack.import_users([user(1, platforms=())])

    def refusal(code, *args):
        result = stack.ctl("report", *args, check=False)
        assert result.returncode == code, result.stderr
        return result.stderr

    today = datetime.datetime.now(UTC).date()
    assert "there is no user 'nobody'" in refusal(1, "build", "nobody")
    assert "there is no user 'nobody'" in refusal(1, "get", "nobody")
    assert "user 'user-1' has no report" in refusal(1, "get", "user-1")
    assert "there is no number of user 'user-1'" in refusal(1, "build", "user-1")
    assert "is not over" in refusal(64, "build", "user-1", "--week", str(today))
    assert "not kept for tier 'premium'" in refusal(64, "build", "user-1", "--week", str(today - datetime.timedelta(days=120)))
    assert "too old to be kept" in refusal(64, "build", "user-1", "--week", str(today - datetime.timedelta(days=400)))
    assert "no date: 'soon'" in refusal(64, "build", "user-1", "--week", "soon")
    assert "no mail server is configured" in refusal(1, "send", "user-1")
    assert "does not say which format" in refusal(64, "get", "user-1", "--out", str(tmp_path / "report.pdf"))
    assert "not a format: 'pdf'" in refusal(64, "get", "user-1", "--format", "pdf")
    assert not list(tmp_path.iterdir())
    assert "'report_to' is no address" in stack.ctl("user", "set", "user-1", "--report-to", "a b@example.com", check=False).stderr
    assert stack.ctl_json("report", "list") == []


def test_reports_of_many_users_are_listed_page_by_page(stack):
    hold_duty(stack)
    first, _ = last_week()
    before = first - datetime.timedelta(days=7)
    stack.sql("INSERT INTO users (user_id, tier) SELECT 'u' || to_char(n, 'FM0000'), 'free' FROM generate_series(1, 1200) n")
    stack.sql("INSERT INTO reports (user_id, week, node, metrics, html_bytes, xlsx_bytes) SELECT user_id, w, 'n', 1, 2, 3 "
              f"FROM users, (VALUES (date '{first}'), ('{before}')) AS weeks (w)")
    listed = [(report["first"], report["user_id"]) for report in stack.ctl_json("report", "list")]
    assert len(listed) == 2400 == len(set(listed))
    assert listed == sorted(listed, key=lambda entry: (entry[0] != str(first), entry[1]))
    assert len(stack.ctl_json("report", "list", "--week", str(before + datetime.timedelta(days=2)))) == 1200
    assert [report["first"] for report in stack.ctl_json("report", "list", "--user", "u0007")] == [str(first), str(before)]
