"""Fetching an object's present state from its provider and applying it. The network is never inside a transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.errors import DomainError
from payments.adapters import registry
from payments.domain.ports import ObjectKind, Provider, ProviderError
from payments.services import apply

logger = logging.getLogger(__name__)


def object_sync(provider: str, kind: ObjectKind, ref: str, account: str = "") -> bool:
    """Ask about one object and apply what it is now; whether it is ours. Raises ProviderError, Unavailable.

    `account`: of a connected account, where a provider has such; its payees are asked about by it.
    """
    asked = registry.provider(provider)
    return _SYNC[kind](asked, account if kind is ObjectKind.PAYEE and account else ref)


def object_ask(provider: str, kind: ObjectKind, ref: str) -> None:
    """`object_sync` for sweeps: a provider that does not answer now is asked again by the next one."""
    try:
        object_sync(provider, kind, ref)
    except (ProviderError, DomainError) as error:
        logger.warning("%s %s of %s could not be asked about: %s", kind, ref, provider, error.message)


def _checkout(provider: Provider, ref: str) -> bool:
    state = provider.checkout(ref)
    is_ours = apply.checkout_apply(provider.name, state)
    if is_ours and state.subscription_ref:
        _subscription(provider, state.subscription_ref)
    elif is_ours and state.charge_ref:
        _charge(provider, state.charge_ref)
    return is_ours


def _charge(provider: Provider, ref: str) -> bool:
    state = provider.charge(ref)
    if state.invoice_ref:
        return _invoice(provider, state.invoice_ref)
    return apply.charge_apply(provider.name, state)


def _refund(provider: Provider, ref: str) -> bool:
    state = provider.refund(ref)
    return apply.refund_apply(provider.name, state) or _charge(provider, state.charge_ref)


def _dispute(provider: Provider, ref: str) -> bool:
    state = provider.dispute(ref)
    return apply.dispute_apply(provider.name, state) or _charge(provider, state.charge_ref)


def _subscription(provider: Provider, ref: str) -> bool:
    from payments.services.subscriptions import subscription_apply

    is_ours = subscription_apply(provider.name, provider.subscription(ref))
    for invoice in list(provider.invoices_of(ref))[::-1]:
        is_ours = _invoice_state(provider, invoice) or is_ours
    return is_ours


def _invoice(provider: Provider, ref: str) -> bool:
    from payments.services.subscriptions import subscription_apply

    state = provider.invoice(ref)
    if state.subscription_ref:
        subscription_apply(provider.name, provider.subscription(state.subscription_ref))
    return _invoice_state(provider, state)


def _invoice_state(provider: Provider, state: object) -> bool:
    from payments.domain.ports import InvoiceState
    from payments.services.billing import invoice_apply

    assert isinstance(state, InvoiceState)
    if not invoice_apply(provider.name, state):
        return False
    if state.charge_ref:
        apply.charge_apply(provider.name, provider.charge(state.charge_ref))
    return True


def _payee(provider: Provider, ref: str) -> bool:
    from payments.services.payees import payee_apply

    return payee_apply(provider.name, provider.payee(ref))


def _payout(provider: Provider, ref: str) -> bool:
    from payments.services.payout_states import payout_apply

    return payout_apply(provider.name, provider.payout(ref))


_SYNC: dict[ObjectKind, Callable[[Provider, str], bool]] = {
    ObjectKind.CHECKOUT: _checkout,
    ObjectKind.CHARGE: _charge,
    ObjectKind.REFUND: _refund,
    ObjectKind.DISPUTE: _dispute,
    ObjectKind.SUBSCRIPTION: _subscription,
    ObjectKind.INVOICE: _invoice,
    ObjectKind.PAYEE: _payee,
    ObjectKind.PAYOUT: _payout,
}
