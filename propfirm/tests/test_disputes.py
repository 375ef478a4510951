"""Disputes: judged again with the prices that should have counted, undone by two people, and the account goes on."""

import pytest

from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry
from core.services.books import verify as verify_books
from marketdata.tests.factories import advance
from propfirm.models import PropDispute
from propfirm.services.disputes import dispute_assess, dispute_decide, dispute_open
from propfirm.services.resets import chance_of
from propfirm.tests import factories as make
from trading.models import Account, Verdict
from trading.tests import factories as trading

pytestmark = pytest.mark.django_db
WORDS = "The price of 90 was never traded anywhere else."


def operator():
    return trading.user(role="moderator", is_staff=True)


@pytest.fixture
def failed():
    market, account, who = make.failed()
    return market, account, who, make.phase_of(account).verdict_id


def opened(failed):
    _, account, who, verdict_id = failed
    return dispute_open(actor=who, number=account.number, verdict_id=verdict_id, body=WORDS)


def test_a_verdict_is_undone_by_two_people_and_the_account_goes_on_with_what_it_would_have_had(failed):
    market, account, who, verdict_id = failed
    dispute = opened(failed)
    first, second = operator(), operator()
    dispute_assess(actor=first, dispute_id=dispute.pk, prices={"AAA": "99"}, proposal="reinstate", note="A bad print.")
    dispute.refresh_from_db()
    assert [item["kind"] for item in dispute.again] == []
    assert dispute.balance_minor == 99_100_00
    with pytest.raises(Forbidden) as error:
        dispute_decide(actor=first, dispute_id=dispute.pk, accept=True)
    assert error.value.code == "second_person_needed"
    dispute_decide(actor=second, dispute_id=dispute.pk, accept=True)
    account.refresh_from_db()
    phase = make.phase_of(account)
    row = Account.objects.get(pk=phase.trading_account_id)
    assert (account.status, phase.status, row.status, row.cash_minor) == ("active", "active", "active", 99_100_00)
    assert Verdict.objects.filter(pk=verdict_id).exists()
    assert make.trade(account, who, "buy", 10).status == "filled"
    advance(market.id, 4)
    make.deliver()
    account.refresh_from_db()
    assert account.status == "active"
    assert verify_books().is_sound
    actions = AuditEntry.objects.filter(subject_type="prop_account", subject_id=str(account.pk))
    assert {"prop_dispute.open", "prop_dispute.assess", "prop_dispute.reinstated"} <= set(
        actions.values_list("action", flat=True)
    )
    with pytest.raises(Conflict):
        dispute_decide(actor=operator(), dispute_id=dispute.pk, accept=True)


def test_prices_that_change_nothing_undo_nothing(failed):
    _, account, _, _ = failed
    dispute = opened(failed)
    with pytest.raises(Invalid) as error:
        dispute_assess(
            actor=operator(), dispute_id=dispute.pk, prices={"AAA": "94.2"}, proposal="reinstate", note="Look again."
        )
    assert error.value.code == "still_breached"
    dispute_assess(actor=operator(), dispute_id=dispute.pk, prices={}, proposal="uphold", note="It was traded there.")
    dispute_decide(actor=operator(), dispute_id=dispute.pk, accept=True)
    account.refresh_from_db()
    dispute.refresh_from_db()
    assert (account.status, dispute.status) == ("failed", "upheld")


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "nothing"])
def test_a_price_must_be_one(failed, price):
    dispute = opened(failed)
    with pytest.raises(Invalid) as error:
        dispute_assess(actor=operator(), dispute_id=dispute.pk, prices={"AAA": price}, proposal="uphold", note="x")
    assert error.value.code == "price_invalid"


def test_who_may_do_what(failed):
    _market, account, who, verdict_id = failed
    stranger = trading.actor(trading.user())
    with pytest.raises(NotFound):
        dispute_open(actor=stranger, number=account.number, verdict_id=verdict_id, body=WORDS)
    with pytest.raises(Invalid):
        dispute_open(actor=who, number=account.number, verdict_id=verdict_id, body="no")
    with pytest.raises(Conflict):
        dispute_open(actor=who, number=account.number, verdict_id=10**9, body=WORDS)
    dispute = opened(failed)
    with pytest.raises(Conflict) as error:
        opened(failed)
    assert error.value.code == "dispute_exists"
    for user in (trading.user(), account.owner):
        with pytest.raises(Forbidden):
            dispute_assess(actor=user, dispute_id=dispute.pk, prices={}, proposal="uphold", note="x")
    account.owner.role, account.owner.is_staff = "moderator", True
    account.owner.save()
    with pytest.raises(Forbidden) as error:
        dispute_assess(actor=account.owner, dispute_id=dispute.pk, prices={}, proposal="uphold", note="x")
    assert error.value.code == "own_account"


def test_an_account_that_was_reset_is_not_reinstated_as_well(failed):
    _market, account, _who, _verdict_id = failed
    dispute = opened(failed)
    dispute_assess(
        actor=operator(), dispute_id=dispute.pk, prices={"AAA": "99"}, proposal="reinstate", note="A bad print."
    )
    from django.db import transaction

    from propfirm.locks import account_lock
    from propfirm.services.resets import _again_in_tx

    with transaction.atomic():
        _again_in_tx(account_lock(account.pk), "Begun anew.")
    with pytest.raises(Conflict) as error:
        dispute_decide(actor=operator(), dispute_id=dispute.pk, accept=True)
    assert error.value.code == "account_over"
    assert PropDispute.objects.get(pk=dispute.pk).status == "assessed"


def test_a_second_chance_is_as_the_rule_says(failed):
    _, account, _, _ = failed
    assert chance_of(account).code == "no_second_chance"
