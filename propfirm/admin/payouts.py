"""The queue of payouts of profit: a first look, a second person's approval, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince

from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.money import Money
from propfirm.admin.common import FirmAdmin, user_of
from propfirm.admin.verdicts import checked, verdict_rows
from propfirm.models import PropFinding, PropPayout
from propfirm.selectors.payouts import payout_views
from propfirm.selectors.risk import risks_of
from propfirm.services import payouts
from trading.models import Verdict

MAX_AT_ONCE = 50
_WAITS = (PropPayout.Status.REQUESTED, PropPayout.Status.REVIEWED)


@admin.register(PropPayout)
class PropPayoutAdmin(FirmAdmin):
    list_display = (
        "id",
        "account",
        "owner",
        "withdrawn",
        "trader",
        "status",
        "waiting",
        "flags",
        "reviewed_by",
        "approved_by",
    )
    list_filter = ("status", "currency")
    list_select_related = ("account__owner", "reviewed_by", "approved_by")
    search_fields = ("=id", "=public_id", "=account__number", "=account__owner__email", "=payout__ref")
    # What waits for a person comes first, the oldest of it at the top.
    ordering = (Case(When(status__in=_WAITS, then=0), default=1), "created_at", "id")
    action_form = ReasonForm
    actions = ("review", "approve", "reject")

    class Media:
        css = {"all": ("css/operators.css",)}

    @admin.display(description="owner")
    def owner(self, row: PropPayout) -> str:
        return str(row.account.owner)

    @admin.display(description="withdrawn", ordering="gross_minor")
    def withdrawn(self, row: PropPayout) -> str:
        return str(Money(row.gross_minor, row.currency))

    @admin.display(description="to the trader", ordering="trader_minor")
    def trader(self, row: PropPayout) -> str:
        return str(Money(row.trader_minor, row.currency))

    @admin.display(description="waiting for")
    def waiting(self, row: PropPayout) -> str:
        return timesince(row.created_at, timezone.now()) if row.status in _WAITS else "-"

    @admin.action(description="First look: in order (note)", permissions=["operate"])
    def review(self, request: HttpRequest, queryset: QuerySet[PropPayout]) -> None:
        self._each(request, queryset, partial(payouts.payout_review, note=reason_of(request)), "looked at")

    @admin.action(description="Second person: approve (note; needed when flagged)", permissions=["operate"])
    def approve(self, request: HttpRequest, queryset: QuerySet[PropPayout]) -> None:
        self._each(request, queryset, partial(payouts.payout_approve, note=reason_of(request)), "approved")

    @admin.action(description="Do not approve (reason is told)", permissions=["operate"])
    def reject(self, request: HttpRequest, queryset: QuerySet[PropPayout]) -> None:
        self._each(request, queryset, partial(payouts.payout_reject, reason=reason_of(request)), "not approved")

    def _each(self, request: HttpRequest, queryset: QuerySet[PropPayout], act: Callable[..., Any], word: str) -> None:
        for pk in queryset.values_list("pk", flat=True)[:MAX_AT_ONCE]:
            self._one(request, pk, act, word)

    def _one(self, request: HttpRequest, pk: int, act: Callable[..., Any], word: str) -> None:
        try:
            act(actor=user_of(request), payout_id=pk)
        except DomainError as error:
            self.message_user(request, f"Payout {pk}: {error.message}", messages.ERROR)
        else:
            self.message_user(request, f"Payout {pk} is {word}.", messages.SUCCESS)

    def act(self, request: HttpRequest, row: PropPayout, do: str, reason: str) -> None:
        acts: dict[str, tuple[Callable[..., Any], str]] = {
            "review": (partial(payouts.payout_review, note=reason), "looked at"),
            "approve": (partial(payouts.payout_approve, note=reason), "approved"),
            "reject": (partial(payouts.payout_reject, reason=reason), "not approved"),
        }
        if do in acts:
            self._one(request, row.pk, *acts[do])

    def show(self, request: HttpRequest, row: PropPayout) -> HttpResponse:
        """What was asked for, by which verdict, and what a reviewer should look at."""
        verdict = Verdict.objects.get(pk=row.verdict_id)
        figures = verdict.evidence["figures"]
        [view] = payout_views([row])
        trading_id = row.phase.trading_account_id
        found = PropFinding.objects.filter(left=row.account) | PropFinding.objects.filter(right=row.account)
        context = {
            "row": row,
            "view": view,
            "conditions": [(item["text"], item["met"]) for item in figures.get("conditions", [])],
            "verdicts": checked(verdict_rows([verdict])),
            "risk": risks_of([trading_id]).get(trading_id),
            "findings": found.select_related("left", "right").order_by("-pk")[:20],
            "earlier": PropPayout.objects.filter(account=row.account).exclude(pk=row.pk).order_by("-pk")[:20],
            "waits": row.status in _WAITS,
            "is_first": row.status == PropPayout.Status.REQUESTED,
            "is_mine": user_of(request).pk in (row.reviewed_by_id, row.account.owner_id),
        }
        return self.page(request, "payout", f"Payout {row.pk} of {row.account.number}", context)
