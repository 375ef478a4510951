"""Certificates: made once when something was achieved, shown to anyone who has the code."""

from __future__ import annotations

import secrets
from typing import Any

from core.services import audit
from propfirm.models import PropAccount, PropCertificate, PropPayout, PropPhase


def certificate_make_in_tx(
    account: PropAccount, kind: str, *, phase: PropPhase | None = None, payout: PropPayout | None = None
) -> PropCertificate:
    """The certificate of a phase that was passed, an account that was funded, or a payout that was paid. Made once."""
    known = PropCertificate.objects.filter(kind=kind, phase=phase, payout=payout).first()
    if known is not None:
        return known
    figures: dict[str, Any] = {"size_minor": account.plan.size_minor, "currency": account.plan.currency}
    if payout is not None:
        figures |= {"trader_minor": payout.trader_minor}
    made = PropCertificate.objects.create(
        code=secrets.token_hex(10), kind=kind, account=account, phase=phase, payout=payout, figures=figures
    )
    audit.record(
        actor=None, action="prop_certificate.make", subject_type="prop_account", subject_id=account.pk,
        after={"kind": kind, "code": made.code},
    )  # fmt: skip
    return made
