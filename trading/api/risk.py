"""One's own limits, and the kill switch."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.errors import Invalid
from trading.api import wire
from trading.api.common import signed_in, user_id_of
from trading.services import risk


def _body(data: Any, *known: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Invalid("invalid", "Send a JSON object.")
    unknown = sorted(str(name)[:40] for name in set(data) - set(known))
    if unknown:
        raise Invalid("invalid", "Some of what you sent is not valid.", {unknown[0]: ["There is no such field."]})
    return data


class RiskSettingsView(APIView):
    """One's own limits."""

    @extend_schema(responses=wire.RiskOutput)
    def get(self, request: Request) -> Response:
        """The limits that hold, what was chosen, and what waits for the next market day."""
        return Response(wire.risk_data(risk.risk_get(actor=signed_in(request), user_id=user_id_of(request))))

    @extend_schema(request=wire.RiskInput, responses=wire.RiskOutput)
    def put(self, request: Request) -> Response:
        """Choose limits. What is tighter holds at once; looser daily limits wait for the next market day."""
        data = _body(request.data, "limits", "tolerance")
        limits, tolerance = data.get("limits"), data.get("tolerance")
        if limits is not None and not isinstance(limits, dict):
            raise Invalid("invalid_limits", "The limits are an object.", {"field": "limits"})
        if tolerance is not None and not isinstance(tolerance, str):
            raise Invalid("unknown_tolerance", "The tolerance is text.", {"field": "tolerance"})
        view = risk.risk_set(actor=signed_in(request), user_id=user_id_of(request), limits=limits, tolerance=tolerance)
        return Response(wire.risk_data(view))


class KillSwitchView(APIView):
    """Stop everything."""

    key_scope = "trade"

    @extend_schema(request=wire.KillInput, responses=wire.KillOutput)
    def post(self, request: Request) -> Response:
        """Block new risk on all of one's accounts, cancel all orders and, unless told not to, close all positions."""
        data = _body(request.data, "flatten", "reason")
        flatten, reason = data.get("flatten", True), data.get("reason", "")
        if not isinstance(flatten, bool):
            raise Invalid("invalid", "Some of what you sent is not valid.", {"flatten": ["Send true or false."]})
        report = risk.kill_switch(
            actor=signed_in(request), user_id=user_id_of(request), flatten=flatten, reason=_reason(reason)
        )
        return Response(wire.kill_data(report))

    @extend_schema(responses=wire.RiskOutput)
    def delete(self, request: Request) -> Response:
        """Trade again: from the next market day on."""
        view = risk.kill_switch_release(actor=signed_in(request), user_id=user_id_of(request))
        return Response(wire.risk_data(view))


def _reason(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        words = "Send text of at most 200 printable characters."
        raise Invalid("invalid", "Some of what you sent is not valid.", {"reason": [words]})
    return value
