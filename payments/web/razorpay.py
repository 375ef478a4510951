"""The way to Razorpay's page and back. What the browser brings back is only a reason to ask Razorpay itself."""

from __future__ import annotations

import logging
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from core.errors import DomainError
from core.pages import page
from core.throttling import address, limit
from payments.adapters import registry
from payments.adapters.razorpay.provider import RazorpayProvider
from payments.domain.ports import ObjectKind, ProviderError
from payments.selectors.payments import checkout_ref_of, payment_view
from payments.services.sync import object_sync

logger = logging.getLogger(__name__)

FORM = "/v1/checkout/embedded"


@login_required
@never_cache
@page
@require_safe
def razorpay_form(request: HttpRequest, public_id: str) -> HttpResponse:
    """What is paid, and a form that leads to Razorpay's page; no longer once the payment is closed."""
    user = cast(User, request.user)
    view = payment_view(public_id, user_id=user.pk)
    if view.provider != registry.RAZORPAY or not registry.is_set_up(registry.RAZORPAY):
        raise Http404
    if not view.url:
        return redirect("checkout-return", public_id=public_id)
    back = f"{settings.SITE_URL}/checkout"
    fields: dict[str, Any] = {
        "key_id": settings.RAZORPAY_KEY_ID,
        "order_id": checkout_ref_of(public_id),
        "amount": str(view.total_minor),
        "currency": view.currency,
        "name": settings.SELLER["name"],
        "description": view.title,
        "callback_url": f"{back}/razorpay/{public_id}/callback",
        "cancel_url": f"{back}/return/{public_id}?cancelled=1",
        "prefill[name]": user.display_name,
        "prefill[email]": user.email,
    }
    context = {"payment": view, "action": f"{settings.RAZORPAY_API_URL.rstrip('/')}{FORM}", "fields": fields.items()}
    return render(request, "payments/razorpay.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["POST"])
def razorpay_callback(request: HttpRequest, public_id: str) -> HttpResponse:
    """Razorpay sends the browser back here, from its site and so without a session. Nothing in it is believed.

    A good signature over our own order is a reason to ask Razorpay at once instead of waiting for its webhook.
    """
    onward = HttpResponseRedirect(f"/checkout/return/{public_id}")
    onward.status_code = 303
    ref = checkout_ref_of(public_id, provider=registry.RAZORPAY)
    try:
        provider = registry.provider(registry.RAZORPAY)
        limit("codes", f"razorpay:{public_id}")
        limit("uploads", f"razorpay:{address(request)}")
        if not ref or not cast(RazorpayProvider, provider).signature_fits(
            order_ref=ref,
            payment_ref=request.POST.get("razorpay_payment_id", "")[:60],
            signature=request.POST.get("razorpay_signature", "")[:200],
        ):
            logger.warning("a return from Razorpay for %s is not signed for it", public_id)
            return onward
        object_sync(registry.RAZORPAY, ObjectKind.CHECKOUT, ref)
    except (ProviderError, DomainError) as error:
        # The webhook comes too, and the page that follows asks again.
        logger.warning("Razorpay could not be asked about %s: %s", public_id, error)
    return onward


urlpatterns = [
    path("checkout/razorpay/<uuid:public_id>", razorpay_form, name="razorpay"),
    path("checkout/razorpay/<uuid:public_id>/callback", razorpay_callback, name="razorpay-callback"),
]
