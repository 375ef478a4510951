"""A person's limits, the kill switch, flattening, closing and locks."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from accounts.models import User
from core.errors import Conflict, Denied, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.services.books import verify
from marketdata import selectors
from marketdata.models import Listing
from marketdata.services.listings import listing_halt
from marketdata.services.markets import market_pause
from marketdata.services.ticks import tick_resume
from marketdata.tests.factories import advance, replay_market
from trading.domain.limits import Limits
from trading.domain.risk_presets import PRESETS, change, register_plan_limits, unregister_plan_limits
from trading.domain.types import SYSTEM, Actor
from trading.models import Account, Order, Position, RiskNotice, RiskSettings
from trading.services import locking, risk
from trading.services.accounts import group_set_status_in_tx
from trading.services.flatten import account_flatten, position_close
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_hold():
    yield
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


@pytest.fixture
def market():
    return replay_market(ticks=1)


@pytest.fixture
def book(market):
    return make.account(market)


@pytest.fixture
def plan():
    """A plan that allows 30 % of equity in one symbol and 3 % of loss a day."""
    allowed = Limits(max_position_pct=Decimal(30), max_daily_loss_pct=Decimal(3))

    def of(user_id):
        return allowed

    register_plan_limits(of)
    yield allowed
    unregister_plan_limits(of)


def choose(who, **more):
    return risk.risk_set(actor=who, user_id=who.user_id, **more)


def close(who, account_id, **more):
    return position_close(actor=who, account_id=account_id, symbol="AAA", **more)


# Limits


def test_a_tolerance_gives_its_preset_and_figures_of_ones_own_go_on_top(book):
    _, who = book
    view = choose(who, tolerance="moderate", limits={"max_position_pct": 40, "max_order_pct": None})
    assert view.tolerance == "moderate"
    expected = {**PRESETS["moderate"].to_json(), "max_position_pct": "40"}
    del expected["max_order_pct"]
    assert view.limits.to_json() == expected
    assert choose(who, limits={"max_open_orders": 3}).limits.to_json()["max_open_orders"] == 3
    entry = AuditEntry.objects.filter(action="risk_set").order_by("-id").first()
    assert (entry.actor_id, entry.subject_id) == (who.user_id, str(who.user_id))
    assert entry.after["chosen"]["max_open_orders"] == 3


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"limits": {"max_position_pct": "0"}}, "invalid_limits"),
        ({"limits": {"nonsense": 1}}, "invalid_limits"),
        ({"limits": {"blocked": False}}, "invalid_limits"),
        ({"tolerance": "wild"}, "unknown_tolerance"),
        ({}, "nothing_to_change"),
    ],
)
def test_what_is_no_choice_is_refused_and_stores_nothing(book, asked, code):
    with pytest.raises(Invalid) as refused:
        choose(book[1], **asked)
    assert refused.value.code == code
    assert not RiskSettings.objects.exists()


def test_only_the_person_and_operators_see_and_set(book):
    _, who = book
    stranger = make.actor(make.user())
    for call in (risk.risk_get, risk.risk_set, risk.kill_switch, risk.kill_switch_release):
        more = {"tolerance": "moderate"} if call is risk.risk_set else {}
        with pytest.raises(NotFound):
            call(actor=stranger, user_id=who.user_id, **more)
    staff = Actor(user_id=stranger.user_id, is_staff=True)
    assert risk.risk_get(actor=staff, user_id=who.user_id).chosen == Limits()


def test_tightening_holds_at_once_and_loosening_a_days_limit_waits_for_the_next_day(market, book):
    _, who = book
    choose(who, limits={"max_daily_loss_pct": 5, "max_position_pct": 20})
    view = choose(who, limits={"max_daily_loss_pct": 2, "max_position_pct": 10})
    assert (view.limits.max_daily_loss_pct, view.limits.max_position_pct, view.pending) == (2, 10, None)
    view = choose(who, limits={"max_position_pct": 50})
    # A bound on size is looser at once; the daily loss is kept to the end of the day.
    assert (view.limits.max_daily_loss_pct, view.limits.max_position_pct) == (2, 50)
    assert view.waits_for == {market.id: 0}
    advance(market.id, 3)
    assert risk.risk_get(actor=who, user_id=who.user_id).limits.max_daily_loss_pct == 2
    advance(market.id)
    view = risk.risk_get(actor=who, user_id=who.user_id)
    assert (view.limits.max_daily_loss_pct, view.pending) == (None, None)
    assert AuditEntry.objects.filter(action="risk_loosened").count() == 1


def test_a_wait_is_for_every_market_that_the_person_trades_in(market, book):
    _, who = book
    other = replay_market(ticks=1)
    make.account(other, owner=User.objects.get(pk=who.user_id))
    choose(who, limits={"max_trades_per_day": 1})
    choose(who, limits={})
    advance(market.id, 8)
    assert risk.risk_get(actor=who, user_id=who.user_id).limits.max_trades_per_day == 1
    advance(other.id, 4)
    assert risk.risk_get(actor=who, user_id=who.user_id).limits.max_trades_per_day is None


def test_whoever_has_no_account_waits_for_nothing():
    who = make.actor(make.user())
    choose(who, limits={"max_daily_loss_pct": 2})
    assert choose(who, limits={}).limits == Limits()


def test_a_plan_tightens_and_never_loosens(book, plan):
    account_id, who = book
    view = choose(who, limits={"max_position_pct": 50, "max_daily_loss_pct": 2, "max_open_orders": 9})
    assert (view.limits.max_position_pct, view.limits.max_daily_loss_pct) == (30, 2)
    found = {item.name: (item.value, item.source) for item in risk.effective_limits(who.user_id)}
    assert found == {
        "max_position_pct": (30, "plan"),
        "max_daily_loss_pct": (2, "own"),
        "max_open_orders": (9, "own"),
    }
    assert make.place(who, account_id, "buy", 35).code == "position_share_limit"
    assert make.place(who, account_id, "buy", 29).status == "filled"


def test_a_plan_that_comes_later_is_read_again(book):
    _, who = book
    choose(who, limits={"max_position_pct": 50})

    def of(user_id):
        return Limits(max_position_pct=Decimal(10))

    register_plan_limits(of)
    try:
        assert risk.risk_refresh(user_id=who.user_id).limits.max_position_pct == 10
    finally:
        unregister_plan_limits(of)
    assert risk.risk_refresh(user_id=who.user_id).limits.max_position_pct == 50


def test_the_group_of_an_account_is_named_too(market):
    group = make.group(market, limits={"max_order_pct": "15"})
    account_id, who = make.account(market, group_id=group)
    choose(who, limits={"max_order_pct": 20})
    [found] = risk.effective_limits(who.user_id, account_id=account_id)
    assert found.to_json() == {"name": "max_order_pct", "value": "15", "source": "account"}
    with pytest.raises(NotFound):
        risk.effective_limits(make.user().pk, account_id=account_id)


def test_change_keeps_back_exactly_what_is_looser():
    now, waits = change(Limits(max_daily_loss_pct=Decimal(2)), Limits(max_daily_loss_pct=Decimal(1)))
    assert (now.max_daily_loss_pct, waits) == (1, False)
    now, waits = change(Limits(), Limits(max_daily_loss_pct=Decimal(9)))
    assert (now.max_daily_loss_pct, waits) == (9, False)
    now, waits = change(Limits(max_orders_per_day=5, blocked=True), Limits(max_orders_per_day=6))
    assert (now.max_orders_per_day, now.blocked, waits) == (5, True, True)


# Daily loss


def test_a_daily_loss_is_told_once_a_day_and_denies_new_risk():
    market = replay_market({"AAA": [(100, 100, 100, 100), (90, 91, 89, 90), (80, 80, 80, 80)]}, ticks=1)
    account_id, who = make.account(market)
    choose(who, limits={"max_daily_loss_pct": 5})
    make.place(who, account_id, "buy", 90)
    advance(market.id, 3)
    assert not RiskNotice.objects.exists()
    advance(market.id)
    tick_resume(market_id=market.id)
    advance(market.id, 3)
    [event] = OutboxEvent.objects.filter(topic="trading.daily_loss_limit").values_list("payload", flat=True)
    assert (event["account_id"], event["owner_id"], event["limit_pct"]) == (account_id, who.user_id, "5")
    assert event["lost_minor"] * 100 >= 5 * event["day_equity_minor"]
    assert make.place(who, account_id, "buy", 1).code == "daily_loss_limit"
    assert make.place(who, account_id, "sell", 1).status == "filled"
    advance(market.id)
    assert RiskNotice.objects.filter(kind="daily_loss_limit").count() == 2


# Kill switch


def test_the_kill_switch_blocks_cancels_and_flattens_all_accounts_of_a_person(market, book):
    first, who = book
    second, _ = make.account(market, owner=User.objects.get(pk=who.user_id))
    theirs, other = make.account(market)
    for account_id, actor in ((first, who), (second, who), (theirs, other)):
        make.place(actor, account_id, "buy", 10)
        make.place(actor, account_id, "sell", 4, limit="140", time_in_force="gtc")
        make.place(actor, account_id, "buy", 1, limit="60", time_in_force="gtc")
    report = risk.kill_switch(actor=who, user_id=who.user_id, reason="enough")
    assert (report.was_blocked, report.is_done) == (False, True)
    assert [(part.account_id, len(part.canceled), len(part.closed)) for part in report.accounts] == [
        (first, 2, 1),
        (second, 2, 1),
    ]
    assert set(Order.objects.filter(status="canceled").values_list("account_id", "code")) == {
        (first, "kill_switch"),
        (second, "kill_switch"),
    }
    assert Position.objects.get(account_id=theirs).quantity == 10
    assert not Position.objects.exclude(account_id=theirs).exclude(quantity=0).exists()
    assert make.place(who, first, "buy", 1).code == "kill_switch"
    again = risk.kill_switch(actor=who, user_id=who.user_id)
    assert again.was_blocked
    assert not any(part.canceled or part.closed for part in again.accounts)
    assert AuditEntry.objects.filter(action="kill_switch").count() == 1


def test_the_kill_switch_says_what_could_not_be_done(market, book):
    account_id, who = book
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "buy", 10, symbol="BBB")
    listing_halt(actor=None, listing_id=Listing.objects.get(market_id=market.id, symbol="AAA").pk, reason="test")
    report = risk.kill_switch(actor=who, user_id=who.user_id)
    [left] = report.accounts[0].left
    assert (report.is_done, left.symbol, left.quantity, left.code) == (False, "AAA", "10", "halted")
    market_pause(actor=None, market_id=market.id)
    report = risk.kill_switch(actor=who, user_id=who.user_id)
    assert [left.symbol for left in report.accounts[0].left] == ["AAA"]
    assert report.to_json()["is_done"] is False


def test_the_kill_switch_may_leave_positions_and_never_touches_what_has_ended(market, book):
    account_id, who = book
    group = make.group(market)
    ended, _ = make.account(market, owner=User.objects.get(pk=who.user_id), group_id=group)
    for number in (account_id, ended):
        make.place(who, number, "buy", 10)
    with transaction.atomic():
        group_set_status_in_tx(group_id=group, status="closed")
    report = risk.kill_switch(actor=who, user_id=who.user_id, flatten=False)
    assert [part.account_id for part in report.accounts] == [account_id]
    risk.kill_switch(actor=who, user_id=who.user_id)
    assert Position.objects.get(account_id=account_id).quantity == 0
    assert Position.objects.get(account_id=ended).quantity == 10


def test_release_waits_for_the_next_day_unless_an_operator_says_so(market, book):
    account_id, who = book
    risk.kill_switch(actor=who, user_id=who.user_id)
    assert risk.kill_switch_release(actor=who, user_id=who.user_id).is_blocked
    # Another choice meanwhile does not take the release back, and another use of the switch does.
    choose(who, limits={"max_open_orders": 5})
    advance(market.id, 4)
    view = risk.risk_get(actor=who, user_id=who.user_id)
    assert (view.is_blocked, view.limits.max_open_orders) == (False, 5)
    risk.kill_switch(actor=who, user_id=who.user_id)
    risk.kill_switch_release(actor=who, user_id=who.user_id)
    risk.kill_switch(actor=who, user_id=who.user_id)
    advance(market.id, 4)
    assert risk.risk_get(actor=who, user_id=who.user_id).is_blocked
    staff = Actor(user_id=make.user().pk, is_staff=True)
    assert not risk.kill_switch_release(actor=staff, user_id=who.user_id, reason="asked").is_blocked
    assert make.place(who, account_id, "buy", 1).status == "filled"


# Closing and flattening


def test_a_position_is_closed_whole_or_in_part_and_a_key_answers_the_same_again(book):
    account_id, who = book
    make.place(who, account_id, "buy", 10)
    part = close(who, account_id, quantity=Decimal(4), idempotency_key="a")
    assert (part.status, part.side, part.quantity, part.reduce_only) == ("filled", "sell", "4", True)
    whole = close(who, account_id, idempotency_key="b")
    assert whole.quantity == "6"
    again = close(who, account_id, idempotency_key="b")
    assert (again.replayed, again.id) == (True, whole.id)
    make.place(who, account_id, "buy", 3)
    assert close(who, account_id, idempotency_key="b").id == whole.id
    with pytest.raises(Conflict):
        close(who, account_id, quantity=Decimal(2), idempotency_key="b")


def test_what_cannot_be_closed(book):
    account_id, who = book
    with pytest.raises(Denied, match="no position in AAA"):
        close(who, account_id)
    make.place(who, account_id, "buy", 3)
    make.place(who, account_id, "sell", 3, limit="140", time_in_force="gtc")
    assert close(who, account_id).code == "nothing_to_reduce"
    with pytest.raises(NotFound):
        close(make.actor(make.user()), account_id)


def test_an_account_is_flattened_by_its_owner_or_locked_by_the_system(market, book):
    account_id, who = book
    for symbol in ("AAA", "BBB"):
        make.place(who, account_id, "buy", 5, symbol=symbol)
    make.place(who, account_id, "sell", 5, limit="140", time_in_force="gtc")
    locking.account_lock(actor=SYSTEM, account_id=account_id, reason="a rule was broken")
    refused = account_flatten(actor=who, account_id=account_id)
    assert {left.code for left in refused.left} == {"account_not_active"}
    done = account_flatten(actor=SYSTEM, account_id=account_id, code="locked")
    assert (done.is_flat, len(done.closed)) == (True, 2)
    assert not Position.objects.exclude(quantity=0).exists()


# Locks


def lock(account_id, **more):
    return locking.account_lock(actor=SYSTEM, account_id=account_id, **{"reason": "daily loss", **more})


def test_a_soft_lock_lifts_at_its_time_and_tells(market, book):
    account_id, who = book
    at = market_at(market)
    assert lock(account_id, until=at + timedelta(hours=3))
    denied = make.place(who, account_id, "buy", 1)
    assert (denied.code, "daily loss" in denied.message) == ("account_not_active", True)
    advance(market.id)
    assert Account.objects.get(pk=account_id).status == "locked"
    advance(market.id)
    row = Account.objects.get(pk=account_id)
    assert (row.status, row.locked_until, row.lock_reason) == ("active", None, "")
    topics = OutboxEvent.objects.filter(topic__startswith="trading.account_").order_by("id")
    assert list(topics.values_list("topic", flat=True)) == ["trading.account_locked", "trading.account_unlocked"]
    assert AuditEntry.objects.filter(action="account_locked", reason="daily loss").count() == 1


def market_at(market):
    return selectors.market_clock(market.id).at


def test_a_lock_only_becomes_stronger(market, book):
    account_id, _ = book
    at = market_at(market)
    assert lock(account_id, until=at + timedelta(days=1))
    assert not lock(account_id, until=at + timedelta(hours=1))
    assert lock(account_id, reason="for good")
    assert not lock(account_id, until=at + timedelta(days=9))
    advance(market.id, 12)
    assert Account.objects.values_list("status", "lock_reason").get(pk=account_id) == ("locked", "for good")
    assert locking.account_unlock(actor=SYSTEM, account_id=account_id, reason="appeal")
    assert not locking.account_unlock(actor=SYSTEM, account_id=account_id, reason="appeal")


def test_locks_need_a_reason_and_an_account(book):
    account_id, _ = book
    with pytest.raises(Invalid):
        lock(account_id, reason=" ")
    with pytest.raises(NotFound):
        lock(10**12)
    Account.objects.filter(pk=account_id).update(status="closed")
    for call in (
        lambda: lock(account_id),
        lambda: locking.account_unlock(actor=SYSTEM, account_id=account_id, reason="x"),
    ):
        with pytest.raises(Conflict):
            call()
