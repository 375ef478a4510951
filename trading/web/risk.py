"""A person's limits in plain words, and the kill switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import DomainError
from core.pages import page
from core.templatetags.arena import qty
from trading import selectors
from trading.domain import risk_presets
from trading.domain.limits import Limits
from trading.domain.risk_presets import EffectiveLimit
from trading.forms import LIMITS, LimitsForm
from trading.pages import actor
from trading.services import risk
from trading.services.risk import KillReport, RiskView

CONFIRM = "STOP"
_SOURCES = {"own": "your choice", "plan": "your plan", "account": "the contest or evaluation"}


def _holds(found: Sequence[EffectiveLimit]) -> list[dict[str, str]]:
    """What holds, in the order of the form: what it is called, its figure, and who set it."""
    by_name = {item.name: item for item in found}
    rows = []
    for name, label, unit, _ in LIMITS:
        item = by_name.get(name)
        if item is not None:
            source = _SOURCES.get(item.source, item.source)
            rows.append({"name": label, "value": qty(item.value), "unit": unit, "source": source})
    return rows


def _presets() -> list[dict[str, Any]]:
    """Each tolerance with its figures in words."""
    found = []
    for code, limits in risk_presets.PRESETS.items():
        lines = [
            {"name": label, "unit": unit, "value": qty(value)}
            for name, label, unit, _ in LIMITS
            if (value := getattr(limits, name)) is not None
        ]
        found.append({"code": code, "name": code.capitalize(), "lines": lines})
    return found


def _differences(now: Limits, later: Limits | None) -> list[dict[str, str]]:
    """What will loosen, line by line."""
    if later is None:
        return []
    rows = []
    for name, label, unit, _ in LIMITS:
        before, after = getattr(now, name), getattr(later, name)
        if before != after:
            rows.append({"name": label, "unit": unit, "before": _value(before), "after": _value(after)})
    if now.blocked and not later.blocked:
        rows.append({"name": "Kill switch", "unit": "", "before": "on", "after": "off"})
    return rows


def _value(value: Any) -> str:
    return "no limit" if value is None else qty(value)


def _context(view: RiskView, form: LimitsForm, report: KillReport | None = None) -> dict[str, Any]:
    user_id = view.user_id
    labels = {}
    if report is not None:
        ids = [item.account_id for item in report.accounts] + [failed[0] for failed in report.failed]
        labels = {key: found.label for key, found in selectors.accounts_by_ids(ids).items()}
    return {
        "risk": view,
        "form": form,
        "fields": [form[name] for name, *_ in LIMITS],
        "presets": _presets(),
        "holds": _holds(risk.effective_limits(user_id)),
        "later": _differences(view.chosen, view.pending),
        "report": report,
        "labels": labels,
        "confirm_word": CONFIRM,
        "section": "account",
    }


def _form_of(view: RiskView) -> LimitsForm:
    """The form as the choice stands: what waits is already chosen."""
    chosen = view.pending or view.chosen
    initial = {name: qty(value) for name, value in chosen.to_json().items() if name != "blocked"}
    return LimitsForm(initial=initial)


def _tolerance(limits: Mapping[str, str | None]) -> str:
    """The tolerance whose figures these are, if any."""
    asked = Limits.from_json(limits)
    return next((code for code, known in risk_presets.PRESETS.items() if known == asked), "")


@login_required
@require_http_methods(["GET", "POST"])
@page
def risk_page(request: HttpRequest) -> HttpResponse:
    """The limits that a person's orders are judged by: where they come from, and a form that changes the own ones."""
    who = actor(request)
    user_id = who.user_id or 0
    before = risk.risk_get(actor=who, user_id=user_id)
    if request.method == "GET":
        return render(request, "trading/risk.html", _context(before, _form_of(before)))
    form = LimitsForm(request.POST)
    wanted = request.POST.get("preset", "")
    try:
        if wanted:
            after = risk.risk_set(actor=who, user_id=user_id, tolerance=wanted)
        elif form.is_valid():
            limits = form.limits()
            after = risk.risk_set(actor=who, user_id=user_id, limits=limits, tolerance=_tolerance(limits))
        else:
            return render(request, "trading/risk.html", _context(before, form), status=400)
    except DomainError as error:
        form.is_valid()
        form.refuse(error)
        return render(request, "trading/risk.html", _context(before, form), status=error.status)
    waits = after.pending is not None and after.pending != before.pending
    later = "Saved. What is tighter holds now; what is looser waits for the next market day."
    messages.success(request, later if waits else "Saved. Your limits hold from the next order on.")
    return redirect("risk")


@login_required
@require_POST
@page
def kill(request: HttpRequest) -> HttpResponse:
    """The kill switch: cancel everything, close everything, block. Confirmed by typing a word."""
    who = actor(request)
    user_id = who.user_id or 0
    view = risk.risk_get(actor=who, user_id=user_id)
    if request.POST.get("confirm", "").strip().upper() != CONFIRM:
        messages.error(request, f"Nothing was stopped. Type {CONFIRM} to confirm.")
        return redirect("risk")
    flatten = request.POST.get("flatten") == "on"
    report = risk.kill_switch(actor=who, user_id=user_id, flatten=flatten, reason="From the risk page.")
    view = risk.risk_get(actor=who, user_id=user_id)
    return render(request, "trading/risk.html", _context(view, _form_of(view), report))


@login_required
@require_POST
@page
def release(request: HttpRequest) -> HttpResponse:
    """Let trading begin again, from the next market day on."""
    who = actor(request)
    try:
        view = risk.kill_switch_release(actor=who, user_id=who.user_id or 0, reason="From the risk page.")
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("risk")
    later = "The kill switch goes off with the next market day of every market you trade in."
    messages.success(request, later if view.is_blocked else "The kill switch is off. Orders are taken again.")
    return redirect("risk")
