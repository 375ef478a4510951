"""The settings page of the phone number."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import CodeForm, PhoneForm
from accounts.models import Profile, User
from accounts.services import phones
from accounts.services.codes import sms_is_set_up
from accounts.web.steps import page
from core.errors import DomainError
from core.throttling import address, limit

_ASKED = "phone_asked"
PAGE = "settings-phone"


@never_cache
@login_required
@reauthentication_required(allow_get=True)
@require_http_methods(["GET", "POST"])
def phone(request: HttpRequest) -> HttpResponse:
    """See the number; have a code sent to another one."""
    user_id = _user(request).pk
    form = PhoneForm(request.POST or None)
    error = None
    if request.method == "POST" and form.is_valid():
        try:
            limit("codes", f"ip:{address(request)}")
            request.session[_ASKED] = phones.phone_code_send(user_id=user_id, phone=form.cleaned_data["phone"])
        except DomainError as refusal:
            error = refusal
        else:
            return redirect("settings-phone-code")
    profile = Profile.objects.filter(pk=user_id, phone_verified_at__isnull=False).first()
    current = profile.phone if profile is not None else ""
    return page(request, "account/phone.html", form, error, current=current, has_sms=sms_is_set_up())


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Enter the code that was texted."""
    asked = request.session.get(_ASKED)
    if not asked:
        return redirect(PAGE)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user_id = _user(request).pk
            phones.phone_verify(user_id=user_id, code=form.cleaned_data["code"], ip=address(request))
        except DomainError as error:
            return page(request, "account/phone_code.html", form, error, phone=asked)
        del request.session[_ASKED]
        messages.success(request, "Your number is confirmed. You can sign in by text message.")
        return redirect(PAGE)
    return page(request, "account/phone_code.html", form, phone=asked)


@login_required
@reauthentication_required
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Forget the number."""
    phones.phone_remove(user_id=_user(request).pk, ip=address(request))
    messages.success(request, "Your number is removed.")
    return redirect(PAGE)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


urlpatterns = [
    path("settings/security/phone", phone, name=PAGE),
    path("settings/security/phone/code", code, name="settings-phone-code"),
    path("settings/security/phone/remove", remove, name="settings-phone-remove"),
]
