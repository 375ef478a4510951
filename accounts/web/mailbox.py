"""The mailbox of a local installation: mail and text messages that went nowhere else."""

from __future__ import annotations

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.adapters.mailbox import KEPT, Message, mailbox_list, mailbox_read

PAGE = 50
# A mail's own page may look like one and do nothing: no script, nothing from elsewhere; its links open a new tab.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def _local_only() -> None:
    if not (settings.DEBUG and settings.MAIL_IS_LOCAL):
        raise Http404


def _message(name: str) -> Message:
    found = mailbox_read(name)
    if found is None:
        raise Http404
    return found


@never_cache
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """What would have been sent, newest first."""
    _local_only()
    number = request.GET.get("page", "1")
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    _, total = mailbox_list(0, 0)
    page = Paginator(range(total), PAGE).get_page(wanted)
    found, _ = mailbox_list((page.number - 1) * PAGE, PAGE)
    return render(request, "mailbox/list.html", {"page": page, "found": found, "kept": KEPT})


@never_cache
@require_safe
def mailbox_message(request: HttpRequest, name: str) -> HttpResponse:
    """One message."""
    _local_only()
    return render(request, "mailbox/message.html", {"message": _message(name)})


@never_cache
@xframe_options_sameorigin
@require_safe
def mailbox_html(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001
    """A mail as its reader's program shows it."""
    _local_only()
    found = _message(name)
    if not found.html:
        raise Http404
    html = found.html.replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(html, headers={"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"})


urlpatterns = [
    path("mailbox", mailbox, name="mailbox"),
    path("mailbox/<str:name>", mailbox_message, name="mailbox-message"),
    path("mailbox/<str:name>/html", mailbox_html, name="mailbox-html"),
]
