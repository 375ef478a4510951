"""Matching drill: two workers, many clients, kill -9 in the middle; then the books must hold.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \\
        bin/with-services --durable .venv/bin/python bench/drill_matching.py [--seconds 60] [--sizes]

Four clients trade one account (place, cancel, replace, bracket), two trade accounts of their own, while the market
prints ten times a second and two worker processes match every print. In the middle one worker is killed (SIGKILL) and
another takes its place. At the end: no client failed, PostgreSQL saw no deadlock, no quote filled an order twice, and
`verify_books` finds nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
PERIOD = 0.1


def deadlocks() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def books_open(seconds: float, *, sizes: bool) -> tuple[Any, list[Any]]:
    """The market, and an account for each client: four times the same one, a margin account, one with commission."""
    from marketdata.tests.factories import replay_market
    from trading.domain.margin import Terms
    from trading.tests.machine import traffic, venues

    sessions = int(seconds / PERIOD / 4) + 10
    bars = {"AAA": traffic.walk(100, sessions, 1), "BBB": traffic.walk(50, sessions, 2)}
    market = replay_market(bars, warmup=1, ticks=1, volume=20_000, venue={"sizes": sizes, "max_volume_share": "0.3"})
    books = [venues.account(market, Terms(fees="us:share=0.005,min=1,max_pct=1"), "20000", None)] * 4
    books += [venues.account(market, Terms(kind="margin", leverage=Decimal(2), short=True), "20000", None)]
    return market, [*books, venues.account(market, Terms(), "20000", None)]


def run(options: argparse.Namespace) -> int:
    from core.services.books import verify
    from trading.models import Fill, Order
    from trading.tests.machine import traffic
    from trading.tests.machine.books import check_account, check_sizes

    market, books = books_open(options.seconds, sizes=options.sizes)
    before, failed = deadlocks(), 0
    workers = [traffic.worker_start(market.id, options.seconds + 60) for _ in range(2)]
    for worker in workers:
        worker.stdout.readline()
    until = time.monotonic() + options.seconds
    clients = [traffic.Client(account_id, who, market.id, until, seed) for seed, (account_id, who) in enumerate(books)]
    for client in clients:
        client.start()
    half, ticks = time.monotonic() + options.seconds / 2, 0
    while time.monotonic() < until:
        ticks += traffic.tick(market.id)
        if half and time.monotonic() > half:
            workers[0].kill()
            print(f"{time.strftime('%H:%M:%S')} kill -9 of a worker (pid {workers[0].pid})", flush=True)
            workers.append(traffic.worker_start(market.id, options.seconds + 60))
            half = 0
        time.sleep(PERIOD)
    for client in clients:
        client.join()
    for worker in workers[1:]:
        failed += worker.poll() is not None
        worker.kill()
        failed += "Traceback" in (said := worker.communicate()[0])
        print(said, end="")
    traffic.work(market.id)
    done: Counter[str] = sum((client.done for client in clients), Counter())
    print(dict(done.most_common()))
    failures = [failure for client in clients for failure in client.failures]
    print(f"{ticks} ticks, {Order.objects.count()} orders, {Fill.objects.count()} fills; client failures: {failures}")
    print(f"deadlocks: {deadlocks() - before}")
    for account_id, _ in books[3:]:
        check_account(account_id)
    check_sizes(market.id)
    report = verify()
    print("books:", "sound" if report.is_sound else [item for item in report.outcomes if item.mismatches])
    return int(bool(failed or failures or deadlocks() - before or not report.is_sound))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sizes", action="store_true", help="A market whose quotes carry sizes")
    options = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    raise SystemExit(run(options))


if __name__ == "__main__":
    main()
