"""Pages to sign up, prove an address, sign in and sign out."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import SignInForm, SignUpForm
from accounts.models import User
from accounts.services import emails, users
from accounts.services.credentials import credentials_verify, refuse_suspended
from accounts.web import codes, google, passwords, phones, reauthentication
from accounts.web import emails as email_pages
from accounts.web.steps import (
    ONBOARDING,
    afterwards,
    page,
    wait_for_proof,
    waiting,
    waiting_forget,
    wanted,
    welcome,
    with_next,
)
from core.errors import DomainError
from core.throttling import limit_attempts


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with an email and a password."""
    if request.user.is_authenticated and request.method == "GET":
        return redirect(afterwards(request))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            limit_attempts(request, email=email)
            user = credentials_verify(**form.cleaned_data)
        except DomainError as error:
            if error.code == "email_unverified":
                return _unproved(request, email, error)
            return page(request, "account/sign_in.html", form, error)
        return welcome(request, user, method="password", target=afterwards(request), email=user.email)
    return page(request, "account/sign_in.html", form)


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Ask for an account. What comes back is the same whether the address has one or not."""
    if request.user.is_authenticated and request.method == "GET":
        return redirect(afterwards(request))
    form = SignUpForm(request.POST or None)
    try:
        users.signups_require_open()
    except DomainError as error:
        return page(request, "account/signup_closed.html", None, error if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            limit_attempts(request)
            user_id = users.user_register(**form.cleaned_data)
        except DomainError as error:
            return page(request, "account/sign_up.html", form, error)
        email = users.email_clean(form.cleaned_data["email"])
        wait_for_proof(request, email=email, user_id=user_id, target=wanted(request))
        return redirect("account_email_verification_sent")
    return page(request, "account/sign_up.html", form)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@never_cache
@require_http_methods(["GET", "POST"])
def verify_sent(request: HttpRequest) -> HttpResponse:
    """Says that a link was mailed; sends it again."""
    email = str(waiting(request).get("email", ""))
    if not email:
        return redirect("sign-in")
    error = None
    if request.method == "POST":
        try:
            limit_attempts(request)
            emails.verification_send_again(email=email)
        except DomainError as refusal:
            error = refusal
        else:
            messages.success(request, "The link is on its way again.")
            return redirect("account_email_verification_sent")
    mailbox = settings.MAIL_IS_LOCAL and settings.DEBUG
    return page(request, "account/verify_sent.html", None, error, email=email, has_mailbox=mailbox)


@never_cache
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest, key: str) -> HttpResponse:
    """What a mailed link opens. One button, so that a mail program that looks at links proves nothing."""
    address = emails.email_of_key(key)
    if address is None:
        return page(request, "account/verify.html", None, emails.link_invalid(), dead=True)
    if request.method == "GET":
        is_change = address.email != address.user.email
        return page(request, "account/verify.html", email=address.email, owner=address.user, is_change=is_change)
    try:
        limit_attempts(request)
        user = emails.email_verify_by_key(key)
    except DomainError as error:
        return page(request, "account/verify.html", None, error, dead=True)
    return _proved(request, user)


@never_cache
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own sign-in page is ours, with its limits; someone signed in without the right gets a 403."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied
    return redirect(f"{resolve_url(settings.LOGIN_URL)}?{request.GET.urlencode() or 'next=/admin/'}")


def _unproved(request: HttpRequest, email: str, error: DomainError) -> HttpResponse:
    """The password was right: whoever opens the link in this browser is signed in by it."""
    user = User.objects.filter(email=users.email_clean(email)).only("pk").first()
    user_id = user.pk if user is not None else None
    wait_for_proof(request, email=users.email_clean(email), user_id=user_id, target=wanted(request))
    messages.warning(request, error.message)
    return redirect("account_email_verification_sent")


def _proved(request: HttpRequest, user: User) -> HttpResponse:
    """Signs in whoever asked for the account in this browser; others sign in with the password they chose.

    A link alone opens no session: it may have been forwarded, or read by someone else.
    """
    remembered = waiting(request)
    waiting_forget(request)
    target = with_next(ONBOARDING, str(remembered.get("next") or ""))
    if request.user.is_authenticated and request.user.pk == user.pk:
        messages.success(request, f"{user.email} is your address now.")
        return redirect("account_email")
    if remembered.get("user_id") != user.pk:
        messages.success(request, "Your email address is confirmed. Sign in.")
        return redirect(with_next(resolve_url("sign-in"), target))
    try:
        refuse_suspended(user)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("sign-in")
    return welcome(request, user, method="link", target=target)


urlpatterns = [
    path("sign-up", sign_up, name="sign-up"),
    path("sign-in", sign_in, name="sign-in"),
    path("sign-out", sign_out, name="sign-out"),
    # The names by which django-allauth looks for them.
    path("sign-up", sign_up, name="account_signup"),
    path("sign-in", sign_in, name="account_login"),
    path("sign-in", sign_in, name="account_inactive"),
    path("sign-out", sign_out, name="account_logout"),
    path("verify", verify_sent, name="account_email_verification_sent"),
    path("verify/<str:key>", verify, name="account_confirm_email"),
    *passwords.urlpatterns,
    *codes.urlpatterns,
    *google.urlpatterns,
    *reauthentication.urlpatterns,
    *email_pages.urlpatterns,
    *phones.urlpatterns,
]
