"""The settings page of the email address."""

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import EmailForm
from accounts.models import User
from accounts.services import emails
from accounts.web.steps import page
from core.errors import DomainError
from core.throttling import address


@never_cache
@login_required
@reauthentication_required(allow_get=True)
@require_http_methods(["GET", "POST"])
def email(request: HttpRequest) -> HttpResponse:
    """See the address, and name one that is to replace it."""
    user = request.user
    assert isinstance(user, User)
    form = EmailForm(request.POST or None)
    error = None
    if request.method == "POST" and form.is_valid():
        try:
            emails.email_change_request(user_id=user.pk, email=form.cleaned_data["email"], ip=address(request))
        except DomainError as refusal:
            error = refusal
        else:
            messages.success(request, "Open the link that we have sent to the new address.")
            return redirect("account_email")
    pending, local = emails.email_pending(user), settings.MAIL_IS_LOCAL and settings.DEBUG
    return page(request, "account/email.html", form, error, pending=pending, has_mailbox=local)


@login_required
@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    """Keep the address as it is."""
    assert isinstance(request.user, User)
    emails.email_change_cancel(user_id=request.user.pk)
    messages.success(request, "Your address stays as it is.")
    return redirect("account_email")


urlpatterns = [
    path("settings/security/email", email, name="account_email"),
    path("settings/security/email/cancel", cancel, name="account_email_cancel"),
]
