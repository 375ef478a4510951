"""Nobody trades before onboarding is complete, and nobody while the platform halts; who has to go may get out."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.domain.client import Client
from accounts.domain.onboarding import TOLERANCES
from accounts.models import LegalText, User
from accounts.services.onboarding import experience_set
from core.models import OutboxEvent, SystemFlag
from core.services.outbox import drain
from marketdata.tests.factories import advance, replay_market
from trading.domain.risk_presets import PRESETS
from trading.domain.types import OrderRequest
from trading.models import Order, RiskSettings
from trading.services.changes import order_cancel
from trading.services.orders import order_place
from trading.services.risk import risk_set
from trading.tests import factories as make

pytestmark = pytest.mark.django_db

BARS = {"AAA": [(100, 100, 100, 100), (90, 90, 90, 90), (80, 80, 80, 80), (80, 80, 80, 80)]}

# Prints of a day.
DAY = 13


@pytest.fixture
def market():
    return replay_market(bars=BARS, ticks=1, prints=DAY)


@pytest.fixture
def book(market):
    return make.account(market)


def clear_to(who, clearance):
    User.objects.filter(pk=who.user_id).update(clearance=clearance)


def publish(edition, kind="terms", version=1):
    LegalText.objects.create(kind=kind, version=version, edition=edition, title="Terms", body="Be fair.")


def halt(*, until=None, is_on=True):
    SystemFlag.objects.update_or_create(key="trading_halt", defaults={"is_on": is_on, "until": until, "message": ""})


def rest(who, account_id, side, quantity, **prices):
    """An order that is good till cancelled."""
    prices = {name: Decimal(value) for name, value in prices.items()}
    kind = "stop" if "stop_price" in prices else "limit"
    request = OrderRequest("AAA", side, Decimal(quantity), type=kind, time_in_force="gtc", **prices)
    return order_place(actor=who, account_id=account_id, request=request)


def status_of(order_id):
    return Order.objects.values_list("status", flat=True).get(pk=order_id)


@pytest.mark.parametrize(
    ("clearance", "code", "url"),
    [
        (0, "onboarding_incomplete", "/onboarding"),
        (-1, "region_blocked", None),
        (1, "consent_due", "/onboarding/consent"),
    ],
)
def test_the_denial_says_where_to_go(book, clearance, code, url):
    account_id, who = book
    publish(1)
    publish(2, "risk")
    clear_to(who, clearance)
    view = make.place(who, account_id, "buy", 1)
    assert (view.status, view.code) == ("denied", code)
    assert (view.details or {}).get("url") == url


def test_with_the_newest_edition_accepted_orders_are_taken(book):
    account_id, who = book
    publish(1)
    publish(2, "risk")
    clear_to(who, 2)
    assert make.place(who, account_id, "buy", 1).status == "filled"


def test_without_any_text_a_newcomer_is_still_refused(book):
    account_id, who = book
    clear_to(who, 0)
    assert make.place(who, account_id, "buy", 1).code == "onboarding_incomplete"
    clear_to(who, 1)
    assert make.place(who, account_id, "buy", 1).status == "filled"


@pytest.mark.parametrize("clearance", [1, -1])
def test_who_has_to_accept_or_to_go_may_still_sell_what_they_hold(book, clearance):
    account_id, who = book
    assert make.place(who, account_id, "buy", 5).status == "filled"
    publish(2)
    clear_to(who, clearance)
    assert make.place(who, account_id, "buy", 1).status == "denied"
    assert make.place(who, account_id, "sell", 2).status == "filled"
    assert make.place(who, account_id, "sell", 3, reduce_only=True).status == "filled"


def test_resting_orders_wait_for_consent_but_exits_fill(market, book):
    account_id, who = book
    make.place(who, account_id, "buy", 5)
    stop = rest(who, account_id, "sell", 5, stop_price=95)
    entry = rest(who, account_id, "buy", 1, limit_price=85)
    publish(2)
    clear_to(who, 1)
    advance(market.id, DAY)
    assert status_of(stop.id) == "filled"
    advance(market.id, DAY)
    assert status_of(entry.id) == "accepted"
    clear_to(who, 2)
    advance(market.id, DAY)
    assert status_of(entry.id) == "filled"


def test_a_halt_refuses_orders_lets_none_fill_and_never_keeps_from_cancelling(market, book):
    account_id, who = book
    make.place(who, account_id, "buy", 5)
    stop = rest(who, account_id, "sell", 5, stop_price=95)
    entry = rest(who, account_id, "buy", 1, limit_price=70)
    halt()
    assert make.place(who, account_id, "buy", 1).code == "trading_halted"
    assert make.place(who, account_id, "sell", 1, reduce_only=True).code == "trading_halted"
    advance(market.id, DAY)
    assert status_of(stop.id) == "accepted"
    assert order_cancel(actor=who, order_id=entry.id).status == "canceled"
    halt(is_on=False)
    advance(market.id, DAY)
    assert status_of(stop.id) == "filled"


def test_a_halt_ends_by_itself(book):
    account_id, who = book
    halt(until=timezone.now() - timedelta(seconds=1))
    assert make.place(who, account_id, "buy", 1).status == "filled"
    halt(until=timezone.now() + timedelta(hours=1))
    assert make.place(who, account_id, "buy", 1).code == "trading_halted"


class TestFirstLimits:
    @pytest.fixture
    def newcomer(self):
        return make.user(clearance=0)

    @staticmethod
    def answer(user, tolerance):
        experience_set(user_id=user.pk, experience="some", risk_tolerance=tolerance, client=Client())
        OutboxEvent.objects.update(next_at=timezone.now() - timedelta(days=1))
        drain()

    def test_onboarding_sets_them(self, newcomer):
        self.answer(newcomer, "conservative")
        row = RiskSettings.objects.get(owner=newcomer)
        assert (row.tolerance, row.limits["max_position_pct"]) == ("conservative", "10")

    def test_what_a_person_has_chosen_stays(self, newcomer):
        risk_set(actor=make.actor(newcomer), user_id=newcomer.pk, limits={"max_position_pct": "33"})
        self.answer(newcomer, "conservative")
        assert RiskSettings.objects.get(owner=newcomer).chosen == {"max_position_pct": "33"}

    def test_a_later_answer_changes_nothing(self, newcomer):
        self.answer(newcomer, "conservative")
        self.answer(newcomer, "aggressive")
        assert RiskSettings.objects.get(owner=newcomer).tolerance == "conservative"

    @pytest.mark.parametrize("tolerance", sorted(TOLERANCES))
    def test_the_words_of_onboarding_say_the_figures(self, tolerance):
        words, limits = TOLERANCES[tolerance][1], PRESETS[tolerance]
        assert f"{limits.max_order_pct}% of your equity" in words
        assert f"at a loss of {limits.max_daily_loss_pct}%" in words
        assert limits.max_trades_per_day is None or f"{limits.max_trades_per_day} trades a day" in words
        assert limits.default_stop_pct is None or f"{limits.default_stop_pct}% away" in words
