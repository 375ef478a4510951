"""Enforcement pauses on replay markets: what the rules go by while a price is not believed, and afterwards."""

from decimal import Decimal

import pytest
from django.db.models import F

from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from marketdata.selectors import listings, market_view
from marketdata.services.listings import listing_halt, listing_resume
from marketdata.services.ticks import forget_process_state, tick_resume
from marketdata.tests.factories import advance
from trading.domain.types import Actor
from trading.models import Account, AccountMark, BookChange, EnforcementPause, RuleLines
from trading.selectors.pauses import paused_symbols, pauses_query
from trading.selectors.rules import rules_of
from trading.services import pauses
from trading.services.book import book_of
from trading.services.rules import rules_evaluate
from trading.tests import factories as make
from trading.tests.ruled import PRAGUE, played, proved, ruled, share, state, tick, verdicts

pytestmark = pytest.mark.django_db

CALM = {"BBB": [(50,) * 4] * 4, "CCC": [(20,) * 4] * 4}
DAILY = {"kind": "daily_loss", "amount": share(5), "reset": PRAGUE, "warn_at": []}
TRAIL = {"kind": "max_loss", "amount": share(10), "trailing": "intraday", "warn_at": []}


def holder(*prices, rules=(DAILY,), **more):
    """An account of 100,000 with 500 AAA at 100; `prices`: of AAA, four a day (the two in the middle in any order)."""
    days = [tuple(prices[start : start + 4]) for start in range(0, len(prices), 4)]
    days = [(day[0], max(day), min(day), day[3]) for day in days]
    bars = {"AAA": days, **{name: rows[: len(days)] for name, rows in CALM.items()}}
    market = played(bars, **more)
    account_id, who = ruled(market, *rules, cash="100000")
    make.place(who, account_id, "buy", 500)
    return market, account_id, who


@pytest.fixture(autouse=True)
def _fresh():
    pauses.forget()
    yield
    pauses.forget()


def operator():
    return make.actor(make.user(is_staff=True, role="admin"))


def rows():
    names = ("kind", "from_tick", "until_tick", "held_price")
    return list(EnforcementPause.objects.order_by("id").values_list(*names))


def test_a_wrong_print_fails_nobody_and_is_told():
    # The second day: 100, then 40 for one print, then 100 again.
    market, account_id, _ = holder(100, 100, 100, 100, 100, 100, 40, 100)
    prints = []
    for _ in range(7):
        advance(market.id)
        prints.append(tick(market).quotes["AAA"].last)
        if prints[-1] == 40:
            [pause] = pauses_query(market.id)
            assert (pause.kind, pause.held_price, pause.seen_price) == ("anomaly", 100, 40)
            [shown] = paused_symbols(account_id)
            assert (shown.symbol, shown.reason) == ("AAA", "-60.0% in one tick, from 100 to 40")
            # What is shown is the market's price; what is judged is the one that is held.
            assert AccountMark.objects.get(pk=account_id).equity_minor == 70_000_00
            assert rules_of(account_id, Actor(user_id=None, is_staff=True)).equity_minor == 100_000_00
            rules_evaluate(account_id, tick(market))
    assert Decimal(40) in prints
    assert verdicts(account_id) == []
    [pause] = EnforcementPause.objects.all()
    assert pause.until_tick == pause.from_tick + 1
    topics = OutboxEvent.objects.filter(topic__startswith="trading.enforcement_").order_by("id")
    assert [event.topic for event in topics] == ["trading.enforcement_paused", "trading.enforcement_resumed"]
    assert AuditEntry.objects.filter(action__startswith="enforcement_").count() == 2
    assert paused_symbols(account_id) == []


def test_what_stays_is_the_truth_and_is_judged_then():
    market, account_id, _ = holder(100, 100, 100, 100, 60, 60, 60, 60)
    advance(market.id, 4)
    assert [row[:3] for row in rows()] == [("anomaly", 4, None)]
    assert verdicts(account_id) == []
    advance(market.id)
    assert verdicts(account_id) == []
    advance(market.id)
    assert [row[:3] for row in rows()] == [("anomaly", 4, 6)]
    [verdict] = verdicts(account_id)
    assert verdict.code == "daily_loss_breached"
    assert verdict.evidence["inputs"]["observation"]["positions"][0]["price"] == "60"
    proved(verdict)


def test_a_crash_of_the_whole_market_pauses_nothing():
    market = played({"AAA": [(100, 100, 100, 100), (60,) * 4], "BBB": [(50,) * 4, (35,) * 4], "CCC": [(20,) * 4] * 2})
    account_id, who = ruled(market, DAILY, cash="100000")
    make.place(who, account_id, "buy", 500)
    advance(market.id, 4)
    assert rows() == []
    assert len(verdicts(account_id)) == 1


def test_a_wrong_peak_raises_no_trail():
    # 100 to 180 for one print: an intraday trail of that would fail the account when the price is back.
    market, account_id, _ = holder(100, 100, 100, 100, 100, 180, 100, 100, rules=(TRAIL,))
    advance(market.id, 7)
    assert len(rows()) == 1
    assert verdicts(account_id) == []
    assert state(account_id).high_waters[0].minor == 100_000_00
    assert RuleLines.objects.get(pk=account_id).peak == 100_000_00


def test_verdicts_under_a_pause_say_what_price_was_held():
    market, account_id, who = holder(100, 100, 100, 100, 40, 40, 40, 40, rules=(DAILY | {"warn_at": [50]},))
    make.place(who, account_id, "buy", 300, "BBB")
    advance(market.id, 4)
    # 2,600 are gone that no trade has lost: more than half of what a day may lose, at the held price.
    Account.objects.filter(pk=account_id).update(cash_minor=F("cash_minor") - 2_600_00)
    rules_evaluate(account_id, tick(market))
    [verdict] = verdicts(account_id)
    held = verdict.evidence["inputs"]["observation"]["positions"][0]
    assert (held["symbol"], held["price"]) == ("AAA", "100")
    assert held["source"].startswith("held price, enforcement paused: -60.0% in one tick")
    proved(verdict)


def test_holders_are_judged_again_when_a_pause_ends():
    market, account_id, _ = holder(100, 100, 100, 100, 100, 40, 100, 100, 100, 100, 100, 100)
    while not EnforcementPause.objects.filter(until_tick__isnull=False).exists():
        BookChange.objects.all().delete()
        assert advance(market.id)
    view, now = market_view(market.id), tick(market)
    assert pauses.resumed_holders(market.id, now.index) == {account_id}
    book = book_of(market.id)
    book.look(view, now)
    book.mark(now)
    book.nominate(now)
    assert account_id not in book.nominated
    book.nominate(now, pauses.resumed_holders(market.id, now.index))
    assert account_id in book.nominated
    advance(market.id)
    assert pauses.resumed_holders(market.id, now.index) == set()


def test_a_restart_at_any_tick_decides_the_same():
    prices = (100, 100, 100, 100, 100, 40, 100, 100, 60, 60, 60, 60)
    market, _, _ = holder(*prices)
    advance(market.id, 11)
    expected = rows()
    market, _, _ = holder(*prices)
    for _ in range(11):
        advance(market.id)
        pauses.forget()
        forget_process_state()
        tick_resume(market_id=market.id)
        pauses.forget()
    assert rows()[len(expected) :] == expected
    assert len(expected) == 2


def test_a_halt_holds_the_price_of_before_and_ends_with_it():
    market, account_id, _ = holder(100, 100, 100, 100, 92, 92, 92, 92)
    advance(market.id, 2)
    listing = next(item for item in listings(market.id) if item.symbol == "AAA")
    listing_halt(actor=None, listing_id=listing.id, reason="news")
    advance(market.id, 3)
    assert [(row[0], row[3]) for row in rows()] == [("halt", 100)]
    assert verdicts(account_id) == []  # 92 would use 4,000 of 5,000; nothing is told of it
    listing_resume(actor=None, listing_id=listing.id, reason="told")
    advance(market.id)
    assert rows()[0][2] is not None


def test_a_split_is_no_anomaly_and_a_held_price_is_counted_in_new_shares():
    market, account_id, _ = holder(
        100, 100, 100, 100, 25, 25, 25, 25, actions={"AAA": [("split", 1, 4)]}, basis="traded"
    )
    advance(market.id, 2)
    listing = next(item for item in listings(market.id) if item.symbol == "AAA")
    listing_halt(actor=None, listing_id=listing.id, reason="news")
    advance(market.id, 2)
    assert rows() == [("halt", 3, 4, 100), ("halt", 4, None, 25)]
    assert verdicts(account_id) == []


def test_operators_open_and_close_with_a_reason():
    market, account_id, _ = holder(
        100, 100, 100, 100, 92, 92, 92, 92, 92, 92, 92, 92, rules=(DAILY | {"amount": share(3)},)
    )
    who = operator()
    listing = next(item for item in listings(market.id) if item.symbol == "AAA")
    advance(market.id, 2)
    for wrong, kind in (
        ({"actor": make.actor(make.user())}, Forbidden),
        ({"reason": " "}, Invalid),
        ({"held_price": Decimal(0)}, Invalid),
        ({"listing_id": 0}, NotFound),
    ):
        with pytest.raises(kind):
            pauses.pause_open(**{"actor": who, "listing_id": listing.id, "reason": "Bad feed"} | wrong)
    pause_id = pauses.pause_open(actor=who, listing_id=listing.id, reason="Bad feed")
    with pytest.raises(Conflict) as twice:
        pauses.pause_open(actor=who, listing_id=listing.id, reason="Bad feed")
    assert twice.value.code == "already_paused"
    advance(market.id, 4)
    assert verdicts(account_id) == []
    pauses.pause_close(actor=who, pause_id=pause_id, reason="The price is right")
    with pytest.raises(Conflict) as over:
        pauses.pause_close(actor=who, pause_id=pause_id, reason="The price is right")
    assert over.value.code == "pause_over"
    advance(market.id)
    assert [verdict.code for verdict in verdicts(account_id)] == ["daily_loss_breached"]
    row = EnforcementPause.objects.get()
    assert (row.released_by_id, row.end_reason) == (who.user_id, "The price is right")
    assert AuditEntry.objects.get(action="enforcement_resumed").actor_id == who.user_id


def test_what_holds_at_the_end_of_a_market_ends_with_it():
    market, _, _ = holder(100, 100, 100, 40)
    advance(market.id, 3)
    [row] = rows()
    assert (row[0], row[2]) == ("anomaly", 4)
    assert EnforcementPause.objects.get().end_reason == "the market is over"


def test_operators_close_one_in_the_admin_with_a_reason(client):
    market, account_id, _ = holder(100, 100, 100, 100, 60, 60, 60, 60)
    advance(market.id, 4)
    [pause] = EnforcementPause.objects.all()
    client.force_login(make.user(is_staff=True, is_superuser=True, role="admin"))
    address = "/admin/trading/enforcementpause/"
    assert "AAA" in client.get(address).content.decode()
    act = {"action": "close", "_selected_action": [pause.pk]}
    client.post(address, act)
    assert EnforcementPause.objects.get().until_tick is None
    client.post(address, act | {"reason": "The price is right"})
    assert EnforcementPause.objects.get().end_reason == "The price is right"
    advance(market.id)
    assert [verdict.code for verdict in verdicts(account_id)] == ["daily_loss_breached"]
