"""Several workers and people at once, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from contests import selectors
from contests.models import Participant
from contests.services import lifecycle
from contests.services.closing import contest_end
from contests.services.joins import contest_join
from contests.tests.factories import contest
from core.errors import DomainError
from core.models import OutboxEvent
from marketdata.services.ticks import market_step
from trading.models import Account, Order
from trading.tests.factories import actor, place, user

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls):
    def run(call):
        try:
            return call()
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_one_place_is_given_once():
    view = contest(capacity=3)
    people = [actor(user()) for _ in range(8)]
    results = at_once([lambda who=who: contest_join(actor=who, contest_id=view.id) for who in people])
    assert sorted(map(str, results)).count("contest_full") == 5
    assert Participant.objects.filter(contest_id=view.id).count() == Account.objects.count() == 3


def test_one_person_joining_many_times_has_one_account():
    view, who = contest(), actor(user())
    results = at_once([lambda: contest_join(actor=who, contest_id=view.id)] * 8)
    assert len(set(results)) == 1
    assert Account.objects.count() == 1


def test_several_workers_start_and_end_a_contest_once():
    at = datetime.now(tz=UTC)
    view = contest(started=False, starts_at=at, ends_at=at + timedelta(minutes=1))
    at_once([lambda: lifecycle.lifecycle_run(at + timedelta(seconds=1))] * 6)
    assert selectors.contest_by_id(view.id).status == "active"
    at_once([lambda: lifecycle.lifecycle_run(at + timedelta(minutes=2))] * 6)
    lifecycle.lifecycle_run(at + timedelta(minutes=2))
    assert selectors.contest_by_id(view.id).status == "ended"
    topics = list(OutboxEvent.objects.filter(aggregate=f"contest:{view.id}").values_list("topic", flat=True))
    assert (topics.count("contests.contest_started"), topics.count("contests.contest_ended")) == (1, 1)


def test_orders_while_it_ends_are_in_the_final_value_or_refused():
    view = contest()
    market_step(market_id=view.market_id, ticks=1)
    people = [actor(user()) for _ in range(6)]
    accounts = [contest_join(actor=who, contest_id=view.id) for who in people]

    def trade(who, account_id):
        return [place(who, account_id, "buy", 1).status for _ in range(15)]

    calls = [lambda who=who, a=a: trade(who, a) for who, a in zip(people, accounts, strict=True)]
    results = at_once([*calls[:3], lambda: contest_end(contest_id=view.id), *calls[3:]])
    statuses = [status for result in results if isinstance(result, list) for status in result]
    assert set(statuses) <= {"filled", "denied"}
    for account in Account.objects.all():
        row = Participant.objects.get(account_id=account.pk)
        filled = Order.objects.filter(account=account, status="filled").count()
        assert (row.final_trades, row.final_cash_minor) == (filled, account.cash_minor)
        assert row.final_value_minor == account.cash_minor + filled * 10_000
