"""People who are owed something, for tests."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import IdentityCheck
from accounts.tests.factories import UserFactory
from core.money import Money
from payments.adapters.sandbox import payouts as sandbox
from payments.models import Payee, Payout
from payments.services import payouts
from payments.services.payables import payable_credit_in_tx
from payments.services.payees import payee_begin
from payments.services.sandbox import events_deliver


def known(user, name="Ada Lovelace", country="US"):
    """Somebody whose identity is checked."""
    IdentityCheck.objects.create(
        user=user,
        status="approved",
        legal_name=name,
        country=country,
        decided_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=700),
    )
    return user


def owe(user, minor, currency="USD", reference="award:1", source="suspense"):
    """Owe somebody an amount."""
    with transaction.atomic():
        payable_credit_in_tx(
            user_id=user.pk, amount=Money(minor, currency), source_account=source, reference=reference, memo="A prize"
        )


def payable(minor=10_000, *, digits="6789", currency="USD", **person):
    """Somebody who is known, has a bank account at the sandbox, and is owed an amount."""
    user = known(UserFactory(), **person)
    payee_begin(actor=user, country="US", currency=currency)
    payee = Payee.objects.get(user=user)
    sandbox.payee_fill(payee.ref, bank="First Bank", digits=digits)
    events_deliver()
    # The account was not changed just now.
    Payee.objects.filter(pk=payee.pk).update(changed_at=timezone.now() - timedelta(days=9))
    if minor:
        owe(user, minor, currency, f"award:{user.pk}")
    return user


def finance():
    """Two people of finance."""
    return UserFactory(role="finance", is_staff=True), UserFactory(role="finance", is_staff=True)


def approved(user, minor=None, key="p", currency="USD"):
    """A payout that may be sent at once."""
    view = payouts.payout_request(actor=user, amount_minor=minor, currency=currency, idempotency_key=key)
    first, second = finance()
    payouts.payout_review(actor=first, payout_id=view.id)
    payouts.payout_approve(actor=second, payout_id=view.id, note="Fine.")
    Payout.objects.filter(pk=view.id).update(not_before=timezone.now() - timedelta(seconds=1))
    return Payout.objects.get(pk=view.id)
