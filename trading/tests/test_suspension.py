"""Orders of people who are suspended."""

import pytest

from accounts.services.suspension import user_suspend
from core.models import OutboxEvent
from core.services.outbox import drain
from marketdata.tests.factories import replay_market
from trading.models import Order, OrderTransition, Position
from trading.services.suspended import suspended_orders_cancel
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    market = replay_market(bars={"AAA": [(100, 100, 100, 100), (90, 90, 90, 90)]}, ticks=1, prints=13)
    account_id, who = make.account(market)
    other_id, other = make.account(market)
    make.place(who, account_id, "buy", 2)
    mine = [make.place(who, account_id, "buy", 1, limit=str(price)).id for price in (50, 51, 52)]
    theirs = make.place(other, other_id, "buy", 1, limit="50").id
    return who, account_id, mine, theirs


def test_resting_orders_are_cancelled_and_positions_stay(world, django_capture_on_commit_callbacks):
    who, account_id, mine, theirs = world
    user_suspend(actor=None, user_id=who.user_id, reason="spam")
    with django_capture_on_commit_callbacks(execute=True):
        drain()
    assert not OutboxEvent.objects.filter(topic="accounts.user_suspended").exclude(status="done").exists()
    assert set(Order.objects.filter(pk__in=mine).values_list("status", flat=True)) == {"canceled"}
    assert Order.objects.get(pk=theirs).status == "accepted"
    assert Position.objects.get(account_id=account_id).quantity == 2
    last = OrderTransition.objects.filter(order_id=mine[0]).order_by("-pk").first()
    assert last.reason == "owner_suspended"


def test_what_was_lost_is_done_by_the_periodic_task(world):
    who, _, _, theirs = world
    assert suspended_orders_cancel() == 0
    user_suspend(actor=None, user_id=who.user_id, reason="spam")
    assert suspended_orders_cancel() == 3
    assert suspended_orders_cancel() == 0
    assert Order.objects.get(pk=theirs).status == "accepted"
