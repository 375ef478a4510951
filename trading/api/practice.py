"""The practice account over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import errors
from core.errors import NotFound
from core.throttling import limit
from trading import selectors
from trading.api import wire
from trading.api.common import signed_in, user_id_of
from trading.selectors.accounts import practice_account_of
from trading.services.practice import practice_open, practice_reset


class PracticeView(APIView):
    """One's practice account."""

    permission_classes = (IsAuthenticated,)
    key_scope = "trade"

    @extend_schema(
        operation_id="practice_get",
        summary="One's practice account",
        responses={200: wire.AccountOutput, **errors(404)},
    )
    def get(self, request: Request) -> Response:
        """The account as it is now; 404 before it is opened."""
        found = practice_account_of(user_id_of(request))
        if found is None:
            raise NotFound("account_not_found", "You have no practice account yet.")
        return _answer(request, found)

    @extend_schema(
        operation_id="practice_open",
        summary="Open one's practice account",
        request=None,
        responses={200: wire.AccountOutput, **errors(403, 503)},
    )
    def post(self, request: Request) -> Response:
        """Open it with virtual money, or answer the one that is there."""
        return _answer(request, practice_open(actor=signed_in(request)))


class PracticeResetView(APIView):
    """Starting afresh."""

    permission_classes = (IsAuthenticated,)
    key_scope = "trade"

    @extend_schema(
        operation_id="practice_reset",
        summary="Start afresh with a new practice account",
        request=None,
        responses={200: wire.AccountOutput, **errors(403, 404, 429)},
    )
    def post(self, request: Request) -> Response:
        """Close it and open a new one with the full balance; what was traded stays on record."""
        limit("exports", f"practice:{user_id_of(request)}")
        return _answer(request, practice_reset(actor=signed_in(request)))


def _answer(request: Request, account_id: int) -> Response:
    return Response(wire.account_data(selectors.account_get(account_id, signed_in(request))))
