"""Payouts, growth, corrections and verdicts undone: decided under the lock, booked once, and the books agree."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from core.errors import Conflict, Invalid, NotFound
from core.models import AuditEntry, Journal, OutboxEvent, Posting
from core.services.books import verify as verify_books
from marketdata.services.ticks import tick_store
from marketdata.tests.factories import advance
from trading.domain import rules
from trading.models import Account, AccountMark, AccountRules, Adjustment, Fill, RuleLines, Verdict
from trading.selectors.books import performance_of
from trading.services import rewards
from trading.services.locking import account_lock
from trading.services.rules import rules_evaluate
from trading.services.statements import statement_of
from trading.tests import factories as make
from trading.tests.ruled import FLAT, PRAGUE, data, ftmo, played, ruled, share, state, tick, verdicts

pytestmark = pytest.mark.django_db

PAYOUT = {"kind": "payout", "first_after_days": 0, "every_days": 14, "split_percent": "80", "requires_identity": False}
DAILY = {"kind": "daily_loss", "amount": share(5), "reset": PRAGUE, "warn_at": []}
OPERATOR = rewards.Actor(user_id=None, is_staff=True)


def sound():
    report = verify_books()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


def check(account_id, **facts):
    with transaction.atomic():
        return rewards.payout_check_in_tx(account_id=account_id, facts=rules.PayoutFacts(**facts))


def withdraw(account_id, gross, reference="payout:1"):
    with transaction.atomic():
        return rewards.payout_withdraw_in_tx(account_id=account_id, gross_minor=gross, reference=reference, memo="p")


def correct(account_id, amount, reference="fix:1"):
    with transaction.atomic():
        rewards.balance_correct_in_tx(
            account_id=account_id, amount_minor=amount, reference=reference, memo="A wrong price", actor=OPERATOR
        )


def reinstate(account_id, verdict_id):
    with transaction.atomic():
        rewards.rules_reinstate_in_tx(
            account_id=account_id, verdict_id=verdict_id, reason="A wrong price", actor=OPERATOR
        )


def winner(*more, payout=PAYOUT, cash="100000"):
    """An account that has made 10,000 in its first day and holds nothing; the fill that closed is not taken in yet."""
    market = played({"AAA": [(100, 110, 100, 110), (110,) * 4, (110, 110, 105, 105)]})
    account_id, who = ruled(market, payout, DAILY, *more, cash=cash)
    make.place(who, account_id, "buy", 1000)
    advance(market.id, 3)
    make.place(who, account_id, "sell", 1000)
    return market, account_id, who


def test_a_check_counts_fills_that_the_rules_have_not_taken_in_and_orders_by_itself():
    market, account_id, who = winner()
    assert AccountRules.objects.get(pk=account_id).last_fill_id < Fill.objects.latest("id").pk
    found = rewards.payout_check(account_id=account_id, facts=rules.PayoutFacts(open_orders=9))
    assert (found.kind, found.figures["gross_minor"], found.figures["trader_minor"]) == (
        "eligible",
        10_000_00,
        8_000_00,
    )
    make.place(who, account_id, "buy", 1, limit="90", time_in_force="gtc")
    found = rewards.payout_check(account_id=account_id, facts=rules.PayoutFacts(open_orders=0))
    assert found.kind == "ineligible"
    assert not Verdict.objects.exists()
    verdict_id, stored = check(account_id)
    row = Verdict.objects.get(pk=verdict_id)
    assert (row.kind, row.market_at, row.evidence) == ("ineligible", tick(market).at, stored.evidence)
    assert row.evidence["inputs"]["payout"]["open_orders"] == 1
    assert rules.verify(json.loads(json.dumps(data(row)))).ok
    assert AccountRules.objects.get(pk=account_id).last_fill_id == Fill.objects.latest("id").pk
    assert OutboxEvent.objects.get(topic="trading.verdict").payload["verdict_id"] == verdict_id


def test_a_breach_that_is_found_on_the_way_is_recorded_and_pays_nothing(django_capture_on_commit_callbacks):
    market = played({"AAA": [(100, 110, 90, 90), (90,) * 4]})
    account_id, who = ruled(market, PAYOUT, DAILY, cash="100000")
    make.place(who, account_id, "buy", 100)
    advance(market.id, 2)
    # Bought at 90 and sold at 90 by nobody yet: a loss of 10 a share on 1000 shares is known to no tick.
    Account.objects.filter(pk=account_id).update(cash_minor=80_000_00)
    with django_capture_on_commit_callbacks(execute=True):
        _, found = check(account_id)
    assert found.kind == "ineligible"
    assert [row.kind for row in verdicts(account_id)] == ["fail", "ineligible"]
    assert Account.objects.get(pk=account_id).status == "locked"
    assert Account.objects.get(pk=account_id).positions.get().quantity == 0
    with pytest.raises(Conflict, match="failed"):
        withdraw(account_id, 1)


def test_a_withdrawal_moves_cash_references_and_books_once():
    market, account_id, _ = winner()
    gone = withdraw(account_id, 6_000_00)
    assert gone == rewards.Withdrawn(6_000_00, 104_000_00, 104_000_00)
    account = Account.objects.get(pk=account_id)
    assert (account.cash_minor, account.other_minor) == (104_000_00, -6_000_00)
    journal = Journal.objects.get(kind="payout")
    assert (journal.book, journal.reference) == ("virtual", f"account:{account_id}:payout:1")
    legs = dict(Posting.objects.filter(journal=journal).values_list("account__kind", "amount_minor"))
    assert legs == {"cash": -6_000_00, "capital": 6_000_00}
    after = state(account_id)
    # It had rolled no day: the day began with 100,000, so with 94,000 of what is left.
    assert (after.payouts, after.payouts_minor, after.days[0].balance_minor) == (1, 6_000_00, 94_000_00)
    assert AccountMark.objects.get(pk=account_id).day_equity_minor == 94_000_00
    before = list(AccountRules.objects.values()), account.cash_minor
    with pytest.raises(Conflict) as twice:
        withdraw(account_id, 1_000_00)
    assert twice.value.code == "journal_exists"
    assert before == (list(AccountRules.objects.values()), Account.objects.get(pk=account_id).cash_minor)
    sound()
    advance(market.id, 5)
    assert not verdicts(account_id)  # what left is no loss
    assert AccountMark.objects.get(pk=account_id).equity_minor == 104_000_00
    assert state(account_id).days[0].balance_minor == 104_000_00
    sound()
    # What was paid out is no loss in the figures either.
    found = performance_of(account_id)
    assert (found.profit_minor, found.flows_minor) == (10_000_00, -6_000_00)
    assert round(found.twr, 9) == 0.1
    made = statement_of(account_id, tick(market).at - timedelta(days=30), tick(market).at + timedelta(days=1))
    assert [(item.kind, item.minor) for item in made.events] == [("deposit", 100_000_00), ("withdrawal", -6_000_00)]


@pytest.mark.parametrize(
    ("gross", "reference", "code"),
    [(0, "p", "amount_invalid"), (10_000_01, "p", "payout_exceeds_profit"), (1, "p" * 61, "reference_invalid")],
)
def test_more_than_the_profit_is_never_withdrawn(gross, reference, code):
    _, account_id, _ = winner()
    with pytest.raises((Conflict, Invalid)) as refused:
        withdraw(account_id, gross, reference)
    assert refused.value.code == code
    assert not Adjustment.objects.exists()


def test_cash_that_orders_hold_or_positions_bind_is_not_withdrawn():
    _, account_id, who = winner(payout=PAYOUT | {"requires_flat": False, "requires_no_orders": False})
    make.place(who, account_id, "buy", 1000, limit="108", time_in_force="gtc")
    with pytest.raises(Conflict) as held:
        withdraw(account_id, 5_000_00)
    assert held.value.code == "cash_missing"
    sound()


def test_after_a_reset_all_profit_leaves_and_marks_start_again():
    trail = {"kind": "max_loss", "amount": share(10), "trailing": "intraday", "warn_at": []}
    market, account_id, who = winner(trail, payout=PAYOUT | {"after": "reset"})
    assert RuleLines.objects.get(pk=account_id).peak == 110_000_00
    phase = RuleLines.objects.get(pk=account_id).phase
    assert withdraw(account_id, 4_000_00) == rewards.Withdrawn(10_000_00, 100_000_00, 100_000_00)
    lines = RuleLines.objects.get(pk=account_id)
    # A peak of before, raised in the market's memory, is not stored over it any more.
    assert (lines.peak, lines.phase) == (100_000_00, phase + 1)
    make.place(who, account_id, "buy", 900)
    advance(market.id, 6)
    assert not verdicts(account_id)
    sound()


def test_growth_is_credited_once_and_is_no_profit():
    scaling = {"kind": "scaling", "every_months": 1, "min_profit_percent": "5", "increase_percent": "25"}
    market = played({"AAA": [(100, 110, 100, 110), *[(110,) * 4] * 30]})
    account_id, who = ruled(market, scaling, DAILY, PAYOUT, cash="100000")
    make.place(who, account_id, "buy", 1000)
    advance(market.id, 3)
    make.place(who, account_id, "sell", 1000)
    with transaction.atomic():
        assert rewards.scaling_apply_in_tx(account_id=account_id, reference="growth:1")[0] == 0
    assert not Verdict.objects.exists()
    advance(market.id, 4 * 24)
    assert rewards.scaling_check(account_id=account_id).kind == "eligible"
    with transaction.atomic():
        verdict_id, verdict = rewards.scaling_apply_in_tx(account_id=account_id, reference="growth:1")
    assert Verdict.objects.get(pk=verdict_id).evidence == verdict.evidence
    account = Account.objects.get(pk=account_id)
    assert (account.cash_minor, account.other_minor) == (135_000_00, 25_000_00)
    after = state(account_id)
    assert (after.initial_minor, after.original_minor, after.scale_balance_minor) == (
        125_000_00,
        100_000_00,
        135_000_00,
    )
    with pytest.raises(Conflict) as twice, transaction.atomic():
        rewards.scaling_apply_in_tx(account_id=account_id, reference="growth:1")
    assert twice.value.code == "journal_exists"
    assert rewards.payout_check(account_id=account_id, facts=rules.PayoutFacts()).figures["profit_minor"] == 10_000_00
    assert rewards.scaling_check(account_id=account_id).kind == "ineligible"
    sound()


def failed():
    """The account of the first trap: failed at the reset, its positions sold a tick later."""
    market, account_id, who = ftmo(87)
    advance(market.id)
    [verdict] = verdicts(account_id)
    assert Account.objects.get(pk=account_id).status == "locked"
    return market, account_id, who, verdict


@pytest.mark.parametrize("correct_first", [True, False])
def test_a_verdict_is_undone_with_what_was_put_right(correct_first):
    market, account_id, who, verdict = failed()
    assert Account.objects.get(pk=account_id).cash_minor == 191_000_00
    steps = [lambda: correct(account_id, 13_000_00), lambda: reinstate(account_id, verdict.pk)]
    with transaction.atomic():
        for act in steps if correct_first else reversed(steps):
            act()
    account, row = Account.objects.get(pk=account_id), AccountRules.objects.get(pk=account_id)
    assert (account.status, account.cash_minor, row.status, row.must_flatten) == ("active", 204_000_00, "active", False)
    assert row.last_fill_id == Fill.objects.filter(account_id=account_id).latest("id").pk
    sold = Fill.objects.filter(account_id=account_id).latest("id")
    assert state(account_id).last_trade_at is None or state(account_id).last_trade_at < sold.market_at
    assert state(account_id).days[0].balance_minor == 204_000_00
    [event] = OutboxEvent.objects.filter(topic="trading.verdict_undone")
    assert (event.payload["verdict_id"], event.payload["reason"]) == (verdict.pk, "A wrong price")
    assert AuditEntry.objects.get(action="verdict_undone").before["verdict_id"] == verdict.pk
    assert AuditEntry.objects.get(action="balance_corrected").after["amount_minor"] == 13_000_00
    advance(market.id, 2)
    rules_evaluate(account_id, tick(market))
    assert len(verdicts(account_id)) == 1
    assert make.place(who, account_id, "buy", 1, "AAA").status == "filled"
    sound()


def test_without_a_correction_the_same_loss_is_judged_again():
    market, account_id, _, verdict = failed()
    reinstate(account_id, verdict.pk)
    # The day begins anew with the 191,000 that are there: this day has lost nothing yet.
    rules_evaluate(account_id, tick(market))
    assert len(verdicts(account_id)) == 1
    assert state(account_id).days[0].balance_minor == 191_000_00


def test_only_the_verdict_that_ended_it_is_undone():
    market, account_id, _, verdict = failed()
    with pytest.raises(NotFound):
        reinstate(account_id, verdict.pk + 1)
    reinstate(account_id, verdict.pk)
    with pytest.raises(Conflict) as again:
        reinstate(account_id, verdict.pk)
    assert again.value.code == "not_the_ending_verdict"
    paid, _ = check_other(market)
    with pytest.raises(Conflict) as other:
        reinstate(paid.account_id, paid.pk)
    assert other.value.code == "not_the_ending_verdict"
    Account.objects.filter(pk=account_id).update(status="closed")
    with pytest.raises(Conflict) as closed:
        reinstate(account_id, verdict.pk)
    assert closed.value.code == "account_closed"


def check_other(market):
    account_id, _ = ruled(market, PAYOUT, name="Others")
    verdict_id, found = check(account_id)
    return Verdict.objects.get(pk=verdict_id), found


def test_a_soft_lock_is_lifted_and_an_operators_own_stays():
    market = played({"AAA": [(100, 100, 95, 95), (95,) * 4]})
    soft = {"kind": "daily_loss", "amount": share(1), "severity": "soft", "warn_at": [], "reset": PRAGUE}
    account_id, who = ruled(market, soft, cash="100000")
    make.place(who, account_id, "buy", 500)
    advance(market.id, 3)
    [verdict] = verdicts(account_id)
    correct(account_id, 2_500_00)
    reinstate(account_id, verdict.pk)
    assert Account.objects.get(pk=account_id).status == "active"
    assert AccountRules.objects.get(pk=account_id).status == "active"
    assert make.place(who, account_id, "buy", 500).status == "filled"
    # It is judged by the rule again, and a lock that is not the verdict's stays.
    correct(account_id, -1_001_00, "fix:2")
    again = verdicts(account_id)[-1]
    assert again.pk > verdict.pk
    account_lock(actor=OPERATOR, account_id=account_id, reason="Under review")
    reinstate(account_id, again.pk)
    assert Account.objects.get(pk=account_id).lock_reason == "Under review"
    sound()


def test_second_chances_and_accounts_without_rules():
    market = played({"AAA": [FLAT] * 2})
    chance = {"kind": "second_chance", "reset_price": "99"}
    account_id, _ = ruled(market, {"kind": "max_loss", "amount": share(5)}, chance)
    assert rewards.second_chance_of(account_id).kind == "ineligible"
    correct(account_id, -20_000_00)
    Account.objects.filter(pk=account_id).update(status="closed")
    assert rewards.second_chance_of(account_id).code == "paid_reset"
    with pytest.raises(Conflict) as closed:
        rewards.payout_check(account_id=account_id, facts=rules.PayoutFacts())
    assert closed.value.code == "account_closed"
    bare, _ = make.account(market)
    for act in (rewards.second_chance_of, check):
        with pytest.raises(NotFound) as missing:
            act(bare)
        assert missing.value.code == "no_rules"
    with pytest.raises(NotFound):
        rewards.second_chance_of(0)


def test_what_is_paid_out_waits_for_a_split_to_arrive():
    market = played(
        {"AAA": [(100, 110, 100, 110), (55,) * 4]},
        actions={"AAA": [("split", 1, 2)]},
        basis="traded",
    )
    account_id, who = ruled(market, PAYOUT | {"requires_flat": False}, DAILY, cash="200000")
    make.place(who, account_id, "buy", 1000)
    advance(market.id, 3)
    tick_store(market_id=market.id)  # shown, and no listener has run
    with pytest.raises(Conflict) as early:
        check(account_id)
    assert early.value.code == "corporate_action_pending"
    found = rewards.payout_check(account_id=account_id, facts=rules.PayoutFacts())
    assert found.figures["profit_minor"] == 0  # on the balance: what is open is not closed yet
    assert found.evidence["inputs"]["observation"]["equity_minor"] == 210_000_00
    assert Decimal(found.evidence["inputs"]["observation"]["positions"][0]["price"]) == 110
