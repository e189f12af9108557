# SPDX-License-Identifier: Apache-2.0
"""Alerts arrive where the configuration says: a webhook, a mail server, a program."""
import pytest

from listeners import Mailbox, Webhook
from servers import Postgres
from stack import user, wait_until


@pytest.fixture
def mailbox():
    with Mailbox().listening() as box:
        yield box


@pytest.fixture
def postgres():
    server = Postgres()
    yield server
    server.close()


def titles(webhook):
    return [body["title"] for body in webhook.bodies]


def hurry(stack):
    """Alerts are told once they have lasted for a while, by a duty of every minute."""
    stack.sql("UPDATE alerts SET raised_at = raised_at - interval '1 min', told_at = told_at - interval '1 h'")
    stack.ctl("duty", "run", "alerts")


def test_a_mail_a_webhook_and_a_program_arrive(make_stack, mailbox, tmp_path):
    webhook = Webhook()
    slack = Webhook()
    page = tmp_path / "page"
    page.write_text(f"#!/bin/sh\necho \"$1\" >> {tmp_path}/pages\ncat >> {tmp_path}/pages\n")
    page.chmod(0o755)
    tmp_path.chmod(0o755)
    stack = make_stack(config=f"""
alerts:
  disk: 1
  channels:
    hook: {{ webhook: "{webhook.url}", format: plain }}
    chat: {{ webhook: "{slack.url}" }}
    mail: {{ email: ops@example.com }}
    pager: {{ command: {page} }}
smtp: {{ url: "smtp://127.0.0.1:{mailbox.port}", from: tally@example.com }}
""").start()
    # A test says of each channel whether it took the message.
    answer = stack.ctl("alert", "test")
    assert answer.stdout.splitlines() == ["chat: delivered", "hook: delivered", "mail: delivered", "pager: delivered"]
    assert titles(webhook) == ["a test: alerts arrive here"]
    assert slack.bodies[0]["text"].startswith(":wave: *[tally ")
    sender, recipients, mail = mailbox.mails[0]
    assert (sender, recipients) == ("tally@example.com", ["ops@example.com"])
    assert mail["Subject"].startswith("[tally ") and "a test: alerts arrive here" in mail["Subject"]
    assert "Nothing is wrong" in mail.get_content()
    assert "a test: alerts arrive here" in (tmp_path / "pages").read_text()
    webhook.status = 500
    answer = stack.ctl("alert", "test", check=False)
    assert answer.returncode == 3 and "hook: not delivered: the webhook answered 500: not now" in answer.stdout
    assert [c["delivered"] for c in stack.ctl_json("alert", "test", check=False)] == [True, False, True, True]
    webhook.status = 200
    webhook.bodies.clear()
    mailbox.mails.clear()

    # Many connections that fail for one cause are one message on each channel.
    stack.import_users([user(n, platforms=("twitch",)) for n in range(1, 13)])
    stack.collect()
    stack.sql("INSERT INTO alerts (kind, subject, message) SELECT 'given_up', 'user-' || n || ' twitch', 'status 503' FROM generate_series(1, 12) n")
    hurry(stack)
    wait_until(lambda: webhook.bodies and mailbox.mails, what="the messages")
    assert titles(webhook) == ["12 collections were given up"]
    assert webhook.bodies[0]["count"] == 12 and len(webhook.bodies[0]["lines"]) == 10
    content = mailbox.mails[0][2].get_content()
    assert "user-1 twitch: status 503" in content and "and 2 more" in content

    # What a webhook does not take is tried again, after a restart too; what was told before is not told again.
    webhook.status = 503
    webhook.bodies.clear()
    stack.sql("UPDATE alerts SET resolved_at = now()")
    hurry(stack)
    wait_until(lambda: "alert not delivered, trying again" in stack.log(), what="the failure")
    stack.kill()
    webhook.status = 200
    stack.start()
    stack.sql("UPDATE outbox SET send_at = now() WHERE sent_at IS NULL")
    wait_until(lambda: webhook.bodies, what="the message")
    assert titles(webhook) == ["over: 12 collections were given up"]
    assert stack.sql("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == [["0"]]
    assert "very-secret" not in stack.log()


def test_an_outage_of_the_database_is_told_without_it(postgres, make_stack):
    webhook = Webhook()
    stack = make_stack()
    stack.write_config(f"alerts: {{ disk: 1, channels: {{ hook: {{ webhook: \"{webhook.url}\", format: plain }} }} }}\n"
                       f"database: {{ url: \"{postgres.url()}\" }}\n")
    stack.start()
    postgres.stop()
    wait_until(lambda: webhook.bodies, timeout=120, what="the message")
    assert titles(webhook) == ["the database is in trouble"] and webhook.bodies[0]["severity"] == "critical"
    postgres.start()
    wait_until(lambda: len(webhook.bodies) == 2, timeout=120, what="its end")
    assert titles(webhook)[1] == "over: the database was in trouble" and webhook.bodies[1]["reason"] == "over"


def test_the_disk_of_a_host_that_is_gone_is_nobodys_trouble(make_stack):
    stack = make_stack(config="alerts: { disk: 1 }\n").start()
    stack.sql("INSERT INTO alerts (kind, subject, message) VALUES ('disk', 'a-host-of-last-year', '2 % of the disk are free')")
    stack.ctl("duty", "run", "alerts", "--wait")
    assert stack.sql("SELECT resolved_at IS NOT NULL FROM alerts") == [["t"]]


def test_channels_that_cannot_be_are_refused_with_file_and_line(make_stack):
    stack = make_stack()
    for text, words in (("alerts: { channels: { a: { format: plain } } }", "exactly one of webhook, email and command"),
                        ("alerts: { channels: { a: { email: ops@example.com } } }", "mail needs smtp.url and smtp.from"),
                        ("alerts: { channels: { a: { email: ops } } }", "not an address"),
                        ("alerts: { channels: { a: { webhook: \"http://127.0.0.1.example.com/\" } } }", "not the URL of a webhook"),
                        ("alerts: { quiet: 22-7 }", "not hours of the day"),
                        ("smtp: { url: \"http://mail\" }", "not the URL of a mail server"),
                        ("smtp: { url: \"smtp://mail.example.com:99999\" }", "not the URL of a mail server")):
        stack.write_config(text + "\n")
        answer = stack.ctl("config", "check", check=False)
        assert answer.returncode == 78 and words in answer.stderr and "tallyctl.yaml:" in answer.stderr, answer.stderr
