"""API of a contest's organisers: a dry run of a definition, and messages to everyone in a contest."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import IsOperator
from contests.api import inputs
from contests.api import serializers as wire
from contests.api.common import acting, read, visible
from contests.services.broadcasts import broadcast_send
from contests.services.drafting import contest_preview
from core.api import errors


class DryRunOutput(serializers.Serializer):
    """What a definition would make; nothing is stored."""

    contest = wire.ContestOutput()
    symbols = serializers.ListField(child=serializers.CharField())
    days = serializers.IntegerField()
    ticks = serializers.IntegerField()
    minutes = serializers.IntegerField(allow_null=True, help_text="Of wall time, where it plays history")
    first_at = serializers.DateTimeField(allow_null=True, help_text="Market time")
    last_at = serializers.DateTimeField(allow_null=True, help_text="Market time")


class BroadcastOutput(serializers.Serializer):
    """The message that was sent."""

    id = serializers.IntegerField()


class PreviewView(APIView):
    """A dry run."""

    permission_classes = (IsAuthenticated, IsOperator)

    @extend_schema(operation_id="contests_preview", request=inputs.ContestInput,
                   responses={200: DryRunOutput, **errors(400, 401, 403, 409)})  # fmt: skip
    def post(self, request: Request) -> Response:
        """Everything that creating and scheduling would check, and nothing stored (operators)."""
        serializer = inputs.ContestInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        found = contest_preview(actor=acting(request), spec=serializer.to_spec())
        rest = {name: value for name, value in asdict(found).items() if name != "contest"}
        return Response({"contest": wire.contest_data(found.contest), **rest})


class BroadcastView(APIView):
    """Messages of an organiser."""

    permission_classes = (IsAuthenticated, IsOperator)

    @extend_schema(operation_id="contests_broadcast", request=inputs.BroadcastInput,
                   responses={201: BroadcastOutput, **errors(400, 401, 403, 404, 409)})  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """Write to everyone in the contest (operators), at most ten times a day."""
        view = visible(request, slug)
        body = read(inputs.BroadcastInput, request.data)["body"]
        return Response({"id": broadcast_send(actor=acting(request), contest_id=view.id, body=body)}, status=201)
