#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench memory: tallyd's peak memory while it collects ten thousand accounts, a hundred thousand, a million."""
import shutil

import bench
import collect

# Each daemon collects at least so much: a second of work shows less than what it settles at, however many accounts there are.
WORK = 100_000
FLAT = 1.25  # what the largest may take more than the smallest


def measure(accounts, work):
    state = bench.state_directory()
    setting = collect.Bench(state)
    contender = collect.Contender("", accounts)
    try:
        setting.start_nginx()
        bench.say(f"registering {accounts:,} accounts")
        setting.register(accounts)
        setting.empty()
        times = max(1, work // accounts)
        bench.say(f"collecting {accounts:,} accounts, all due at once" + (f", {times} times" if times > 1 else ""))
        result = setting.run_tallyd(contender, times)
        bench.say(f"{accounts:,} accounts: {result.peak_mb:.1f} MB at most")
        return result
    finally:
        setting.close()
        shutil.rmtree(state, ignore_errors=True)


def main():
    options = bench.options("memory", __doc__).parse_args()
    sizes = (1_000, 10_000) if options.quick else (10_000, 100_000, 1_000_000)
    machine = bench.machine()
    work = WORK // 10 if options.quick else WORK
    results = {accounts: measure(accounts, work) for accounts in sizes}
    print(f"\naccounts collected by one tallyd, all due at the same moment, until it has collected {work:,} at least\n{machine}\n")
    print(f"  {'accounts':>12}{'peak MB':>10}{'accounts/s':>12}{'CPU us':>9}{'in PG us':>10}")
    for accounts, result in results.items():
        print(f"  {accounts:>12,}{result.peak_mb:>10.1f}{result.per_second:>12.0f}{result.cpu_us:>9.0f}{result.postgres_us:>10.0f}")
    growth = results[sizes[-1]].peak_mb / results[sizes[0]].peak_mb
    print(f"\n  the largest takes {growth:.2f} of the smallest: does not grow {'met' if growth <= FLAT else 'MISSED'}")
    bench.save(options.json, "memory", {"peak_mb": {str(accounts): round(result.peak_mb, 1) for accounts, result in results.items()},
                                        "growth": round(growth, 3)})


if __name__ == "__main__":
    main()
