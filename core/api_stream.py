"""The permission to listen to live events, for programs that sign in with a token."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import push

_CHANNELS = "Comma list such as `account:1,market:2`. Markets and contests are open to all."


class StreamTokenOutput(serializers.Serializer):
    """What `GET {url}?channels=...&token=...` takes."""

    token = serializers.CharField()
    channels = serializers.ListField(child=serializers.CharField())
    expires_in = serializers.IntegerField(help_text="Seconds")
    url = serializers.CharField(help_text="Where the stream process is reached")


class StreamTokenView(APIView):
    """A token for live events."""

    permission_classes = (AllowAny,)

    @extend_schema(
        responses=StreamTokenOutput,
        parameters=[OpenApiParameter("channels", str, required=True, description=_CHANNELS)],
    )
    def get(self, request: Request) -> Response:
        """A fresh token for channels that the caller may listen to."""
        permission = push.stream_permission(request.user, request.query_params.get("channels", ""))
        url = f"{settings.STREAM_PUBLIC_URL.rstrip('/')}/events"
        return Response({**permission, "url": url}, headers={"Cache-Control": "no-store"})
