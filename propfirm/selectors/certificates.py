"""Certificates as anyone who has their code sees them, with what has become of the account since."""

from __future__ import annotations

from django.db.models import QuerySet

from core.errors import NotFound
from propfirm.domain import states
from propfirm.domain.certificates import CertificateView, standing_words
from propfirm.models import PropCertificate


def certificates_query(account_id: int) -> QuerySet[PropCertificate]:
    """The certificates of an account, the newest first; `certificate_view` makes views of them."""
    return _rows().filter(account_id=account_id).order_by("-pk")


def certificate_by_code(code: str) -> CertificateView:
    """A certificate. Raises NotFound for a code that is none, or whose account was called off."""
    row = _rows().filter(code=code[:20]).exclude(account__status=states.VOID).first()
    if row is None:
        raise NotFound("certificate_not_found", "No certificate has this code. Check its spelling.")
    return certificate_view(row)


def _rows() -> QuerySet[PropCertificate]:
    return PropCertificate.objects.select_related(
        "account__owner", "account__plan", "phase__trading_account__market",
        "payout__payout", "payout__phase__trading_account__market",
    )  # fmt: skip


def certificate_view(row: PropCertificate) -> CertificateView:
    """A row of `certificates_query` as anyone may see it: of its holder, the public name alone."""
    account, payout = row.account, row.payout
    phase = row.phase if payout is None else payout.phase
    assert phase is not None
    market = phase.trading_account.market
    paid = "" if payout is None or payout.payout is None else payout.payout.status
    holds, words = standing_words(row.kind, status=account.status, ended_at=account.ended_at, paid=paid)
    return CertificateView(
        code=row.code,
        kind=row.kind,
        name=account.owner.display_name,
        plan=account.plan.name,
        phase=phase.name,
        currency=str(row.figures["currency"]),
        size_minor=int(row.figures["size_minor"]),
        share_minor=None if payout is None else int(row.figures["trader_minor"]),
        at=row.created_at,
        holds=holds,
        standing=words,
        source=market.source_label,
        is_simulated=market.is_simulated,
    )
