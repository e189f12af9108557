#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench instructions: what tallyd executes for an account, counted by callgrind; fails when it is not what is committed.

Time differs from machine to machine and from minute to minute, instructions hardly. A change that is meant to cost or to save
moves the figure: ./dev bench instructions --update, and the new one in the same commit, with the reason in its message."""
import json
import pathlib
import shutil
import subprocess
import time

import bench
import collect

FIGURE = pathlib.Path(__file__).with_suffix(".json")
TOLERANCE = 0.05
ACCOUNTS = 2_000
LEAD = 10  # seconds: a program under callgrind is slow to see that something will fall due


def count(setting):
    """Instructions from the moment before all fall due to the last commit, of all threads."""
    out = setting.state / "callgrind.out"
    setting.start_daemon(collect.FAST, under=["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"])
    control = lambda *what: subprocess.run(["callgrind_control", *what, str(setting.daemon.pid)], check=True,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(3)
    setting.database.sql(f"""UPDATE slots SET collect_at = at, slot_at = at
                               FROM (SELECT now() + interval '{LEAD} seconds' AS at) AS a""")
    control("-i", "on")
    collect.wait_until(lambda: setting.done() == ACCOUNTS, "the last run", 600, step=1)
    control("-i", "off")
    control("-d")
    setting.stop_daemon()
    totals = [line.split()[1] for dump in setting.state.glob("callgrind.out*") for line in dump.read_text().splitlines()
              if line.startswith("totals:")]
    return sum(map(int, totals)) / ACCOUNTS


def main():
    parser = bench.options("instructions", __doc__)
    parser.add_argument("--update", action="store_true", help=f"write the figure to {FIGURE.name} instead of comparing it")
    options = parser.parse_args()
    state = bench.state_directory()
    setting = collect.Bench(state)
    try:
        setting.start_nginx()
        setting.register(ACCOUNTS)
        setting.empty()
        found = count(setting)
    finally:
        setting.close()
        shutil.rmtree(state, ignore_errors=True)
    bench.save(options.json, "instructions", {"per_account": round(found)})
    if options.update:
        FIGURE.write_text(json.dumps({"per_account": int(round(found, -2))}) + "\n")
        print(f"{found:,.0f} instructions an account: written to {FIGURE}")
        return
    committed = json.loads(FIGURE.read_text())["per_account"]
    change = found / committed - 1
    print(f"{found:,.0f} instructions an account, {change:+.1%} of the {committed:,.0f} committed")
    if abs(change) > TOLERANCE:
        raise SystemExit(f"bench: more than {TOLERANCE:.0%} {'more' if change > 0 else 'less'} than {FIGURE}. If that is meant, move the "
                         "figure with './dev bench instructions --update' and say why in the commit.")


if __name__ == "__main__":
    main()
