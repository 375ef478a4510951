"""Payouts that another desk has decided."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import IdentityCheck
from accounts.tests.factories import UserFactory
from core.errors import Conflict, DomainError
from core.money import Money
from core.services.books import verify
from payments.models import BlockedParty, Payee, Payout
from payments.selectors.books import balance_of
from payments.selectors.payouts import owed_to
from payments.services.payout_orders import payout_order_in_tx
from payments.tests.factories_payouts import finance, payable

pytestmark = pytest.mark.django_db


def order(user, first, second, minor=5_000, note="Fine.", **more):
    with transaction.atomic():
        return payout_order_in_tx(
            user_id=user.pk, amount=Money(minor, "USD"), source_account="costs:payouts", reference="share:1",
            reviewed_by=first, approved_by=second, note=note, **more,
        )  # fmt: skip


def refused(user, first, second, **more):
    with pytest.raises(DomainError) as found:
        order(user, first, second, **more)
    return found.value.code


def test_it_is_owed_reserved_and_approved_once_and_held():
    user = payable(0)
    Payee.objects.update(changed_at=timezone.now())
    first, second = finance()
    made = order(user, first, second, flags=["first payout", "looks odd"])
    assert (made.status, made.flags) == ("approved", ["first payout", "looks odd"])
    assert made.not_before > timezone.now() + timedelta(hours=47)
    assert (owed_to(user.pk)[0].available_minor, owed_to(user.pk)[0].reserved_minor) == (0, 5_000)
    assert balance_of("costs:payouts", "USD") == 5_000
    assert refused(user, first, second) == "journal_exists"
    assert Payout.objects.count() == 1
    assert verify().is_sound


def test_two_people_of_finance_and_never_the_person():
    user = payable(0)
    first, second = finance()
    user.role = "finance"
    user.save()
    assert refused(user, first, first) == "second_person_needed"
    assert refused(user, user, second) == "own_payout"
    assert refused(user, first, user) == "own_payout"
    assert refused(user, first, UserFactory(role="moderator")) == "forbidden"


def test_what_stands_against_it():
    user = payable(0, name="Ada Lovelace")
    first, second = finance()
    BlockedParty.objects.create(name="Ada Lovelace", key="ada lovelace", source="a list")
    assert refused(user, first, second, note=" ") == "reason_required"
    IdentityCheck.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert refused(user, first, second) == "identity_needed"
    IdentityCheck.objects.update(expires_at=timezone.now() + timedelta(days=1))
    Payee.objects.update(currency="EUR")
    assert refused(user, first, second) == "payee_currency"
    Payee.objects.update(currency="USD")
    assert "block list: Ada Lovelace (a list)" in order(user, first, second).flags
    with pytest.raises(Conflict):
        order(user, first, second)
