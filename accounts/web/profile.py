"""The settings page of the profile, avatars, and public profile pages."""

from __future__ import annotations

import re
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms_people import ProfileForm
from accounts.models import Profile, User
from accounts.selectors.people import avatar_url, person_public
from accounts.selectors.profile import profile_of
from accounts.services import avatars, profile
from core.errors import DomainError
from core.pages import page
from core.throttling import address, limit

_NAME = re.compile(r"[0-9a-f]{32}")
# What is served from /avatars is a picture and nothing else, whatever a browser makes of it.
_AVATAR_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@page
def settings_profile(request: HttpRequest) -> HttpResponse:
    """Name, handle, bio, how things are shown."""
    mine = profile_of(_user(request).pk)
    if request.method == "GET":
        return _page(request, ProfileForm(initial=_initial(mine)), mine)
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return _page(request, form, mine)
    try:
        mine = profile.profile_update(user_id=mine.pk, changes=form.cleaned_data, ip=address(request))
    except DomainError as error:
        form.refuse(error)
        return _page(request, form, mine)
    request.session["theme"] = mine.theme
    messages.success(request, "Your profile is saved.")
    return redirect("settings-profile")


@login_required
@require_POST
@page
def settings_avatar(request: HttpRequest) -> HttpResponse:
    """Take a new picture, or remove the one that is there."""
    user = _user(request)
    try:
        limit("uploads", f"user:{user.pk}")
        if "remove" in request.POST:
            avatars.avatar_remove(user_id=user.pk, ip=address(request))
            messages.success(request, "Your picture is removed.")
        else:
            file = request.FILES.get("avatar")
            avatars.size_check(file.size or 0 if file else 0)
            assert file is not None
            avatars.avatar_set(user_id=user.pk, data=file.read(), ip=address(request))
            messages.success(request, "Your picture is saved.")
    except DomainError as error:
        mine = profile_of(user.pk)
        status = error.status if error.status == 429 else 422
        form = ProfileForm(initial=_initial(mine))
        return _page(request, form, mine, avatar_error=error.message, status=status)
    return redirect("settings-profile")


@require_safe
def avatar(request: HttpRequest, name: str) -> HttpResponseBase:  # noqa: ARG001
    """A picture. Its name is new with each picture, so it never changes."""
    if not _NAME.fullmatch(name):
        raise Http404
    try:
        file = default_storage.open(f"avatars/{name}.webp")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(file, content_type="image/webp", headers=_AVATAR_HEADERS)


@require_safe
@page
def person(request: HttpRequest, handle: str) -> HttpResponse:
    """A public page."""
    return render(request, "people/person.html", {"person": person_public(handle, request.user.pk)})


def _initial(mine: Profile) -> dict[str, object]:
    user = mine.user
    fields = {name: getattr(mine, name) for name in profile.FIELDS}
    return {"display_name": user.display_name, "handle": user.handle or "", **fields}


def _page(
    request: HttpRequest, form: ProfileForm, mine: Profile, *, avatar_error: str = "", status: int | None = None
) -> HttpResponse:
    context = {"form": form, "profile": mine, "avatar": avatar_url(mine), "avatar_error": avatar_error}
    if status is None:
        status = 422 if form.is_bound and form.errors else 200
    return render(request, "settings/profile.html", context, status=status)


urlpatterns = [
    path("settings/profile", settings_profile, name="settings-profile"),
    path("settings/profile/avatar", settings_avatar, name="settings-avatar"),
    path("avatars/<slug:name>.webp", avatar, name="avatar"),
    path("people/<str:handle>", person, name="person"),
]
