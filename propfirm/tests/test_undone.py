"""Verdicts that are undone, and what holds an account meanwhile: the money is right, and nothing ends it again."""

import pytest

from core.errors import Conflict
from core.services.books import verify as verify_books
from marketdata.models import Listing
from marketdata.services.listings import listing_halt
from marketdata.tests.factories import advance
from payments.tests.factories_payouts import finance, payable
from propfirm.models import PropActivity
from propfirm.services.disputes import dispute_assess, dispute_decide, dispute_open
from propfirm.services.payout_lines import payout_lines
from propfirm.services.payouts import payout_approve, payout_cancel, payout_reject, payout_request, payout_review
from propfirm.tests import factories as make
from trading.domain.rules import RuleState, verify
from trading.models import Account, AccountRules, Position, Verdict
from trading.selectors.rules import verdict_data
from trading.services.locking import account_lock_in_tx, account_unlock_in_tx
from trading.services.rules import rules_evaluate
from trading.tests import factories as trading
from trading.tests.ruled import tick

pytestmark = pytest.mark.django_db

WHY = "The price of 94 was never traded anywhere else."
FALL = {"AAA": [(100, 100, 94, 94), *[(94, 94, 94, 94)] * 4]}
RISE = {"AAA": [(100,) * 4, *[(104,) * 4] * 12]}
IDLE = {"kind": "inactivity", "days": 5}


def undo(account, who, prices, *, verdict_id=None, **more):
    """A verdict that ended a phase (the one that was opened last), undone by two people."""
    verdict_id = verdict_id or make.phase_of(account).verdict_id
    row = dispute_open(actor=who, number=account.number, verdict_id=verdict_id, body=WHY)
    first, second = (trading.user(role="moderator", is_staff=True) for _ in range(2))
    dispute_assess(actor=first, dispute_id=row.pk, prices=prices, proposal="reinstate", note="A bad print.", **more)
    dispute_decide(actor=second, dispute_id=row.pk, accept=True)
    account.refresh_from_db()


def account_now(account):
    make.deliver()
    account.refresh_from_db()
    return Account.objects.get(pk=make.phase_of(account).trading_account_id)


def funded(*rules, bars=RISE):
    """A funded account that made 4 % with 1,000 shares and is flat."""
    market = make.market(bars)
    plan = make.plan(market, steps="instant", funded=[*rules, make.PAYOUT])
    account, who = make.prop_account(plan, payable(0))
    make.trade(account, who, "buy", 1000)
    advance(market.id, 4)
    make.trade(account, who, "sell", 1000)
    return market, account, who


def test_undone_on_the_day_of_the_breach_the_day_has_lost_what_it_lost():
    market = make.market(FALL)
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 900)
    advance(market.id, 2)
    assert account_now(account).status == "locked"
    assert account.status == "failed"
    undo(account, who, {"AAA": "99"})
    row = account_now(account)
    assert (account.status, row.status, row.cash_minor) == ("active", "active", 99_100_00)
    [book] = RuleState.from_json(AccountRules.objects.get(pk=row.pk).state).days
    assert (book.balance_minor, book.profit_from_minor) == (100_000_00, 100_000_00)
    rules_evaluate(row.pk, tick(market))
    assert Verdict.objects.filter(account=row, kind="fail").count() == 1
    assert verify_books().is_sound


def test_it_is_not_undone_into_another_breach():
    market = make.market(FALL)
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 900)
    advance(market.id, 2)
    account_now(account)
    with pytest.raises(Conflict) as refused:
        undo(account, who, {"AAA": "99"}, balance_minor=94_000_00)
    assert refused.value.code == "ends_again"
    row = account_now(account)
    assert (account.status, row.cash_minor) == ("failed", 94_600_00)


def test_it_is_not_undone_before_everything_is_closed():
    market = make.market({**FALL, "BBB": [make.FLAT] * 5})
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 900)
    make.trade(account, who, "buy", 10, "BBB")
    listing = Listing.objects.get(market_id=market.id, instrument__symbol="BBB")
    listing_halt(listing_id=listing.pk, actor=trading.user(is_staff=True), reason="News")
    advance(market.id, 4)
    row = account_now(account)
    assert account.status == "failed"
    assert Position.objects.filter(account=row).exclude(quantity=0).exists()
    with pytest.raises(Conflict) as refused:
        undo(account, who, {"AAA": "99"})
    assert refused.value.code == "not_flat_yet"
    assert account_now(account).cash_minor == row.cash_minor


@pytest.mark.parametrize("rule", [{"kind": "time_limit", "days": 1}, {"kind": "inactivity", "days": 1}])
def test_where_time_ran_out_there_is_some_again(rule):
    market = make.market({"AAA": [(100, 101, 100, 101), *[(101,) * 4] * 8]})
    account, who = make.prop_account(make.plan(market, evaluation=[make.TARGET, rule]))
    make.trade(account, who, "buy", 100)
    advance(market.id, 3)
    make.trade(account, who, "sell", 100)
    advance(market.id, 12)
    account_now(account)
    assert account.status == "expired"
    undo(account, who, {})
    advance(market.id, 1)
    account_now(account)
    assert account.status == "active"
    advance(market.id, 8)
    account_now(account)
    assert account.status == "expired"


@pytest.mark.parametrize("decision", ["approve", "reject", "cancel"])
def test_a_payout_under_review_is_no_time_without_a_trade(decision):
    market, account, who = funded(make.MOST, IDLE)
    payout = payout_request(actor=who, number=account.number, amount_minor=100_000, idempotency_key="k")
    advance(market.id, 24)
    row = account_now(account)
    assert (account.status, row.status) == ("funded", "locked")
    first, second = finance()
    if decision == "approve":
        payout_review(actor=first, payout_id=payout.pk)
        payout_approve(actor=second, payout_id=payout.pk, note="Looked at.")
    elif decision == "reject":
        payout_reject(actor=first, payout_id=payout.pk, reason="No.")
    else:
        payout_cancel(actor=who, public_id=payout.public_id)
    advance(market.id, 4)
    assert account_now(account).status == "active"
    state = RuleState.from_json(AccountRules.objects.get(pk=row.pk).state)
    assert (account.status, state.held_since, state.payouts) == ("funded", None, int(decision == "approve"))
    advance(market.id, 20)
    account_now(account)
    assert account.status == "expired"
    [verdict] = Verdict.objects.filter(account=row, kind="expired")
    assert verify(verdict_data(verdict)).ok


def test_an_operators_lock_stops_the_idle_clock_and_lifting_it_lets_it_go_on():
    market, account, _ = funded(make.MOST, IDLE)
    row = account_now(account)
    account_lock_in_tx(account_id=row.pk, reason="Looked into")
    advance(market.id, 24)
    account_now(account)
    assert account.status == "funded"
    account_unlock_in_tx(account_id=row.pk, reason="Nothing found")
    advance(market.id, 2)
    account_now(account)
    assert account.status == "funded"
    advance(market.id, 22)
    account_now(account)
    assert account.status == "expired"


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_what_was_decided_while_the_time_was_over_is_booked_when_it_goes_on(decision):
    market, account, who = funded(make.MOST, {"kind": "time_limit", "days": 5})
    payout = payout_request(actor=who, number=account.number, amount_minor=None, idempotency_key="k")
    advance(market.id, 24)
    row = account_now(account)
    assert (account.status, row.status) == ("expired", "locked")
    first, second = finance()
    if decision == "approve":
        payout_review(actor=first, payout_id=payout.pk)
        payout_approve(actor=second, payout_id=payout.pk, note="Looked at.")
    else:
        payout_reject(actor=first, payout_id=payout.pk, reason="No.")
    assert account_now(account).cash_minor == 104_000_00
    undo(account, who, {})
    row = account_now(account)
    state = RuleState.from_json(AccountRules.objects.get(pk=row.pk).state)
    payout.refresh_from_db()
    paid = decision == "approve"
    assert (account.status, row.status, row.lock_reason) == ("funded", "active", "")
    assert (row.cash_minor, payout.removed_minor) == ((100_000_00, 4_000_00) if paid else (104_000_00, 0))
    assert state.payouts == int(paid)
    assert verify_books().is_sound


def test_no_payout_brings_an_account_to_its_own_floor():
    """The trail stands at 103,000 after a close at 113,000: of 13,000 in profit 10,000 can leave."""
    trail = {"kind": "max_loss", "amount": make.initial(10), "trailing": "end_of_day", "reset": make.UTC_MIDNIGHT}
    market, account, who = funded(trail, bars={"AAA": [(100,) * 4, *[(113,) * 4] * 6]})
    advance(market.id, 5)
    found = payout_lines(account)
    assert found.purse.available_minor == found.purse.gross_minor == 10_000_00
    assert "Floors leave room for 10,000.00 USD: no payout may bring the account to one." in [
        line.text for line in found.lines if line.is_met
    ]
    payout = payout_request(actor=who, number=account.number, amount_minor=None, idempotency_key="k")
    assert verify(verdict_data(payout.verdict)).ok
    first, second = finance()
    payout_review(actor=first, payout_id=payout.pk)
    payout_approve(actor=second, payout_id=payout.pk, note="Looked at.")
    advance(market.id, 1)
    assert (account_now(account).cash_minor, account.status) == (103_000_00, "funded")


def test_where_a_payout_takes_all_profit_a_part_is_not_asked_for():
    market = make.market(RISE)
    rule = {**make.PAYOUT, "after": "reset"}
    account, who = make.prop_account(make.plan(market, steps="instant", funded=[make.MOST, rule]), payable(0))
    make.trade(account, who, "buy", 1000)
    advance(market.id, 4)
    make.trade(account, who, "sell", 1000)
    part = payout_lines(account, 10_00)
    assert not part.is_eligible
    assert part.missing == ["A payout takes all profit out of this account: ask for all of it."]
    whole = payout_lines(account)
    assert (whole.is_eligible, whole.purse.lost_minor) == (True, 0)


def test_what_is_taken_back_after_the_end_says_no_more_than_that():
    market, account, who = funded(make.MOST, {"kind": "time_limit", "days": 5})
    payout = payout_request(actor=who, number=account.number, amount_minor=None, idempotency_key="k")
    advance(market.id, 24)
    account_now(account)
    payout_cancel(actor=who, public_id=payout.public_id)
    last = PropActivity.objects.filter(account=account, kind="payout_cancelled").get()
    assert last.message == "You have taken the payout back."
