"""Threads racing on real PostgreSQL connections."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from core.services.books import verify
from marketdata.tests.factories import advance, replay_market
from trading.models import Account, Fill, Order, Position
from trading.services.changes import order_cancel
from trading.tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8


def race(jobs):
    """Run all jobs at once; their results, exceptions included."""
    barrier = Barrier(len(jobs))

    def run(job):
        try:
            barrier.wait(timeout=10)
            return job()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def assert_sound():
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


def test_one_key_sent_many_times_at_once_fills_once():
    account_id, who = make.account(replay_market(ticks=1))
    results = race([lambda: make.place(who, account_id, "buy", 5, key="same")] * THREADS)
    assert {result.id for result in results} == {results[0].id}
    assert Fill.objects.count() == 1
    assert_sound()


def test_racing_buys_cannot_spend_the_same_cash():
    account_id, who = make.account(replay_market(ticks=1), cash="1010")
    results = race([lambda: make.place(who, account_id, "buy", 3)] * THREADS)
    assert sorted(result.status for result in results) == ["denied"] * (THREADS - 3) + ["filled"] * 3
    assert Account.objects.get(pk=account_id).cash_minor >= 0
    assert_sound()


def test_no_share_is_sold_twice():
    account_id, who = make.account(replay_market(ticks=1))
    make.place(who, account_id, "buy", 10)
    jobs = [lambda: make.place(who, account_id, "sell", 6), lambda: make.place(who, account_id, "sell", 6, limit="140")]
    results = race(jobs * (THREADS // 2))
    assert sum(result.status != "denied" for result in results) == 1
    position = Position.objects.get(account_id=account_id)
    assert position.quantity - position.reserved_quantity == 4
    assert_sound()


def test_a_cancel_racing_a_fill_ends_in_exactly_one_of_them():
    market = replay_market(ticks=1)
    account_id, who = make.account(market)
    view = make.place(who, account_id, "buy", 10, limit="99", time_in_force="gtc")
    race([lambda: advance(market.id, 3), lambda: order_cancel(actor=who, order_id=view.id)])
    order = Order.objects.get(pk=view.id)
    assert order.status in ("filled", "canceled")
    assert Fill.objects.filter(order=order).count() == (order.status == "filled")
    assert_sound()


def test_orders_of_many_accounts_while_the_market_moves():
    market = replay_market(ticks=1)
    books = [make.account(market) for _ in range(4)]

    def trade(account_id, who):
        for number in range(10):
            make.place(who, account_id, "buy", 2, key=f"b{number}")
            make.place(who, account_id, "sell", 1, limit="101", time_in_force="gtc")

    results = race([lambda book=book: trade(*book) for book in books] + [lambda: advance(market.id, 12)])
    assert not [result for result in results if isinstance(result, Exception)]
    assert Order.objects.count() == 80
    assert_sound()
