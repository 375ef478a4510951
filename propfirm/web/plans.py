"""Pages of plans: what is sold, one plan with its rules in words, and its odds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect

from core.errors import DomainError
from core.pages import page
from core.throttling import address
from marketdata.domain.types import MarketView
from propfirm.models import PropPlan
from propfirm.pages import STEP_WORDS, odds_context, purchase_context
from propfirm.selectors.plans import PlanView, definition_of, plan_offered_row, plan_view, plans_offered
from propfirm.services.plans import plan_market
from trading.pages import market_context


def _market(row: PropPlan) -> MarketView | None:
    """Where it is traded; None while there is no market for it."""
    try:
        return plan_market(row)
    except DomainError:
        return None


@require_GET
def plan_list(request: HttpRequest) -> HttpResponse:
    """Plans that are sold, to compare; by steps and size."""
    plans = plans_offered()
    steps, size = request.GET.get("steps", ""), request.GET.get("size", "")
    sizes = sorted({(plan.size_minor, plan.currency) for plan in plans})
    shown = [
        plan
        for plan in plans
        if (plan.steps == steps or steps not in STEP_WORDS) and (not size or str(plan.size_minor) == size)
    ]
    context: dict[str, Any] = {
        "plans": [{"plan": plan, "steps": STEP_WORDS[plan.steps]} for plan in shown],
        "steps": [(code, words) for code, words in STEP_WORDS.items() if any(plan.steps == code for plan in plans)],
        "sizes": sizes,
        "chosen_steps": steps if steps in STEP_WORDS else "",
        "chosen_size": size,
        "section": "propfirm",
    }
    return render(request, "propfirm/plans/list.html", context)


def _context(request: HttpRequest, code: str) -> tuple[PropPlan, PlanView, dict[str, Any]]:
    row = plan_offered_row(code)
    read = definition_of(row)
    add_ons = [code for code in request.GET.getlist("add_on")[:8] if code in read.codes]
    plan = plan_view(row, add_ons)
    rules = [read.rule_set(index, add_ons) for index in range(len(read.phases))]
    context: dict[str, Any] = {"plan": plan, "add_ons": add_ons, "section": "propfirm", "status": 200}
    # Who looks as a trader asks at their own expense.
    payer_id = getattr(request, "operator", request.user).pk
    payer = f"user:{payer_id}" if payer_id else f"ip:{address(request)}"
    context |= odds_context(plan, rules, request.GET.dict(), read.price_with(add_ons), request.user.pk, payer)
    return row, plan, context


@require_GET
@page
def plan_page(request: HttpRequest, code: str) -> HttpResponse:
    """One plan: its rules in words with the add-ons that are chosen, its price, its odds."""
    row, plan, context = _context(request, code)
    affiliate = request.GET.get("affiliate", "").strip()[:20]
    context |= purchase_context(plan, context["add_ons"], affiliate, request.user.pk)
    coupon = request.GET.get("coupon", "").strip()[:32]
    if request.GET.get("buy") and not context["affiliate_problem"]:
        # With what was typed a moment ago, too.
        checkout = reverse("checkout", args=["challenge", context["reference"]])
        where = f"{checkout}?{urlencode({'coupon': coupon})}" if coupon else checkout
        return HttpResponseClientRedirect(where) if request.headers.get("HX-Request") else redirect(where)
    market = _market(row)
    if market is not None:
        context |= market_context(market.id)
    context |= {"coupon": coupon, "can_buy": market is not None}
    return render(request, "propfirm/plans/plan.html", context, status=context["status"])


@require_GET
@page
def plan_odds(request: HttpRequest, code: str) -> HttpResponse:
    """The odds alone, for the page that is open."""
    _, _, context = _context(request, code)
    return render(request, "propfirm/plans/_odds.html", context, status=context["status"])


urlpatterns = [
    path("prop-firm", plan_list, name="prop-plans"),
    path("prop-firm/plans/<slug:code>", plan_page, name="prop-plan"),
    path("prop-firm/plans/<slug:code>/odds", plan_odds, name="prop-plan-odds"),
]
