"""The dashboard of the firm: accounts, risk, breaches, payouts, what may be asked for, and what each plan brings."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from marketdata.selectors import market_clock
from propfirm.domain.odds_live import LiveLiability, Soon
from propfirm.models import PropDispute, PropFinding
from propfirm.selectors import economics, overview
from propfirm.selectors.risk import riskiest
from propfirm.services.odds import liability_of

RISKIEST = 20


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """What is expected of the funded accounts under one rule set."""

    name: str
    owed: LiveLiability
    within: tuple[Soon, ...]

    @property
    def soon(self) -> list[tuple[int, tuple[int, int, int], int]]:
        """(days, (expected, from, to), more than this one time in twenty), minor units."""
        return [
            (soon.days, (round(soon.expected.value), *map(round, soon.expected.interval)), soon.prudent_minor)  # type: ignore[misc]
            for soon in self.within
        ]


def _expected() -> list[ExpectedRow]:
    """What funded accounts may be paid in 30 and 90 days, by rule set; simulated, so only when it is asked for."""
    found = []
    for market_id, fees in overview.funded_fees().items():
        for rule_set, owed in liability_of(fees, at=market_clock(market_id).at):
            found.append(ExpectedRow(rule_set.name, owed, owed.within))
    return found


def dashboard(request: HttpRequest) -> HttpResponse:
    """For who may look at accounts of the firm."""
    if not request.user.has_perm("propfirm.view_propaccount"):
        return HttpResponse(status=403)
    since = overview.day_begin()
    plans = economics.plan_economics()
    context = {
        **admin.site.each_context(request),
        "title": "The firm",
        "now": timezone.now(),
        "since": since,
        "census": overview.census(),
        "riskiest": riskiest(RISKIEST),
        "breaches": overview.breach_counts(since),
        "payouts": overview.payouts_waiting(),
        "disputes": PropDispute.objects.filter(status__in=("open", "assessed")).count(),
        "findings": PropFinding.objects.filter(status="open").count(),
        "liability": overview.liability_now(),
        "expected": _expected() if request.GET.get("expect") else None,
        "plans": plans,
        "steps": range(max((len(plan.phases) for plan in plans), default=0)),
    }
    return render(request, "admin/propfirm/dashboard.html", context)
