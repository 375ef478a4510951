"""The dashboard of money: what moved, what stands, what waits for people."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from payments.selectors.revenue import Queue, money_of, queues


def dashboard(request: HttpRequest) -> HttpResponse:
    """For who may look at payments."""
    if not request.user.has_perm("payments.view_payment"):
        return HttpResponse(status=403)
    now = timezone.now()
    context = {
        **admin.site.each_context(request),
        "title": "Money",
        "now": now,
        "money": money_of(now),
        "queues": [(queue, _link(queue)) for queue in queues()],
    }
    return render(request, "admin/payments/dashboard.html", context)


def _link(queue: Queue) -> str:
    try:
        return f"{reverse(f'admin:payments_{queue.page}_changelist')}?{queue.query}"
    except NoReverseMatch:
        return ""
