"""Where the user is signed in, and ending it."""

from typing import cast
from uuid import UUID

from django.contrib.auth import logout
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import serializers_sessions as wire
from accounts.adapters import jwt
from accounts.api.common import valid
from accounts.clients import sign_in_of
from accounts.models import User
from accounts.selectors.signins import signin_view, signins_live
from accounts.services import signins
from core.api import errors
from core.pagination import PagePagination
from core.throttling import address


def _user(request: Request) -> User:
    return cast(User, request.user)


def _this(request: Request) -> UUID | None:
    """The sign-in that the request belongs to."""
    if request.auth is None:
        return sign_in_of(request)
    try:
        return jwt.claims_of(request.auth).sign_in
    except jwt.TokenUnreadableError:
        return None


class SessionListView(APIView):
    """Where one is signed in."""

    pagination_class = PagePagination

    @extend_schema(operation_id="sessions_list", responses={200: wire.SignInOut(many=True), **errors(401, 403)})
    def get(self, request: Request) -> Response:
        """Browsers and families of tokens that are signed in, the one last seen first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(signins_live(_user(request).pk), request, view=self) or []
        this = _this(request)
        return paginator.get_paginated_response(
            wire.SignInOut([signin_view(one, this) for one in page], many=True).data
        )


class SessionView(APIView):
    """One of the places where one is signed in."""

    @extend_schema(operation_id="sessions_end", responses={204: None, **errors(401, 403, 404)})
    def delete(self, request: Request, signin_id: UUID) -> Response:
        """Sign out there. Its session or its tokens are refused from the next request on."""
        signins.signin_revoke(user_id=_user(request).pk, signin_id=signin_id, ip=address(request))
        _leave(request, signin_id)
        return Response(status=204)


class SessionsEndAllView(APIView):
    """All places where one is signed in."""

    @extend_schema(
        operation_id="sessions_end_all",
        request=wire.EndAllIn,
        responses={200: wire.EndedOut, **errors(400, 401, 403)},
    )
    def post(self, request: Request) -> Response:
        """Sign out everywhere; with `keep_this`, everywhere but here."""
        this = _this(request) if valid(wire.EndAllIn, request)["keep_this"] else None
        ended = signins.signins_revoke_all(user_id=_user(request).pk, keep=this, ip=address(request))
        if this is None:
            _leave(request, _this(request))
        return Response({"ended": ended})


def _leave(request: Request, signin_id: UUID | None) -> None:
    """Empty the session of this request, when it is the one that ended."""
    if request.auth is None and signin_id is not None and sign_in_of(request) == signin_id:
        logout(request._request)


urlpatterns = [
    path("me/sessions", SessionListView.as_view(), name="me-sessions"),
    path("me/sessions/end-all", SessionsEndAllView.as_view(), name="me-sessions-end-all"),
    path("me/sessions/<uuid:signin_id>", SessionView.as_view(), name="me-session"),
]
