"""Where people are paid: registered at a provider, changed only with a new version, held for a while after that."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.adapters.crypto import encrypt
from accounts.models import User
from accounts.selectors.standing import standing_require
from accounts.services.notices import notify_in_tx
from core.errors import DomainError, Invalid, NotFound, Unavailable
from core.services import audit
from payments import locks
from payments.adapters import registry
from payments.domain.bank import indian_account
from payments.domain.ports import Can, PayeeState, ProviderError
from payments.models import Payee
from payments.selectors.payouts import PayeeView, payee_of

logger = logging.getLogger(__name__)


def payee_begin(
    *, actor: User, country: str, currency: str, details: Mapping[str, str] | None = None
) -> tuple[PayeeView, str]:
    """Register where a person is paid, in place of what was before: the payee, and a page of the provider to finish on.

    `details` are asked for where the provider has no page for them (payments.domain.bank), and kept encrypted. Raises
    Forbidden (onboarding), Invalid, Unavailable; 409 `payee_refused`.
    """
    standing_require(actor)
    country, currency = country.strip().upper(), currency.strip().upper()
    if len(country) != 2 or len(currency) != 3:
        raise Invalid("payee_invalid", "Choose the country and the currency of the bank account.")
    ways = registry.available(can=Can.PAY_OUT, currency=currency)
    if not ways:
        raise Unavailable("payouts_not_configured", f"Payouts in {currency} are not set up on this site.")
    provider = ways[0]
    details = indian_account(details or {}) if provider.payee_fields else None
    with transaction.atomic(durable=True):
        row = _replace_in_tx(actor, provider.name, country, currency, details)
    try:
        state = provider.payee_create(
            our_ref=f"payee-{row.pk}", email=actor.email, country=country, currency=currency, details=details,
            key=f"payee-{row.pk}",
        )  # fmt: skip
    except ProviderError as error:
        if error.is_retryable or error.is_unknown:
            raise Unavailable("payment_provider_unavailable", f"{provider.label} does not answer just now.") from error
        raise DomainError("payee_refused", error.message, status=409) from error
    with transaction.atomic(durable=True):
        row = locks.payee_lock(row.pk)
        row.ref = state.ref
        _take_in_tx(row, state)
    found = payee_of(actor.pk)
    assert found is not None
    return found, payee_url(actor=actor) if not state.is_ready else ""


def _replace_in_tx(actor: User, provider: str, country: str, currency: str, details: Mapping[str, str] | None) -> Payee:
    Payee.objects.select_for_update(no_key=True).filter(user=actor, is_active=True).update(is_active=False)
    row = Payee.objects.create(
        user=actor,
        provider=provider,
        country=country,
        currency=currency,
        details=encrypt(json.dumps(dict(details))) if details else "",
        missing=["registration"],
        changed_at=timezone.now(),
    )
    audit.record(
        actor=actor,
        action="payee.begin",
        subject_type="payee",
        subject_id=row.pk,
        after={"provider": provider, "country": country, "currency": currency},
    )
    _tell_in_tx(row)
    return row


def payee_fields(currency: str) -> tuple[str, ...]:
    """What our own form must ask of an account in a currency; empty when the provider's page asks."""
    ways = registry.available(can=Can.PAY_OUT, currency=currency)
    return ways[0].payee_fields if ways else ()


def payee_url(*, actor: User) -> str:
    """The provider's page on which the payee finishes; empty when there is none. Raises NotFound, Unavailable."""
    row = Payee.objects.filter(user=actor, is_active=True).exclude(ref="").first()
    if row is None:
        raise NotFound("payee_not_found", "Say first where you are to be paid.")
    back = f"{settings.SITE_URL}/payouts"
    try:
        return registry.provider(row.provider).payee_url(row.ref, return_url=back, refresh_url=f"{back}/payee")
    except ProviderError as error:
        raise Unavailable("payment_provider_unavailable", "The provider does not answer just now.") from error


def payee_apply(provider: str, state: PayeeState) -> bool:
    """What the provider says of a payee; whether it is one of ours."""
    with transaction.atomic(durable=True):
        found = Payee.objects.filter(provider=provider, ref=state.ref).values_list("pk", flat=True).first()
        if found is None:
            return False
        _take_in_tx(locks.payee_lock(found), state)
        return True


def _take_in_tx(row: Payee, state: PayeeState) -> None:
    is_other = bool(row.label) and row.label != state.label
    row.is_ready, row.missing, row.label = state.is_ready, list(state.missing), state.label[:80]
    if is_other:
        row.version += 1
        row.changed_at = timezone.now()
        audit.record(
            actor=None,
            action="payee.changed",
            subject_type="payee",
            subject_id=row.pk,
            after={"version": row.version, "label": row.label},
        )
        _tell_in_tx(row)
    row.save()


def _tell_in_tx(row: Payee) -> None:
    notify_in_tx(
        user_id=row.user_id,
        kind="security_changed",
        dedupe=f"payee:{row.pk}:{row.version}",
        params={"what": "Where you are paid has changed"},
        url="/payouts",
    )
