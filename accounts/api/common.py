"""What the views of sign-in share."""

from typing import Any, cast

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.clients import client_of
from accounts.domain.client import Client


def valid(kind: type[Serializer], request: Request) -> dict[str, Any]:
    """What a request says, checked. Raises ValidationError."""
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return cast(dict[str, Any], serializer.validated_data)


def client_of_api(request: Request) -> Client:
    """Who sends the request."""
    return client_of(request._request)


class PublicView(APIView):
    """Open to all, and deaf to credentials: an expired token must not keep anyone from signing in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_scope = "auth"
