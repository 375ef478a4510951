"""Settings, privacy and data: copies, consents, deletion."""

from typing import cast

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.domain.privacy import DELETION_DUE, confirms, day
from accounts.models import User
from accounts.selectors.consents import consents_of, texts_in_force
from accounts.selectors.privacy import deletion_waiting, export_require, exports_of
from accounts.services import deletion, exports
from accounts.wire_privacy import export_response, unconfirmed
from core.errors import DomainError
from core.pages import page
from core.throttling import address


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)


def _export_context(user: User) -> dict[str, object]:
    found = exports_of(user.pk)
    return {"exports": found, "is_open": any(view.is_open for view in found), "link_days": settings.EXPORT_LINK_DAYS}


@login_required
@never_cache
@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    """What is held, a copy of it, what was agreed to, and how to leave."""
    user = _me(request)
    agreed = consents_of(user.pk)
    in_force = {text.id for text in texts_in_force()}
    context = {
        **_export_context(user),
        "deletion": deletion_waiting(user.pk),
        "grace_days": settings.DELETION_GRACE_DAYS,
        "consents": [(text, text.id in in_force) for text in agreed],
        "retention": settings.RETENTION_DAYS,
    }
    return render(request, "settings/privacy.html", context)


@login_required
@require_POST
@reauthentication_required
def export_ask(request: HttpRequest) -> HttpResponse:
    """Ask for a copy."""
    user = _me(request)
    try:
        exports.export_request(user_id=user.pk, actor=user, ip=address(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Your copy is being made. You will be told when it is ready.")
    return redirect("settings-privacy")


@login_required
@never_cache
@require_GET
def export_list(request: HttpRequest) -> HttpResponse:
    """The copies alone, fetched again while one is being made."""
    return render(request, "privacy/_exports.html", _export_context(_me(request)))


@login_required
@require_GET
@page
def export_file(request: HttpRequest, export_id: int) -> HttpResponse:
    """Fetch a copy. Whoever sits down at an open session is asked who they are first."""
    export_require(user_id=_me(request).pk, export_id=export_id)
    return cast(HttpResponse, _export_file(request, export_id))


@reauthentication_required
def _export_file(request: HttpRequest, export_id: int) -> HttpResponse:
    try:
        return cast(HttpResponse, export_response(_me(request), export_id, address(request)))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("settings-privacy")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@reauthentication_required
def delete(request: HttpRequest) -> HttpResponse:
    """Ask for the account to be deleted, knowing what that means."""
    user = _me(request)
    context = {"grace_days": settings.DELETION_GRACE_DAYS, "error": "", "typed": ""}
    if request.method == "POST":
        typed = request.POST.get("confirm", "")[:254]
        try:
            if not confirms(typed, user.email):
                raise unconfirmed()
            waiting = deletion.deletion_request(user_id=user.pk, actor=user, ip=address(request))
        except DomainError as error:
            context |= {"error": error.message, "typed": typed}
            return render(request, "privacy/delete.html", context, status=422)
        request.session[DELETION_DUE] = day(waiting.due_at)
        messages.success(request, f"Your account will be deleted on {day(waiting.due_at)}. You can take that back.")
        return redirect("settings-privacy")
    if deletion_waiting(user.pk) is not None:
        return redirect("settings-privacy")
    return render(request, "privacy/delete.html", context)


@login_required
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Take the deletion back."""
    user = _me(request)
    request.session.pop(DELETION_DUE, None)
    if deletion.deletion_cancel(user_id=user.pk, actor=user, ip=address(request)):
        messages.success(request, "Your account stays.")
    return redirect("settings-privacy")


urlpatterns = [
    path("settings/privacy", privacy, name="settings-privacy"),
    path("settings/privacy/exports", export_ask, name="settings-privacy-export"),
    path("settings/privacy/exports/list", export_list, name="settings-privacy-exports"),
    path("settings/privacy/exports/<int:export_id>/file", export_file, name="settings-privacy-export-file"),
    path("settings/privacy/delete", delete, name="settings-privacy-delete"),
    path("settings/privacy/keep", keep, name="settings-privacy-keep"),
]
