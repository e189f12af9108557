#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The usual collector in Python: a loop over the users, requests, psycopg2, an INSERT a metric, a commit a user."""
import datetime
import json
import sys
import time

import psycopg2
import requests

INSERT = """INSERT INTO peer_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, first_seen_at, run_id)
            VALUES (%s, 'bench', %s, 'social_media', %s, %s, %s, now(), now(), 0) ON CONFLICT DO NOTHING"""


def main():
    if len(sys.argv) == 2 and sys.argv[1] == "--version":
        print(f"Python {sys.version.split()[0]}, requests {requests.__version__}, psycopg2 {psycopg2.__version__.split()[0]}")
        return
    database, platform, limit = sys.argv[1:]
    connection = psycopg2.connect(database)
    session = requests.Session()
    today = datetime.datetime.now(datetime.timezone.utc).date()
    start = time.monotonic()
    cursor = connection.cursor()
    cursor.execute("SELECT user_id, account_id, token FROM peer_accounts ORDER BY connection_id LIMIT %s", [limit])
    accounts = cursor.fetchall()
    for user_id, account_id, token in accounts:
        answer = session.get(f"{platform}/v1/accounts/{account_id}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        answer.raise_for_status()
        for metric, value in answer.json()["counters"].items():
            cursor.execute(INSERT, [user_id, account_id, metric, value, today])
        connection.commit()
    print(json.dumps({"served": len(accounts), "seconds": time.monotonic() - start}))


main()
