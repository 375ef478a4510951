"""Pages to sign in with a code instead of a password."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.forms import CodeForm, CodeRequestForm
from accounts.services import codes
from accounts.services.phones import phone_clean
from accounts.web.steps import afterwards, page, wanted, welcome, with_next
from core.errors import DomainError
from core.throttling import address, limit, limit_attempts

_TICKET = "entrance_code"


@never_cache
@require_http_methods(["GET", "POST"])
def request_code(request: HttpRequest) -> HttpResponse:
    """Ask for a code; an unknown address or number is answered like a known one."""
    if request.user.is_authenticated and request.method == "GET":
        return redirect(afterwards(request))
    has_sms = codes.sms_is_set_up()
    form = CodeRequestForm(request.POST or None, has_sms=has_sms)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        channel = data.get("channel", codes.EMAIL)
        try:
            limit("codes", f"ip:{address(request)}")
            to = data["to"]
            to = phone_clean(to) if channel == codes.SMS else to
            ticket = codes.signin_code_request(channel=channel, to=to)
        except DomainError as error:
            _show_at_to(error)
            return page(request, "account/code_request.html", form, error, has_sms=has_sms)
        request.session[_TICKET] = {"ticket": ticket, "channel": channel, "to": to}
        return redirect(with_next(resolve_url("account_confirm_login_code"), wanted(request)))
    return page(request, "account/code_request.html", form, has_sms=has_sms)


@never_cache
@require_http_methods(["GET", "POST"])
def confirm_code(request: HttpRequest) -> HttpResponse:
    """Enter the code."""
    kept = request.session.get(_TICKET)
    if not isinstance(kept, dict):
        return redirect(with_next(resolve_url("account_request_login_code"), wanted(request)))
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            limit_attempts(request)
            use = codes.signin_code_use(ticket=kept["ticket"], code=form.cleaned_data["code"])
        except DomainError as error:
            return page(request, "account/code_confirm.html", form, error, **_where(kept))
        request.session.pop(_TICKET, None)
        method = "sms" if use.channel == codes.SMS else "code"
        return welcome(request, use.user, method=method, target=afterwards(request))
    return page(request, "account/code_confirm.html", form, **_where(kept))


def _where(kept: dict[str, str]) -> dict[str, Any]:
    local = settings.MAIL_IS_LOCAL and settings.DEBUG
    return {"to": kept["to"], "by_sms": kept["channel"] == codes.SMS, "has_mailbox": local}


def _show_at_to(error: DomainError) -> None:
    """The form has one field for both."""
    for name in ("email", "phone"):
        if name in error.details:
            error.details.setdefault("to", error.details[name])


urlpatterns = [
    path("sign-in/code", request_code, name="account_request_login_code"),
    path("sign-in/code/confirm", confirm_code, name="account_confirm_login_code"),
]
