"""The rules of an account, and what they have found."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading.api.common import page_of, signed_in
from trading.api.wire import rules as wire
from trading.selectors import rules as selectors


class AccountRulesView(APIView):
    """The rules of an account."""

    @extend_schema(responses=wire.AccountRulesOutput)
    def get(self, request: Request, account_id: int) -> Response:
        """The rules in words, the floors and targets of this moment, and how far away they are."""
        return Response(wire.rules_data(selectors.rules_of(account_id, signed_in(request))))


class AccountVerdictsView(APIView):
    """What the rules have found of an account."""

    @extend_schema(responses=wire.VerdictOutput(many=True))
    def get(self, request: Request, account_id: int) -> Response:
        """Verdicts, newest first."""
        rows = selectors.verdicts_query(account_id, signed_in(request))
        return page_of(
            self, request, rows, lambda page: [wire.verdict_data(selectors.verdict_view(row)) for row in page]
        )


class VerdictEvidenceView(APIView):
    """The evidence of a verdict."""

    @extend_schema(responses=wire.EvidenceOutput)
    def get(self, request: Request, verdict_id: int) -> Response:
        """Everything that the verdict was computed from, as a file to keep and to check."""
        response = Response(selectors.verdict_evidence(verdict_id, signed_in(request)))
        response["Content-Disposition"] = f'attachment; filename="verdict-{verdict_id}.json"'
        return response
