"""Settings pages about security: the overview, second factors, passkeys, sessions."""

from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.selectors.signins import security_of
from accounts.services.codes import sms_is_set_up
from accounts.services.factors import recovery_codes_left
from accounts.web import factors, second_factor, sessions


@never_cache
@login_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Everything that lets one in, how it stands, and what to do next."""
    user = cast(User, request.user)
    context = {
        "security": security_of(user, codes_left=recovery_codes_left(user.pk)),
        "has_google": bool(settings.GOOGLE_CLIENT_ID),
        "has_sms": sms_is_set_up(),
        "must": settings.REQUIRE_STAFF_MFA and user.is_staff,
    }
    return render(request, "settings/security.html", context)


urlpatterns = [
    path("settings/security", security, name="settings-security"),
    path("settings/security", security, name="mfa_index"),
    *factors.urlpatterns,
    *second_factor.urlpatterns,
    *sessions.urlpatterns,
]
