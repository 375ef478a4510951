"""The settings page of API keys."""

from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.clients import client_of
from accounts.domain.keys import MAX_LIVE_KEYS
from accounts.forms import ServiceForm
from accounts.forms_keys import KeyEditForm, KeyForm
from accounts.models import ApiKey, User
from accounts.selectors.keys import key_state, keys_live, keys_of
from accounts.services import keys as service
from core.errors import DomainError, NotFound

PAST = 20


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@never_cache
@login_required
@require_GET
def key_list(request: HttpRequest) -> HttpResponse:
    """The keys that work, and the last ones that do not any more."""
    user_id, now = _user(request).pk, timezone.now()
    live = list(keys_live(user_id)[:MAX_LIVE_KEYS])
    known = {key.pk for key in live}
    past = [key for key in keys_of(user_id)[: MAX_LIVE_KEYS + PAST] if key.pk not in known][:PAST]
    context = {
        "live": live,
        "past": [(key, key_state(key, now)) for key in past],
        "most": MAX_LIVE_KEYS,
        "site": settings.SITE_URL,
    }
    return render(request, "settings/keys.html", context)


@never_cache
@login_required
@reauthentication_required
@require_http_methods(["GET", "POST"])
def key_new(request: HttpRequest) -> HttpResponse:
    """Make a key. The page that answers is the only one that ever shows it."""
    form = KeyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _form(request, "settings/keys_new.html", form)
    try:
        made = service.key_create(actor=_user(request), client=client_of(request), **form.to_fields())
    except DomainError as error:
        return _form(request, "settings/keys_new.html", form, error)
    return render(request, "settings/keys_made.html", {"key": made.row, "text": made.text, "site": settings.SITE_URL})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def key_edit(request: HttpRequest, key_id: int) -> HttpResponse:
    """Change the name of a key, or from where it may be used."""
    key = keys_live(_user(request).pk).filter(pk=key_id).first() if key_id < 2**63 else None
    if key is None:
        raise Http404
    initial = {"name": key.name, "allowed_ips": "\n".join(key.allowed_ips)}
    form = KeyEditForm(request.POST or None, initial=initial)
    if request.method != "POST" or not form.is_valid():
        return _form(request, "settings/keys_edit.html", form, key=key)
    try:
        service.key_edit(actor=_user(request), key_id=key_id, client=client_of(request), **form.cleaned_data)
    except DomainError as error:
        return _form(request, "settings/keys_edit.html", form, error, key=key)
    messages.success(request, "The key was changed.")
    return redirect("settings-keys")


@login_required
@require_POST
def key_revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """End a key at once."""
    try:
        key: ApiKey = service.key_revoke(actor=_user(request), key_id=key_id, client=client_of(request))
    except NotFound as error:
        raise Http404 from error
    messages.success(request, f"{key.name} was revoked. Requests with it are refused from now on.")
    return redirect("settings-keys")


def _form(
    request: HttpRequest, template: str, form: ServiceForm, error: DomainError | None = None, **context: Any
) -> HttpResponse:
    if error is not None:
        form.refuse(error)
    refused = error is not None or (form.is_bound and not form.is_valid())
    return render(request, template, {"form": form, **context}, status=422 if refused else 200)


urlpatterns = [
    path("settings/keys", key_list, name="settings-keys"),
    path("settings/keys/new", key_new, name="settings-key-new"),
    path("settings/keys/<int:key_id>", key_edit, name="settings-key"),
    path("settings/keys/<int:key_id>/revoke", key_revoke, name="settings-key-revoke"),
]
