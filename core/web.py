"""Health checks, stream tokens and error pages."""

import logging
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import push
from core.api import error_body, request_id
from core.errors import DomainError, NotFound
from core.selectors import readiness

logger = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """This process is alive."""
    return JsonResponse({"ok": True})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 when everything the platform needs is live, else 503; says what was seen of each."""
    checks = readiness()
    ready = all(check.ok for check in checks)
    body = {"ok": ready, "checks": {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}}
    return JsonResponse(body, status=200 if ready else 503)


@require_safe
@never_cache
def stream_token(request: HttpRequest) -> HttpResponse:
    """A fresh token for channels the session's user may listen to: `?channels=account:1,market:2`."""
    try:
        return JsonResponse(push.stream_permission(request.user, request.GET.get("channels", "")))
    except DomainError as error:
        return JsonResponse(error.as_dict(), status=error.status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """handler400."""
    return _error(request, 400, "malformed", "The request could not be understood.")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """handler403."""
    return _error(request, 403, "forbidden", "You may not do this.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """CSRF_FAILURE_VIEW."""
    message = "This page was open for too long. Go back, reload it and try again."
    return _error(request, 403, "csrf_failed", message, template="403_csrf.html")


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404. Says what is not there, where a view has said so (`core.pages.page`)."""
    cause = None if exception is None else exception.__cause__
    message = cause.message if isinstance(cause, NotFound) else "There is no such page."
    return _error(request, 404, "not_found", message)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500. Tells nothing but the request's id; the log has the rest."""
    return _error(request, 500, "internal_error", "Something went wrong on our side.", {"request_id": request_id()})


def maintenance(request: HttpRequest, message: str, details: dict[str, Any]) -> HttpResponse:
    """What is refused while the platform is under maintenance: JSON, a page, or a line for a part of a page."""
    if request.headers.get("HX-Request"):
        return HttpResponse(format_html('<p class="notice notice-warn" role="alert">{}</p>', message), status=503)
    return _error(request, 503, "maintenance", message, details, bare=True)


def _error(
    request: HttpRequest,
    status: int,
    code: str,
    message: str,
    details: dict[str, Any] | None = None,
    *,
    template: str | None = None,
    bare: bool = False,
) -> HttpResponse:
    """JSON for the API; for people the page `{status}.html`, else `error.html`, else plain text.

    `bare`: without what a page knows of its viewer.
    """
    if request.path_info.startswith("/api/"):
        return JsonResponse(error_body(code, message, details), status=status)
    context = {"status": status, "code": code, "message": message, "details": details or {}}
    try:
        html = render_to_string(
            [template or f"{status}.html", "error.html"], context, None if bare or status == 500 else request
        )
    except Exception as error:
        if not isinstance(error, TemplateDoesNotExist):
            logger.exception("the error page itself failed")
        return HttpResponse(f"{status}: {message}\n", status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(html, status=status)
