"""The bell, the list of notifications, and what of them a person wants."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.adapters.webpush import push_is_set_up
from accounts.domain.catalogue import GROUPS
from accounts.forms_notices import WishesForm
from accounts.models import User
from accounts.selectors import notices as selectors
from accounts.services import notice_choices, notices
from accounts.services.notice_test import test_send
from core.errors import DomainError

PAGE = 25


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@never_cache
@require_GET
def notice_list(request: HttpRequest) -> HttpResponse:
    """Everything one was told, newest first; by group, or unread only."""
    user = _user(request)
    group = request.GET.get("group", "")
    group = group if group in GROUPS else ""
    unread = request.GET.get("unread") == "1"
    rows = selectors.notices_of(user.pk, group=group, unread=unread)
    context = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "groups": GROUPS,
        "group": group,
        "only_unread": unread,
        "section": "notifications",
    }
    return render(request, "notifications/list.html", context)


@login_required
@never_cache
@require_GET
def panel(request: HttpRequest) -> HttpResponse:
    """What the bell opens: the last few."""
    return _panel(request)


def _panel(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    context = {"rows": selectors.latest(user.pk), "count": selectors.unread_count(user.pk)}
    return render(request, "notifications/_panel.html", context)


@login_required
@never_cache
@require_GET
def count(request: HttpRequest) -> HttpResponse:
    """How many are unread; the bell asks after it was cut off."""
    return JsonResponse({"unread": selectors.unread_count(_user(request).pk)})


@login_required
@never_cache
@require_GET
def notice_open(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Go where a notification leads; it counts as read from then on."""
    user = _user(request)
    row = selectors.notices_of(user.pk).filter(pk=notice_id).first() if notice_id < 2**63 else None
    if row is None:
        raise Http404
    if row.read_at is None:
        notices.notices_read(user_id=user.pk, ids=[row.pk])
    return redirect(row.url or "notifications")


@login_required
@require_POST
def notices_mark(request: HttpRequest) -> HttpResponse:
    """Mark one (`id`) or all as read."""
    raw = request.POST.get("id", "")
    ids = [int(raw)] if raw.isascii() and raw.isdigit() and len(raw) <= 18 else None
    if raw and ids is None:
        raise Http404
    notices.notices_read(user_id=_user(request).pk, ids=ids)
    if request.headers.get("HX-Request"):
        return _panel(request)
    back = request.POST.get("next", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else "notifications")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def wishes(request: HttpRequest) -> HttpResponse:
    """What one wants to be told, how and when."""
    user = _user(request)
    now = selectors.wishes_of(user)
    form = WishesForm.of(now, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            notice_choices.wishes_save(user_id=user.pk, choices=form.choices(), **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, "Saved. It holds from now on.")
            return redirect("settings-notifications")
    context = {
        "form": form,
        "wishes": now,
        "sent": request.POST if form.is_bound else None,
        "push_key": settings.VAPID_PUBLIC_KEY if push_is_set_up() else "",
        "mail_is_local": settings.MAIL_IS_LOCAL,
        "mailbox": settings.MAIL_IS_LOCAL and settings.DEBUG,
    }
    return render(request, "settings/notifications.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def wishes_test(request: HttpRequest) -> HttpResponse:
    """Send oneself a test by every way that is on."""
    try:
        test_send(user_id=_user(request).pk)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Sent. The bell shows it now; mail and push follow within a few seconds.")
    return redirect("settings-notifications")


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The link at the foot of a mail: a page with a button. The button, and a mail program's one click, end it.

    Nobody has to sign in for it, and following the link alone ends nothing: programs that check mail follow links.
    """
    what = notice_choices.unsubscribe_read(token)
    if what is None:
        return render(request, "notifications/unsubscribe.html", {"what": None}, status=404)
    if request.method == "POST":
        notice_choices.unsubscribe(what)
    return render(request, "notifications/unsubscribe.html", {"what": what, "done": request.method == "POST"})


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The script that shows pushes. Served here, because a worker reaches only what lies below its own address."""
    response = HttpResponse(_worker(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@cache
def _worker() -> str:
    return (Path(settings.BASE_DIR) / "static" / "js" / "sw.js").read_text()


urlpatterns = [
    path("notifications", notice_list, name="notifications"),
    path("notifications/panel", panel, name="notifications-panel"),
    path("notifications/count", count, name="notifications-count"),
    path("notifications/read", notices_mark, name="notifications-read"),
    path("notifications/<int:notice_id>", notice_open, name="notification"),
    path("notifications/unsubscribe/<str:token>", unsubscribe, name="unsubscribe"),
    path("settings/notifications", wishes, name="settings-notifications"),
    path("settings/notifications/test", wishes_test, name="settings-notifications-test"),
    path("sw.js", service_worker, name="service-worker"),
]
