"""What people are told of their orders and accounts."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notification, NotificationDelivery
from core.models import OutboxEvent
from core.redis import client
from core.services.outbox import drain
from marketdata.tests.factories import advance, replay_market
from trading.domain.types import SYSTEM
from trading.services import risk, telling
from trading.services.changes import order_cancel, order_end, orders_cancel_for_group
from trading.tests import factories as make
from trading.tests.ruled import played, ruled, share

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return replay_market(ticks=1)


def later(seconds: int = 60) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def deliver() -> None:
    OutboxEvent.objects.update(next_at=datetime(2000, 1, 1, tzinfo=UTC))
    drain()


def told(who, kind: str | None = None) -> list[tuple[str, str]]:
    rows = Notification.objects.filter(user_id=who.user_id, **({"kind": kind} if kind else {})).order_by("id")
    return list(rows.values_list("title", "body"))


# ---- Fills


def test_a_fill_is_told_once_however_often_it_is_looked_at(market):
    account_id, who = make.account(market)
    view = make.place(who, account_id, "buy", 10)
    assert telling.fills_tell(timezone.now()) == 0  # its slot is not over
    assert telling.fills_tell(later()) == 1
    assert telling.fills_tell(later(300)) == 0
    client().flushdb()  # what was kept of it is lost
    assert telling.fills_tell(later()) == 0
    ((title, body),) = told(who)
    assert title.startswith("Bought 10 AAA at ")
    assert body == "Test account. The order is filled."
    assert Notification.objects.get().url == f"/orders/{view.id}"
    assert not NotificationDelivery.objects.exists()


DAY = 86_400


@pytest.fixture
def wide(monkeypatch):
    """Slots of a day, so that what a test does lies in one."""
    monkeypatch.setattr(telling, "SLOT", DAY)
    monkeypatch.setattr(telling, "REMEMBERED", 3 * DAY)


def test_many_fills_are_one_notification(market, wide):
    account_id, who = make.account(market)
    for quantity in (1, 2, 3, 4, 5):
        make.place(who, account_id, "buy", quantity)
    assert telling.fills_tell(later(DAY)) == 1
    ((title, body),) = told(who)
    assert title == "5 orders filled"
    assert body.startswith("Test account. Bought 1 AAA at ")
    assert body.endswith(", and 2 more.")
    assert Notification.objects.get().url == f"/accounts/{account_id}"


def test_fills_of_agents_are_told_to_nobody(market):
    account_id, who = make.account(market, owner=make.user(kind="agent"))
    make.place(who, account_id, "buy", 1)
    assert telling.fills_tell(later()) == 0


def test_reading_fills_asks_the_same_however_many_accounts_there_are(market, wide):
    asked = []
    for crowd in (1, 6):
        for _ in range(crowd):
            account_id, who = make.account(market)
            make.place(who, account_id, "buy", 1)
        client().flushdb()
        with CaptureQueriesContext(connection) as queries:
            telling.fills_tell(later(DAY))
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert Notification.objects.count() == 7


def test_a_long_silence_is_caught_up_in_bounded_steps(market):
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 1)
    made = [telling.fills_tell(later(1_500)) for _ in range(4)]
    # The slot lies more than twenty minutes back: without a mark only the last minutes are read.
    assert sum(made) == 0
    client().flushdb()
    client().hset("trading:told:fills", mapping={"slot": int(timezone.now().timestamp()) // 20 - 2, "low_id": 0})
    made = [telling.fills_tell(later(1_500)) for _ in range(4)]
    assert sum(made) == 1


# ---- Endings


def test_endings_that_nobody_asked_for_are_told(market):
    account_id, who = make.account(market)
    own = make.place(who, account_id, "buy", 1, limit="99")
    order_cancel(actor=who, order_id=own.id)
    assert telling.endings_tell(later()) == 0
    rests = make.place(who, account_id, "buy", 3, limit="99")
    order_end(account_id=account_id, order_id=rests.id, status="canceled", code="delisted", actor=SYSTEM)
    client().flushdb()
    assert telling.endings_tell(later()) == 1
    ((title, body),) = told(who)
    assert title == "Your order to buy 3 AAA has ended"
    assert body == "Test account. The instrument has left the market."


def test_what_a_contest_ends_is_told_by_the_contest_alone(market):
    group = make.group(market)
    account_id, who = make.account(market, group_id=group)
    make.place(who, account_id, "buy", 1, limit="99")
    assert orders_cancel_for_group(group_id=group) == 1
    assert telling.endings_tell(later()) == 0
    assert told(who) == []


# ---- Margin calls, limits, verdicts


def test_a_margin_call_says_what_stands_and_what_to_do(market):
    account_id, who = make.account(market)
    _emit("margin_call", account_id, equity_minor=123_456_00, maintenance_minor=130_000_00, close_out_minor=90_000_00)
    _emit("margin_call_ended", account_id, outcome="met", orders=0)
    _emit("margin_call_ended", account_id, outcome="reduced", orders=2)
    deliver()
    deliver()
    first, second = told(who, "margin_call")
    assert first[0] == "Margin call on Test account"
    assert first[1].startswith("Equity is 123,456.00 USD, the maintenance margin 130,000.00 USD. Reduce positions")
    assert second[1] == "Positions were reduced for you by 2 orders. The call is over."
    assert set(NotificationDelivery.objects.values_list("channel", "status")) == {("email", "pending")}


def _emit(topic: str, account_id: int, /, **payload: object) -> None:
    OutboxEvent.objects.create(
        topic=f"trading.{topic}", aggregate=f"account:{account_id}", payload={"account_id": account_id, **payload}
    )


def test_a_daily_loss_is_told_as_it_grows_and_of_several_levels_the_highest():
    # All of 10,000 in it, 5 % may be lost a day: the first day falls to 97 and 95.50, the second at once to 89.
    market = played({"AAA": [(100, 100, 95.5, 97), (89, 89, 89, 89)]})
    account_id, who = make.account(market)
    risk.risk_set(actor=who, user_id=who.user_id, limits={"max_daily_loss_pct": 5})
    make.place(who, account_id, "buy", 99)
    seen = []
    for _ in range(4):
        advance(market.id)
        deliver()
        seen.append([title for title, _ in told(who)])
    titles = seen[-1]
    assert titles == [
        "Test account: 80% of the daily loss limit used",
        "Test account: the daily loss limit reached",
    ]
    assert [len(rows) for rows in seen] == [0, 1, 1, 2]
    ((_, body),) = told(who, "limit_warning")
    assert body.startswith("Lost today: 445.50 USD (4.46%), of 5% that you allow. At the limit, orders that open risk")
    channels = NotificationDelivery.objects.filter(notification__kind="limit_reached").values_list("channel", flat=True)
    assert list(channels) == ["email"]


def test_a_warning_of_the_rules_says_how_much_is_used():
    market = played({"AAA": [(100, 100, 97, 98), (98, 98, 95, 96)]})
    rule = {"kind": "daily_loss", "amount": share(5), "warn_at": [50, 80]}
    account_id, who = ruled(market, rule, cash="100000")
    make.place(who, account_id, "buy", 1000)
    advance(market.id, 3)
    deliver()
    ((title, body),) = told(who)
    assert title == "Test account: 50% of the daily loss limit used"
    assert body.startswith("Daily loss: 50% of the limit is used.")


@pytest.mark.parametrize(
    ("severity", "kind", "title"),
    [
        ("soft", "limit_reached", "Test account: the daily loss limit reached"),
        ("fail", "verdict", "Test account: the account has failed"),
    ],
)
def test_verdicts_are_told_by_what_they_do(severity, kind, title):
    market = played({"AAA": [(100, 100, 95, 95), (95, 95, 95, 95)]})
    rule = {"kind": "daily_loss", "amount": share(1), "severity": severity, "warn_at": []}
    account_id, who = ruled(market, rule, cash="100000")
    make.place(who, account_id, "buy", 500)
    advance(market.id, 3)
    deliver()
    assert [row[0] for row in told(who, kind)] == [title]
    # What the verdict closed is part of it.
    assert telling.endings_tell(later()) == 0


def test_verdicts_on_agents_are_told_to_nobody(market):
    account_id, who = make.account(market, owner=make.user(kind="agent"))
    payload = {"kind": "fail", "code": "daily_loss_breached", "message": "m", "verdict_id": 0}
    _emit("verdict", account_id, **payload)
    deliver()
    assert told(who) == []
    assert OutboxEvent.objects.get(topic="trading.verdict").status == "done"
