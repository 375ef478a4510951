"""Two matching workers, four clients on one account and two on others, one worker killed in the middle.

The same for a minute, and more clients: bench/drill_matching.py.
"""

import os
import time
from decimal import Decimal

import pytest
from django.db import connection

from core.services.books import verify
from marketdata.tests.factories import replay_market
from trading.domain.margin import Terms
from trading.models import Fill
from trading.tests import factories as make
from trading.tests.machine import traffic, venues
from trading.tests.machine.books import check_account, check_sizes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SECONDS = float(os.environ.get("WORKERS_SECONDS", "6"))
PERIOD = 0.1


def deadlocks() -> int:
    """Deadlocks that this database has seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("venue", [{}, {"sizes": True, "max_volume_share": "0.3"}], ids=["plain", "sizes"])
def test_workers_clients_and_a_kill(venue):
    sessions = int(SECONDS / PERIOD / 4) + 10
    bars = {"AAA": traffic.walk(100, sessions, 1), "BBB": traffic.walk(50, sessions, 2)}
    market = replay_market(bars, warmup=1, ticks=1, venue=venue, volume=20_000)
    books = [make.account(market, cash="20000")] * 4
    books += [venues.account(market, Terms(kind="margin", leverage=Decimal(2), short=True), "20000", None)]
    books += [make.account(market, cash="20000", group_id=make.group(market, commission_bps="5"))]
    before = deadlocks()
    workers = [traffic.worker_start(market.id, SECONDS + 30) for _ in range(2)]
    try:
        for worker in workers:
            assert worker.stdout.readline() == "ready\n", worker.stdout.read()
        until = time.monotonic() + SECONDS
        clients = [
            traffic.Client(account_id, who, market.id, until, seed) for seed, (account_id, who) in enumerate(books)
        ]
        for client in clients:
            client.start()
        half = time.monotonic() + SECONDS / 2
        while time.monotonic() < until:
            assert traffic.tick(market.id)
            if half and time.monotonic() > half:
                workers[0].kill()
                half = 0
            time.sleep(PERIOD)
        for client in clients:
            client.join(timeout=30)
    finally:
        for worker in workers:
            alive = worker.poll() is None
            worker.kill()
            said = worker.communicate()[0]
            assert worker is workers[0] or alive, said
    traffic.work(market.id)
    assert not [failure for client in clients for failure in client.failures]
    assert "Traceback" not in said, said
    assert deadlocks() == before
    assert Fill.objects.count() > 20
    for account_id, _ in books[3:]:
        check_account(account_id)
    check_sizes(market.id)
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]
