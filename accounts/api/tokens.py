"""Signing in for tokens, renewing them, signing out, and the signed-in user."""

from typing import Any, cast

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import serializers
from accounts.adapters.jwt import claims_of
from accounts.api.common import PublicView, client_of_api, valid
from accounts.api.cookies import REFRESH_COOKIE, cookies_clear, pair_response, refresh_from_cookie
from accounts.authentication import ActiveJWTAuthentication
from accounts.models import User
from accounts.services import token_sign_in, tokens, users
from core.api import errors
from core.errors import DomainError
from core.throttling import limit_attempts

_TOKENS = {200: serializers.TokenOut, **errors(400, 401, 403, 429)}


class TokenView(PublicView):
    """Sign in with a password."""

    @extend_schema(operation_id="auth_token", auth=[], request=serializers.TokenIn, responses=_TOKENS)
    def post(self, request: Request) -> Response:
        """Exchange an email and a password for a token pair.

        With a second factor and without its `code` the answer is 401 `second_factor_required`, with a ticket.
        """
        data = valid(serializers.TokenIn, request)
        limit_attempts(request, email=data["email"])
        cookie = data.pop("cookie")
        return pair_response(request, token_sign_in.by_password(**data, client=client_of_api(request)), cookie=cookie)


class SecondFactorView(PublicView):
    """The second step."""

    @extend_schema(
        operation_id="auth_token_second_factor", auth=[], request=serializers.SecondFactorIn, responses=_TOKENS
    )
    def post(self, request: Request) -> Response:
        """Exchange the ticket of `second_factor_required` and a code for a token pair."""
        data = valid(serializers.SecondFactorIn, request)
        cookie = data.pop("cookie")
        return pair_response(
            request, token_sign_in.by_second_factor(**data, client=client_of_api(request)), cookie=cookie
        )


class RefreshView(PublicView):
    """Renew a token pair."""

    @extend_schema(operation_id="auth_token_refresh", auth=[], request=serializers.RefreshIn, responses=_TOKENS)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for a new pair. Using one twice ends its sign-in."""
        data = valid(serializers.RefreshIn, request)
        told = data.get("refresh")
        refresh = told or refresh_from_cookie(request)
        if not refresh:
            raise tokens.token_invalid()
        pair = tokens.tokens_rotate(refresh=refresh, client=client_of_api(request))
        return pair_response(request, pair, cookie=data.get("cookie", not told))

    def handle_exception(self, exc: Exception) -> Response:
        """A cookie that is good for nothing is taken away."""
        response = super().handle_exception(exc)
        if response.status_code == 401 and REFRESH_COOKIE in self.request.COOKIES:
            cookies_clear(response)
        return response


class LogoutView(PublicView):
    """Sign out."""

    @extend_schema(
        operation_id="auth_logout",
        request=serializers.LogoutIn,
        responses={204: None, **errors(400, 403, 429)},
    )
    def post(self, request: Request) -> Response:
        """End the sign-in of a refresh token, of the cookies, or of the access token; with `everywhere`, all."""
        data = valid(serializers.LogoutIn, request)
        refresh = data.get("refresh") or refresh_from_cookie(request)
        if refresh:
            ip = client_of_api(request).ip
            tokens.tokens_revoke(refresh=refresh, everywhere=data["everywhere"], ip=ip)
        else:
            _end_by_access(request, everywhere=data["everywhere"])
        return cookies_clear(Response(status=204))


def _end_by_access(request: Request, *, everywhere: bool) -> None:
    """Sign out by the access token; one that opens nothing has nothing to end."""
    try:
        found = ActiveJWTAuthentication().authenticate(request)
    except (AuthenticationFailed, DomainError) as error:
        if getattr(error, "code", "") == "csrf_failed":
            raise
        return
    if found is not None:
        claims = claims_of(found[1])
        ip = client_of_api(request).ip
        tokens.sign_in_end(user_id=claims.user_id, sign_in=claims.sign_in, everywhere=everywhere, ip=ip)


class MeView(APIView):
    """The signed-in user."""

    @extend_schema(operation_id="auth_me", responses={200: serializers.UserOut, **errors(401, 403)})
    def get(self, request: Request) -> Response:
        """Who am I."""
        return Response(serializers.UserOut(request.user).data)

    @extend_schema(
        operation_id="auth_me_update",
        request=serializers.ProfileIn,
        responses={200: serializers.UserOut, **errors(400, 401, 403)},
    )
    def patch(self, request: Request) -> Response:
        """Change the name others see."""
        data: dict[str, Any] = valid(serializers.ProfileIn, request)
        user = users.user_rename(user_id=cast(User, request.user).pk, **data)
        return Response(serializers.UserOut(user).data)


# `account/...` are the same under their other names.
urlpatterns = [
    path("auth/token", TokenView.as_view(), name="auth-token"),
    path("auth/token/second-factor", SecondFactorView.as_view(), name="auth-second-factor"),
    path("auth/token/refresh", RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/refresh", RefreshView.as_view(schema=None)),
    path("auth/logout", LogoutView.as_view(), name="auth-logout"),
    path("auth/me", MeView.as_view(), name="auth-me"),
    path("account/login", TokenView.as_view(schema=None)),
    path("account/refresh_token", RefreshView.as_view(schema=None)),
    path("account/profile", MeView.as_view(schema=None)),
]
