"""An account from its payment to its end: through orders and prices, as a trader goes through it."""

import re

import pytest
from django.db import transaction

from core.errors import Conflict, DomainError, NotFound
from core.services.books import verify as verify_books
from marketdata.tests.factories import advance
from payments.services.granting import bought_of, payment_release_in_tx
from payments.services.quoting import purchase_quote
from propfirm.models import PropAccount, PropActivity, PropCertificate, PropPhase
from propfirm.selectors.accounts import account_detail, account_row, accounts_of, cards
from propfirm.services.lifecycle import phases_close_due
from propfirm.services.plans import plan_withdraw
from propfirm.services.purchases import ChallengeKind
from propfirm.tests import factories as make
from trading.domain.types import SYSTEM
from trading.models import Account, AccountRules, Verdict
from trading.tests import factories as trading

pytestmark = pytest.mark.django_db
WEEK = {"AAA": [(100, 112, 100, 112), (112, 112, 112, 112), (112, 130, 112, 130), (130, 130, 130, 130)]}


def kinds(account):
    return list(PropActivity.objects.filter(account=account).order_by("pk").values_list("kind", flat=True))


def test_an_account_opens_as_soon_as_it_is_paid_for():
    account, who = make.prop_account(make.plan(make.market()))
    assert re.fullmatch(r"PA\d{8}", account.number)
    assert (account.status, account.fee_minor) == ("active", 100_00)
    phase = make.phase_of(account)
    trading_account = Account.objects.get(pk=phase.trading_account_id)
    assert (trading_account.purpose, trading_account.cash_minor) == ("challenge", 100_000_00)
    assert trading_account.owner_id == who.user_id
    assert AccountRules.objects.get(pk=trading_account.pk).rule_set_id == phase.rule_set_id
    assert kinds(account) == ["bought", "active", "phase_started"]
    assert make.trade(account, who, "buy", 100).status == "filled"


def test_before_the_payment_there_is_nothing_to_trade_and_without_it_nothing_stays():
    plan = make.plan(make.market())
    row = make.payment(plan, trading.user())
    with transaction.atomic():
        ChallengeKind().hold_in_tx(bought_of(row))
    account = PropAccount.objects.get(payment=row)
    assert (account.status, account.phases.count()) == ("pending", 0)
    with transaction.atomic():
        payment_release_in_tx(row)
    account.refresh_from_db()
    assert account.status == "void"
    assert not accounts_of(account.owner_id).exists()
    # Money that comes after the page had closed opens it all the same.
    row.released_at = None
    make.pay(row)
    account.refresh_from_db()
    assert account.status == "active"


def test_two_steps_then_funded_each_with_a_fresh_balance():
    market = make.market(WEEK)
    account, who = make.prop_account(make.plan(market, steps="two"))
    make.trade(account, who, "buy", 900)
    advance(market.id, 3)
    make.trade(account, who, "sell", 900)
    advance(market.id)
    make.deliver()
    account.refresh_from_db()
    first, second = account.phases.order_by("pk")
    assert (first.status, second.status, account.status) == ("passed", "active", "active")
    assert second.trading_account.cash_minor == 100_000_00
    assert first.verdict.kind == "pass"
    assert first.trading_account_id != second.trading_account_id
    # The first phase takes no more orders, and nobody is told twice.
    assert trading.place(who, first.trading_account_id, "buy", 1).status == "denied"
    make.deliver()
    assert account.phases.count() == 2
    make.trade(account, who, "buy", 850)
    advance(market.id, 6)
    make.trade(account, who, "sell", 850)
    advance(market.id)
    make.deliver()
    account.refresh_from_db()
    assert account.status == "funded"
    assert make.phase_of(account).trading_account.purpose == "funded"


def test_a_breach_ends_it_with_evidence_and_nothing_opens_it_again():
    market = make.market({"AAA": [(100, 100, 94, 94), (94, 94, 94, 94)]})
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 900)
    advance(market.id, 3)
    make.deliver()
    account.refresh_from_db()
    phase = make.phase_of(account)
    assert (account.status, phase.status) == ("failed", "failed")
    assert phase.verdict.code == "daily_loss_breached"
    assert kinds(account)[-1] == "failed"
    assert Account.objects.get(pk=phase.trading_account_id).status == "locked"
    assert make.trade(account, who, "buy", 1).status == "denied"
    assert not PropCertificate.objects.filter(account=account).exists()
    phases_close_due()
    assert Account.objects.get(pk=phase.trading_account_id).status == "locked"
    detail = account_detail(account.number, who)
    assert (detail.card.status, detail.rules.status) == ("failed", "failed")


def test_a_soft_breach_pauses_until_the_reset_and_shows_so():
    soft = {**make.DAILY, "severity": "soft"}
    market = make.market({"AAA": [(100, 100, 94, 94), (94, 94, 94, 94)]})
    account, who = make.prop_account(make.plan(market, evaluation=[soft, make.MOST, make.TARGET]))
    make.trade(account, who, "buy", 900)
    advance(market.id, 2)
    make.deliver()
    [card] = cards(accounts_of(who.user_id))
    assert card.status == "soft_locked"
    assert make.trade(account, who, "buy", 1).status == "denied"
    advance(market.id, 3)
    [card] = cards(accounts_of(who.user_id))
    assert card.status == "active"
    assert make.trade(account, who, "buy", 1).status == "filled"
    assert "soft" in kinds(account)


def test_a_plan_that_is_withdrawn_is_not_sold_and_goes_on_for_who_has_it():
    plan = make.plan(make.market())
    account, who = make.prop_account(plan)
    plan_withdraw(actor=SYSTEM, plan_id=plan.pk, reason="No longer.")
    with pytest.raises(Conflict) as error:
        purchase_quote(user=trading.user(), kind="challenge", reference=plan.code)
    assert error.value.code == "plan_withdrawn"
    assert make.trade(account, who, "buy", 1).status == "filled"
    with pytest.raises(NotFound):
        purchase_quote(user=trading.user(), kind="challenge", reference="no-such-plan")


def test_nobody_has_more_accounts_than_the_plan_allows_and_who_pays_twice_gets_it_back():
    plan = make.plan(make.market(), max_accounts=1)
    owner = trading.user()
    rows = [make.payment(plan, owner) for _ in range(2)]
    with transaction.atomic():
        for row in rows:
            ChallengeKind().hold_in_tx(bought_of(row))
    for row in rows:
        make.pay(row)
    first, second = PropAccount.objects.filter(owner=owner).order_by("pk")
    assert (first.status, second.status) == ("active", "void")
    rows[1].refresh_from_db()
    assert rows[1].problem == "not_granted:too_many_accounts"
    with pytest.raises(Conflict) as error:
        purchase_quote(user=owner, kind="challenge", reference=plan.code)
    assert error.value.code == "too_many_accounts"


def test_a_refund_closes_what_lives_and_leaves_a_verdict_alone():
    market = make.market({"AAA": [(100, 100, 94, 94), (94, 94, 94, 94)]})
    plan = make.plan(market)
    alive, _ = make.prop_account(plan)
    failed, who = make.prop_account(plan)
    make.trade(failed, who, "buy", 900)
    advance(market.id, 3)
    make.deliver()
    for account in (alive, failed):
        account.refresh_from_db()
        with transaction.atomic():
            ChallengeKind().revoke_in_tx(bought_of(account.payment), reason="Asked for it.")
        account.refresh_from_db()
    assert (alive.status, failed.status) == ("closed", "failed")
    assert Verdict.objects.filter(account_id=make.phase_of(failed).trading_account_id, kind="fail").count() == 1
    assert kinds(failed)[-1] == "refunded"
    advance(market.id)
    phases_close_due()
    assert Account.objects.get(pk=make.phase_of(alive).trading_account_id).status == "closed"


def test_others_do_not_see_an_account():
    account, who = make.prop_account(make.plan(make.market()))
    assert account_row(account.number, who).pk == account.pk
    for viewer in (None, trading.actor(trading.user())):
        with pytest.raises(NotFound):
            account_row(account.number, viewer)


def test_the_books_agree_after_all_of_it():
    market = make.market(WEEK)
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 900)
    advance(market.id, 3)
    make.trade(account, who, "sell", 900)
    advance(market.id)
    make.deliver()
    account.refresh_from_db()
    assert account.status == "funded"
    assert list(PropCertificate.objects.order_by("pk").values_list("kind", flat=True)) == ["passed", "funded"]
    assert PropPhase.objects.filter(account=account, status="active").count() == 1
    assert verify_books().is_sound


def test_an_add_on_is_in_the_rules_that_are_kept():
    add_on = {"code": "wide", "name": "Wide", "price_percent": "50",
              "patches": [{"phase": "step-1", "rule": "max_loss", "set": {"amount": make.initial(20)}}]}  # fmt: skip
    plan = make.plan(make.market(), add_ons=[add_on])
    quote = purchase_quote(user=trading.user(), kind="challenge", reference=f"{plan.code}+wide")
    assert quote.subtotal_minor == 150_00
    account, who = make.prop_account(plan, reference=f"{plan.code}+wide")
    assert account.add_ons == ["wide"]
    detail = account_detail(account.number, who)
    most = next(limit for limit in detail.rules.limits if limit.kind == "max_loss")
    assert most.line_minor == 80_000_00
    with pytest.raises(DomainError):
        purchase_quote(user=trading.user(), kind="challenge", reference=f"{plan.code}+none")
