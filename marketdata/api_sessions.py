"""Whether exchanges are open. Public."""

from datetime import UTC, datetime

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import errors
from marketdata.selectors.sessions import exchanges, market_status
from marketdata.serializers_sessions import MarketStatusesOut, MarketStatusIn

KEPT_SECONDS = 5


class MarketStatusView(APIView):
    """Open to all; credentials are not looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="market_status",
        auth=[],
        parameters=[MarketStatusIn],
        responses={200: MarketStatusesOut, **errors(400, 404, 429)},
    )
    def get(self, request: Request) -> Response:
        """Whether an exchange (or each primary one) is open at a time, and when next; may be kept for 5 seconds.

        A day of which the calendar is not loaded counts as closed.
        """
        asked = MarketStatusIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        at = asked.validated_data.get("at") or datetime.now(tz=UTC).replace(microsecond=0)
        code = asked.validated_data.get("exchange")
        codes = [code] if code else [view.code for view in exchanges(primary=True)]
        found = [market_status(code, at, segment=asked.validated_data["segment"]) for code in codes]
        body = MarketStatusesOut({"at": at, "markets": found}).data
        return Response(body, headers={"Cache-Control": f"public, max-age={KEPT_SECONDS}"})
