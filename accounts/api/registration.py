"""Signing up, proving an address, and passwords: forgotten, chosen, changed."""

from typing import cast

from django.contrib.auth import update_session_auth_hash
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import Token

from accounts import serializers
from accounts.adapters.jwt import claims_of
from accounts.api.common import PublicView, client_of_api, valid
from accounts.api.cookies import pair_response
from accounts.authentication import ACCESS_COOKIE
from accounts.models import User
from accounts.selectors.keys import sign_in_of_session
from accounts.services import emails, passwords, tokens, users
from core.api import errors
from core.throttling import limit, limit_attempts


def _status(words: str, status: int = 200) -> Response:
    return Response({"status": words}, status=status)


class RegisterView(PublicView):
    """Make an account."""

    @extend_schema(
        operation_id="auth_register",
        auth=[],
        request=serializers.RegisterIn,
        responses={202: serializers.StatusOut, **errors(400, 403, 429)},
    )
    def post(self, request: Request) -> Response:
        """Sign up; the link in the mail proves the address. The answer is the same for an address that is known."""
        data = valid(serializers.RegisterIn, request)
        limit_attempts(request)
        users.user_register(**data)
        return _status("verification_sent", 202)


class VerifyView(PublicView):
    """Prove an address."""

    @extend_schema(
        operation_id="auth_verify_email",
        auth=[],
        request=serializers.LinkKeyIn,
        responses={200: serializers.StatusOut, **errors(400, 409, 410, 429)},
    )
    def post(self, request: Request) -> Response:
        """Prove an address by the last part of the link that was mailed to it. Signing in comes after."""
        emails.email_verify_by_key(valid(serializers.LinkKeyIn, request)["key"])
        return _status("verified")


class VerifyAgainView(PublicView):
    """Have the link sent again."""

    @extend_schema(
        operation_id="auth_verify_email_resend",
        auth=[],
        request=serializers.EmailIn,
        responses={202: serializers.StatusOut, **errors(400, 429)},
    )
    def post(self, request: Request) -> Response:
        """Mail the link again. The answer is the same for any address."""
        data = valid(serializers.EmailIn, request)
        limit_attempts(request)
        emails.verification_send_again(email=data["email"])
        return _status("verification_sent", 202)


class ResetView(PublicView):
    """A forgotten password."""

    @extend_schema(
        operation_id="auth_password_reset",
        auth=[],
        request=serializers.EmailIn,
        responses={202: serializers.StatusOut, **errors(400, 429)},
    )
    def post(self, request: Request) -> Response:
        """Mail a link to choose a new password. The answer is the same for any address."""
        data = valid(serializers.EmailIn, request)
        limit_attempts(request)
        passwords.password_reset_request(data["email"])
        return _status("reset_sent", 202)


class ResetConfirmView(PublicView):
    """A new password by a link."""

    @extend_schema(
        operation_id="auth_password_reset_confirm",
        auth=[],
        request=serializers.ResetIn,
        responses={200: serializers.StatusOut, **errors(400, 410, 429)},
    )
    def post(self, request: Request) -> Response:
        """Choose a password by the last part of the link. Everything that the user was signed in to ends."""
        data = valid(serializers.ResetIn, request)
        limit_attempts(request)
        passwords.password_reset_by_key(data["key"], data["password"], ip=client_of_api(request).ip)
        return _status("password_changed")


class PasswordView(APIView):
    """One's password."""

    throttle_scope = "auth"

    @extend_schema(
        operation_id="auth_password",
        request=serializers.PasswordIn,
        responses={200: serializers.TokenOut, 204: None, **errors(400, 401, 403, 429)},
    )
    def post(self, request: Request) -> Response:
        """Change the password. Everything else that one is signed in to ends.

        Whoever came with a token gets a new pair; a browser's session goes on and gets an empty answer.
        """
        data = valid(serializers.PasswordIn, request)
        user = cast(User, request.user)
        limit("auth", f"password:{user.pk}")
        claims = claims_of(request.auth) if isinstance(request.auth, Token) else None
        keep = claims.sign_in if claims else sign_in_of_session(user.pk, request._request.session.session_key)
        changed = passwords.password_change(
            user_id=user.pk,
            new_password=data["new"],
            current=data["current"],
            keep=keep,
            ip=client_of_api(request).ip,
        )
        if claims is None:
            update_session_auth_hash(request._request, changed)
            return Response(status=204)
        pair = tokens.tokens_renew(user_id=user.pk, sign_in=claims.sign_in)
        in_cookie = "HTTP_AUTHORIZATION" not in request.META and ACCESS_COOKIE in request.COOKIES
        return pair_response(request, pair, cookie=in_cookie)


urlpatterns = [
    path("auth/register", RegisterView.as_view(), name="auth-register"),
    path("auth/verify-email", VerifyView.as_view(), name="auth-verify-email"),
    path("auth/verify-email/resend", VerifyAgainView.as_view(), name="auth-verify-email-resend"),
    path("auth/password/reset", ResetView.as_view(), name="auth-password-reset"),
    path("auth/password/reset/confirm", ResetConfirmView.as_view(), name="auth-password-reset-confirm"),
    path("auth/password", PasswordView.as_view(), name="auth-password"),
    path("account/register", RegisterView.as_view(schema=None)),
]
