"""The settings page of the profile, avatars, and public profile pages."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


@login_required
def settings_profile(request: HttpRequest) -> HttpResponse:
    """The profile."""
    return render(request, "settings/base.html")


urlpatterns = [path("settings/profile", settings_profile, name="settings-profile")]
