"""Portfolio, performance, round trips and statements of an account."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Invalid, NotFound
from marketdata import selectors as market_selectors
from trading import selectors
from trading.adapters.statement_csv import statement_csv
from trading.adapters.statement_pdf import statement_pdf
from trading.api import wire
from trading.api.accounts import bounds
from trading.api.common import DAYS, AccountPart, actor_of, page_of, signed_in
from trading.api.query import choice_in, period_input
from trading.domain.statement import MAX_ROWS
from trading.domain.views import AccountView
from trading.services.gates import analytics_require
from trading.services.statements import PDF_ROWS, statement_of


class _Analytics(AccountPart):
    """What the owner's plan may not hold."""

    def planned(self, request: Request, account_id: int) -> AccountView:
        """The account; NotFound when the caller may not see it, 402 when its owner's plan does not show this."""
        view = self.account(request, account_id)
        analytics_require(view, actor_of(request))
        return view


class AccountPortfolioView(AccountPart):
    """Where an account stands."""

    @extend_schema(responses=wire.PortfolioOutput)
    def get(self, request: Request, account_id: int) -> Response:
        """Cash, equity, exposure, margin and profit at the quotes in force."""
        self.account(request, account_id)
        return Response(wire.portfolio_data(selectors.portfolio(account_id)))


class AccountPerformanceView(_Analytics):
    """How an account has done."""

    @extend_schema(responses=wire.PerformanceOutput, parameters=DAYS)
    def get(self, request: Request, account_id: int) -> Response:
        """Returns, risk and trades over a period, or since the beginning. A figure without a meaning is null."""
        view = self.planned(request, account_id)
        start, end = bounds(*period_input(request.query_params))
        found = selectors.performance_of(account_id, start=start, end=end)
        return Response(wire.performance_data(found, view.currency))


class AccountTradesView(_Analytics):
    """The trades of an account, from flat to flat."""

    @extend_schema(
        responses=wire.RoundTripOutput(many=True),
        parameters=[OpenApiParameter("status", str, enum=["open", "closed", "all"], description="all when left out")],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Round trips: open ones first, then the closed ones, newest first."""
        view = self.planned(request, account_id)
        status = choice_in(request.query_params, "status", ("open", "closed", "all"), "all")
        trips = selectors.round_trips(account_id, status)
        return page_of(self, request, trips, lambda page: [wire.round_trip_data(trip, view.currency) for trip in page])


class _AnyFormat(DefaultContentNegotiation):
    """`format` names the kind of document here, not a renderer."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:  # noqa: ARG002
        return renderers[0], renderers[0].media_type


class AccountStatementView(AccountPart):
    """An account's statement."""

    permission_classes = (IsAuthenticated,)
    content_negotiation_class = _AnyFormat

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=["json", "csv", "pdf"], description="json else"), *DAYS],
        responses={
            (200, "application/json"): wire.StatementOutput,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, account_id: int) -> HttpResponseBase:
        """A statement over days of market time, from the first to the latest when they are left out; it adds up."""
        view, who = self.account(request, account_id), signed_in(request)
        if not (who.is_staff or who.user_id == view.owner_id):
            # An agent's account is public, its papers are its owner's.
            raise NotFound("account_not_found", "There is no such account.")
        analytics_require(view, who)
        kind = choice_in(request.query_params, "format", ("json", "csv", "pdf"), "json")
        first, last = period_input(request.query_params)
        clock = market_selectors.market_clock(view.market_id)
        last = min(last or clock.session_date, clock.session_date)
        points = selectors.equity_points(account_id, limit=selectors.MAX_POINTS) if first is None else []
        first = first or (points[0][0].date() if points else last)
        start, end = bounds(first, last)
        if first > last or start is None or end is None:
            raise Invalid("invalid_period", "The period must begin before it ends, on a day that has come.")
        found = statement_of(account_id, start, end, max_rows=PDF_ROWS if kind == "pdf" else MAX_ROWS)
        name = f'attachment; filename="statement-{account_id}-{first}-{last}.{kind}"'
        if kind == "csv":
            lines = StreamingHttpResponse(statement_csv(found), content_type="text/csv; charset=utf-8")
            lines.headers["Content-Disposition"] = name
            return lines
        if kind == "pdf":
            headers = {"Content-Disposition": name}
            return HttpResponse(statement_pdf(found), content_type="application/pdf", headers=headers)
        return Response(wire.statement_data(found))
