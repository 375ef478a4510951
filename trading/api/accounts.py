"""Accounts and what they did. Thin: parse, call one service or selector, render."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.money import major_text
from trading import selectors
from trading.api import wire
from trading.api.common import DAYS, AccountPart, actor_of, page_of, signed_in
from trading.api.query import choice_in, names_in, number_in, order_filters, period_input, symbol_in
from trading.services.changes import orders_cancel


def bounds(first: date | None, last: date | None) -> tuple[datetime | None, datetime | None]:
    """The half-open stretch of market time of the days `first` to `last`, in UTC."""
    start = None if first is None else datetime.combine(first, time.min, tzinfo=UTC)
    end = None if last is None else datetime.combine(last + timedelta(days=1), time.min, tzinfo=UTC)
    return start, end


class AccountListView(APIView):
    """Account cards: one's own and the agents'; all for an operator."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=wire.AccountOutput(many=True), operation_id="accounts_list")
    def get(self, request: Request) -> Response:
        """List accounts, newest first."""
        rows = selectors.accounts_query(actor_of(request))
        return page_of(
            self, request, rows, lambda page: [wire.account_data(view) for view in selectors.account_views(page)]
        )


class AccountView(AccountPart):
    """One account."""

    @extend_schema(responses=wire.AccountOutput)
    def get(self, request: Request, account_id: int) -> Response:
        """The account with its latest mark."""
        return Response(wire.account_data(self.account(request, account_id)))


class AccountTransactionsView(AccountPart):
    """What an account has traded."""

    @extend_schema(responses=wire.TransactionOutput(many=True))
    def get(self, request: Request, account_id: int) -> Response:
        """Fills, newest first."""
        self.account(request, account_id)
        rows = selectors.fills_query(account_id)
        return page_of(
            self, request, rows, lambda page: [wire.transaction_data(selectors.fill_view(row)) for row in page]
        )


class AccountActivitiesView(AccountPart):
    """All that moved an account's cash or positions."""

    @extend_schema(
        responses=wire.ActivityOutput(many=True),
        parameters=[OpenApiParameter("type", str, description="Comma list of fill, fee, dividend, split, delisting")],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Fills, fees, dividends, splits and delistings in one feed, newest first."""
        self.account(request, account_id)
        rows = selectors.activities_query(account_id, names_in(request.query_params, "type"))
        return page_of(
            self, request, rows, lambda page: [wire.activity_data(view) for view in selectors.activity_views(page)]
        )


class AccountOrdersView(AccountPart):
    """The orders of an account."""

    key_scope = "trade"

    @extend_schema(
        responses=wire.OrderOutput(many=True),
        parameters=[
            OpenApiParameter("status", str, enum=selectors.LIST_STATUSES, description="all when left out"),
            OpenApiParameter("symbol", str),
            OpenApiParameter("since", str, description="Accepted at this market time or later"),
            OpenApiParameter("until", str, description="Accepted before this market time"),
            OpenApiParameter("client_order_id", str),
            OpenApiParameter("open", bool, description="The same as status=open"),
        ],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Orders, newest first."""
        self.account(request, account_id)
        rows = selectors.orders_filtered(account_id, **order_filters(request.query_params))
        return page_of(self, request, rows, lambda page: [view.to_json() for view in selectors.order_views(list(page))])

    @extend_schema(
        operation_id="accounts_orders_cancel",
        responses=wire.OrderOutput(many=True),
        parameters=[OpenApiParameter("symbol", str, description="Only the orders in this symbol")],
    )
    def delete(self, request: Request, account_id: int) -> Response:
        """Cancel every order that rests; the answer is those that this ended."""
        symbol = symbol_in(request.query_params)
        ended = orders_cancel(actor=signed_in(request), account_id=account_id, symbol=symbol)
        return Response([view.to_json() for view in ended])


class AccountEquityView(AccountPart):
    """The equity curve of an account."""

    @extend_schema(
        responses=wire.EquityPointOutput(many=True),
        parameters=[
            OpenApiParameter("interval", str, enum=["raw", "day"], description="day: the last point of each day"),
            OpenApiParameter("limit", int, description="At most so many of the newest points: 1000, up to 5000"),
            *DAYS,
        ],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """The newest points, oldest first."""
        view = self.account(request, account_id)
        query = request.query_params
        start, end = bounds(*period_input(query))
        curve = selectors.equity_points(
            account_id,
            by_day=choice_in(query, "interval", ("raw", "day"), "raw") == "day",
            start=start,
            end=end,
            limit=number_in(query, "limit", selectors.MAX_POINTS, 1000),
        )
        return Response(
            [
                {"at": at, "equity": major_text(equity, view.currency), "cash": major_text(cash, view.currency)}
                for at, equity, cash in curve
            ]
        )


class AccountFeesView(AccountPart):
    """What an account is charged."""

    @extend_schema(responses=wire.FeeScheduleOutput)
    def get(self, request: Request, account_id: int) -> Response:
        """The account's charges in plain words, by exchange."""
        self.account(request, account_id)
        return Response(wire.fee_words_data(selectors.fee_words(account_id)))
