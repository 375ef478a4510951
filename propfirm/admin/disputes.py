"""Disputes: what the verdict was given on, what the rules find at other prices, and two people's decision."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import admin
from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.timesince import timesince

from core.errors import DomainError, Invalid
from core.money import to_major, to_minor
from propfirm.admin.common import FirmAdmin, user_of
from propfirm.admin.verdicts import checked, verdict_rows
from propfirm.models import PropDispute
from propfirm.services import disputes
from trading.domain.rules import Observation, PositionFact
from trading.domain.rules.correct import observed_at, reevaluate
from trading.domain.rules.wire import decode
from trading.models import Verdict
from trading.selectors.fills import fills
from trading.selectors.rules import verdict_data

_WAITS = (PropDispute.Status.OPEN, PropDispute.Status.ASSESSED)
_Found = list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A position of the evidence, the name of its field in the form, and the price that was given there."""

    held: PositionFact
    field: str
    given: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What the rules find at the prices given, and the equity at them (minor units); or what is wrong with them."""

    found: tuple[tuple[str, str, str], ...] = ()
    equity_minor: int | None = None
    problem: str = ""

    @property
    def still_ends(self) -> bool:
        """Whether the rules end the phase at these prices too."""
        return any(kind in disputes.ENDS for kind, _, _ in self.found)


def _rows(verdict: Verdict, given: dict[str, str]) -> tuple[Observation | None, list[PositionRow]]:
    raw = verdict.evidence["inputs"].get("observation")
    if raw is None:
        return None, []
    seen = decode(Observation, raw)
    rows = [PositionRow(held, f"price-{at}", given.get(held.symbol, "")) for at, held in enumerate(seen.positions)]
    return seen, rows


def _given(verdict: Verdict, posted: QueryDict) -> dict[str, str]:
    """Prices that were typed, by symbol of the evidence; an empty field leaves the price as it was."""
    _, rows = _rows(verdict, {})
    typed = {row.held.symbol: posted.get(row.field, "").strip() for row in rows}
    return {symbol: text for symbol, text in typed.items() if text}


def _preview(verdict: Verdict, given: dict[str, str]) -> Preview:
    try:
        prices = disputes.prices_read(given)
        again = reevaluate(verdict_data(verdict), prices)
    except DomainError as error:
        return Preview(problem=error.message)
    seen, _ = _rows(verdict, {})
    equity = None if seen is None else observed_at(seen, prices, verdict.evidence["state"]["currency"]).equity_minor
    return Preview(tuple((item.kind, item.rule_key, item.message) for item in again), equity)


def _balance(text: str, currency: str) -> int | None:
    """A balance in major units as minor ones; None when nothing was typed."""
    if not text.strip():
        return None
    try:
        return to_minor(Decimal(text.strip().replace(",", "")), currency)
    except (InvalidOperation, DomainError) as error:
        raise Invalid("balance_needed", "The balance to go on with must be an amount.") from error


@admin.register(PropDispute)
class PropDisputeAdmin(FirmAdmin):
    list_display = ("id", "account", "verdict", "status", "waiting", "proposal", "assessed_by", "decided_by")
    list_filter = ("status", "proposal")
    list_select_related = ("account", "verdict", "assessed_by", "decided_by")
    search_fields = ("=id", "=account__number", "=account__owner__email")
    # What waits for a person comes first, the oldest of it at the top.
    ordering = (Case(When(status__in=_WAITS, then=0), default=1), "created_at", "id")

    @admin.display(description="waiting for")
    def waiting(self, row: PropDispute) -> str:
        return timesince(row.created_at, timezone.now()) if row.status in _WAITS else "-"

    def act(self, request: HttpRequest, row: PropDispute, do: str, reason: str) -> HttpResponse | None:
        posted, note = request.POST, request.POST.get("note", "")
        given = _given(row.verdict, posted)
        if do == "preview":
            return self._page(request, row, given, _preview(row.verdict, given))
        if do == "assess":
            currency = row.account.plan.currency
            done = self.attempt(
                request,
                lambda: disputes.dispute_assess(
                    actor=user_of(request),
                    dispute_id=row.pk,
                    prices=given,
                    proposal=posted.get("proposal", ""),
                    note=note,
                    balance_minor=_balance(posted.get("balance", ""), currency),
                ),
                "It is proposed. Somebody else decides.",
            )
            return None if done else self._page(request, row, given, _preview(row.verdict, given))
        if do in ("accept", "send_back"):
            self.attempt(
                request,
                lambda: disputes.dispute_decide(
                    actor=user_of(request), dispute_id=row.pk, accept=do == "accept", note=note
                ),
                "The proposal is carried out." if do == "accept" else "It is open again.",
            )
        return None

    def show(self, request: HttpRequest, row: PropDispute) -> HttpResponse:
        """What is disputed, and how it stands."""
        return self._page(request, row, dict(row.corrections), None)

    def _page(
        self, request: HttpRequest, row: PropDispute, given: dict[str, str], preview: Preview | None
    ) -> HttpResponse:
        seen, positions = _rows(row.verdict, given)
        currency = row.account.plan.currency
        user = user_of(request)
        posted = request.POST
        suggested = preview.equity_minor if preview else row.balance_minor
        context: dict[str, Any] = {
            "row": row,
            "currency": currency,
            "seen": seen,
            "positions": positions,
            # What was closed by then is in no price of the evidence.
            "fills": fills(row.verdict.account_id, limit=20),
            "preview": preview,
            "verdicts": checked(verdict_rows([row.verdict])),
            "waits": row.status in _WAITS,
            "is_assessed": row.status == PropDispute.Status.ASSESSED,
            "may_decide": user.pk not in (row.assessed_by_id, row.account.owner_id),
            "proposal": posted.get("proposal", row.proposal),
            "note": posted.get("note", row.note),
            "balance": posted.get("balance") or ("" if suggested is None else str(to_major(suggested, currency))),
        }
        title = f"Dispute {row.pk} of {row.account.number}"
        return self.page(request, "dispute", title, context, status=422 if preview and preview.problem else 200)
