"""What is owed, asking for it, and where it goes."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.selectors.identity import identity_of
from core.csv_cells import safe_cell
from core.errors import DomainError
from core.money import major_text
from core.pages import page, paginated
from payments.adapters.payout_statement_pdf import payout_statement_pdf
from payments.forms import PayeeForm, amount_minor
from payments.pages import TONES, money_context
from payments.selectors.payouts import owed_to, payee_of, payout_get, payout_view_of, payouts_of, statement_of
from payments.services import payees
from payments.services import payouts as service


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def payouts(request: HttpRequest) -> HttpResponse:
    """What is owed and what is on its way; sending the form asks for a payout."""
    user = _me(request)
    refusal: DomainError | None = None
    if request.method == "POST":
        currency = request.POST.get("currency", "")
        try:
            view = service.payout_request(
                actor=user,
                amount_minor=amount_minor(request.POST.get("amount", ""), currency),
                currency=currency,
                idempotency_key=request.POST.get("idempotency_key", ""),
            )
        except DomainError as error:
            refusal = error
        else:
            messages.success(request, "Asked for. Two people look at it before it is sent.")
            return redirect("payout", public_id=view.public_id)
    rows = paginated(request, payouts_of(user.pk))
    context: dict[str, Any] = {
        "owed": owed_to(user.pk), "payee": payee_of(user.pk), "identity": identity_of(user.pk), "page": rows,
        "payouts": [payout_view_of(row) for row in rows.object_list], "tones": TONES, "refusal": refusal,
        "amount": request.POST.get("amount", ""), **money_context(),
    }  # fmt: skip
    return render(request, "payments/payouts/list.html", context, status=422 if refusal else 200)


@login_required
@never_cache
@page
@require_safe
def payout(request: HttpRequest, public_id: str) -> HttpResponse:
    """One payout: its steps, and where it stands."""
    view = payout_get(public_id, _me(request).pk)
    return render(request, "payments/payouts/payout.html", {"payout": view, "tone": TONES.get(view.status, "")})


@login_required
@page
@require_POST
def payout_cancel(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take it back."""
    try:
        service.payout_cancel(actor=_me(request), public_id=public_id)
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
    else:
        messages.success(request, "Taken back. You may ask for it again.")
    return redirect("payout", public_id=public_id)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def payee(request: HttpRequest) -> HttpResponse:
    """Where the money goes; the provider's page asks for the account itself."""
    has = payee_of(_me(request).pk)
    identity = identity_of(_me(request).pk)
    first = {"country": identity.country, "currency": has.currency if has else "USD"}
    asks = payees.payee_fields("INR")
    form = PayeeForm(request.POST if request.method == "POST" else None, initial=first, asks=asks)
    refusal: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            _, url = payees.payee_begin(
                actor=_me(request),
                country=form.cleaned_data["country"],
                currency=form.cleaned_data["currency"],
                details=form.details(),
            )
        except DomainError as error:
            field = str(error.details.get("field", ""))
            if field in form.fields:
                form.add_error(field, error.message)
            else:
                refusal = error
        else:
            return HttpResponseRedirect(url or "/payouts")
    context = {"payee": has, "form": form, "refusal": refusal}
    is_refused = refusal is not None or bool(form.errors)
    return render(request, "payments/payouts/payee.html", context, status=422 if is_refused else 200)


@login_required
@require_POST
def payee_continue(request: HttpRequest) -> HttpResponse:
    """Back to the provider's page."""
    try:
        return HttpResponseRedirect(payees.payee_url(actor=_me(request)) or "/payouts")
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("payee")


def _span(request: HttpRequest) -> tuple[datetime, datetime]:
    """From the first day named to the last, else the last year."""
    since, until = (parse_date(request.GET.get(name, "")[:10] or "-") for name in ("from", "to"))
    end = datetime.combine(until, datetime.min.time(), UTC) + timedelta(days=1) if until else timezone.now()
    start = datetime.combine(since, datetime.min.time(), UTC) if since else end - timedelta(days=365)
    return start, end


@login_required
@require_GET
def payout_statement(request: HttpRequest, kind: str) -> HttpResponse:
    """What was owed, asked for and came back, as CSV or PDF."""
    since, until = _span(request)
    lines = statement_of(_me(request).pk, since=since, until=until)
    headers = {"Content-Disposition": f'attachment; filename="payouts.{kind}"', "Cache-Control": "private, no-store"}
    if kind == "pdf":
        made = payout_statement_pdf(_me(request).display_name, lines, since=since, until=until)
        return HttpResponse(made, content_type="application/pdf", headers=headers)
    target = StringIO()
    rows = csv.writer(target)
    rows.writerow(["at", "kind", "what", "amount", "currency"])
    for line in lines:
        amount = major_text(line.amount_minor, line.currency)
        rows.writerow([line.at.isoformat(), line.kind, safe_cell(line.memo), amount, line.currency])
    return HttpResponse(target.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


urlpatterns = [
    path("payouts", payouts, name="payouts"),
    path("payouts/payee", payee, name="payee"),
    path("payouts/payee/continue", payee_continue, name="payee-continue"),
    path("payouts/statement.csv", payout_statement, {"kind": "csv"}, name="payout-statement-csv"),
    path("payouts/statement.pdf", payout_statement, {"kind": "pdf"}, name="payout-statement-pdf"),
    path("payouts/<uuid:public_id>", payout, name="payout"),
    path("payouts/<uuid:public_id>/cancel", payout_cancel, name="payout-cancel"),
]
