"""The sandbox's pages: checkout, portal and payee's form as a provider has them, and a desk for operators."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from core.errors import DomainError, NotFound
from core.money import Money
from payments.forms_sandbox import BankForm
from payments.services import sandbox_pages as service

View = Callable[..., HttpResponse]
BILLING, PAYEE = "/billing", "/payouts/payee"


def _page(view: View) -> View:
    """Only where the sandbox is allowed, for who has signed in; what is not theirs is not there."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.SANDBOX_PAYMENTS:
            raise Http404
        try:
            return view(request, *args, **kwargs)
        except NotFound as error:
            raise Http404 from error

    return never_cache(login_required(require_http_methods(["GET", "POST"])(guarded)))


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@_page
def checkout(request: HttpRequest, ref: str) -> HttpResponse:
    """Pay, or let it go wrong in one of the ways in which it does."""
    status = 200
    if request.method == "POST":
        try:
            onward = service.checkout_act(actor=_user(request), ref=ref, outcome=request.POST.get("outcome", ""))
        except NotFound:
            raise
        except DomainError as error:
            messages.error(request, error.message)
            status = error.status
        else:
            return redirect(onward or request.path)
    page = service.checkout_page(actor=_user(request), ref=ref)
    return render(request, "payments/sandbox/checkout.html", {"page": page}, status=status)


@_page
def portal(request: HttpRequest, ref: str) -> HttpResponse:
    """Subscriptions, the card that pays for them, their bills."""
    status = 200
    if request.method == "POST":
        try:
            service.portal_act(
                actor=_user(request),
                customer_ref=ref,
                subscription_ref=request.POST.get("subscription", ""),
                act=request.POST.get("act", ""),
            )
        except NotFound:
            raise
        except DomainError as error:
            messages.error(request, error.message)
            status = error.status
        else:
            return redirect(request.path)
    cards = service.portal_page(actor=_user(request), customer_ref=ref)
    return render(request, "payments/sandbox/portal.html", {"cards": cards, "back": BILLING}, status=status)


@_page
def payee(request: HttpRequest, ref: str) -> HttpResponse:
    """Where a payee's money goes to."""
    row = service.payee_page(actor=_user(request), ref=ref)
    form = BankForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            service.payee_fill(actor=_user(request), ref=ref, **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, "The bank account was saved.")
            return redirect(PAYEE)
    status = 422 if form.is_bound else 200
    return render(request, "payments/sandbox/payee.html", {"payee": row, "form": form, "back": PAYEE}, status=status)


@_page
def desk(request: HttpRequest, ref: str) -> HttpResponse:
    """A charge at the sandbox, for operators of finance: disputes, refunds, and what goes wrong with them."""
    if not request.user.has_perm("payments.change_payment"):
        raise PermissionDenied
    charge = service.desk_page(ref)
    if request.method == "POST":
        try:
            text = request.POST.get("amount", "").strip()
            service.desk_act(
                actor=_user(request),
                ref=ref,
                act=request.POST.get("act", ""),
                target=request.POST.get("target", ""),
                amount_minor=Money.of(text, charge.currency).minor if text else 0,
            )
        except NotFound:
            raise
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "It has happened at the sandbox, which has told us of it.")
        return redirect(reverse("sandbox-charge", args=[ref]))
    return render(request, "payments/sandbox/charge.html", {"charge": charge})


urlpatterns = [
    path("sandbox/checkout/<slug:ref>", checkout, name="sandbox-checkout"),
    path("sandbox/portal/<slug:ref>", portal, name="sandbox-portal"),
    path("sandbox/payee/<slug:ref>", payee, name="sandbox-payee"),
    path("sandbox/charges/<slug:ref>", desk, name="sandbox-charge"),
]
