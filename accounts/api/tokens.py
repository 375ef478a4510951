"""Registration, tokens and the signed-in user."""

from typing import Any, cast

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts import serializers
from accounts.models import User
from accounts.services import tokens, users
from core.api import errors
from core.throttling import limit_attempts


def _valid(kind: type[Serializer], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return cast(dict[str, Any], serializer.validated_data)


class _PublicView(APIView):
    """Open to all, and deaf to credentials: an expired token must not keep anyone from signing in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_scope = "auth"


class RegisterView(_PublicView):
    """Make an account."""

    @extend_schema(
        operation_id="auth_register",
        auth=[],
        request=serializers.RegisterIn,
        responses={201: serializers.TokenOut, **errors(400, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Register and receive a token pair."""
        user = users.user_create(**_valid(serializers.RegisterIn, request))
        return Response(serializers.TokenOut(tokens.tokens_issue(user=user)).data, status=201)


class TokenView(_PublicView):
    """Sign in."""

    @extend_schema(
        operation_id="auth_token",
        auth=[],
        request=serializers.TokenIn,
        responses={200: serializers.TokenOut, **errors(400, 401, 403, 429)},
    )
    def post(self, request: Request) -> Response:
        """Exchange an email and a password for a token pair."""
        data = _valid(serializers.TokenIn, request)
        limit_attempts(request, email=data["email"])
        return Response(serializers.TokenOut(tokens.tokens_obtain(**data)).data)


class RefreshView(_PublicView):
    """Renew a token pair."""

    @extend_schema(
        operation_id="auth_token_refresh",
        auth=[],
        request=serializers.RefreshIn,
        responses={200: serializers.TokenOut, **errors(400, 401, 403, 429)},
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for a new pair. Using one twice revokes all of the user's tokens."""
        data = _valid(serializers.RefreshIn, request)
        return Response(serializers.TokenOut(tokens.tokens_rotate(**data)).data)


class LogoutView(_PublicView):
    """Sign out."""

    @extend_schema(
        operation_id="auth_logout",
        auth=[],
        request=serializers.LogoutIn,
        responses={204: None, **errors(400, 429)},
    )
    def post(self, request: Request) -> Response:
        """Use up a refresh token; with `everywhere`, revoke every token of its user."""
        tokens.tokens_revoke(**_valid(serializers.LogoutIn, request))
        return Response(status=204)


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
        data = _valid(serializers.ProfileIn, request)
        user = users.user_rename(user_id=cast(User, request.user).pk, **data)
        return Response(serializers.UserOut(user).data)


# `account/...` are the same under their other names.
urlpatterns = [
    path("auth/register", RegisterView.as_view(), name="auth-register"),
    path("auth/token", TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh", RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/refresh", RefreshView.as_view(schema=None)),
    path("auth/logout", LogoutView.as_view(), name="auth-logout"),
    path("auth/me", MeView.as_view(), name="auth-me"),
    path("account/register", RegisterView.as_view(schema=None)),
    path("account/login", TokenView.as_view(schema=None)),
    path("account/refresh_token", RefreshView.as_view(schema=None)),
    path("account/profile", MeView.as_view(schema=None)),
]
