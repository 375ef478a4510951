"""Accounts of the firm: their owner's, and anyone's for an operator. Orders are placed as in any account of trading."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from core.api import errors
from core.errors import NotFound
from core.money import major_text
from core.throttling import limit
from payments.api.common import user_of
from propfirm.api.common import actor_of, owner_of
from propfirm.models import PropAccount
from propfirm.selectors.accounts import (
    AccountDetail,
    PhaseRow,
    account_detail,
    account_row,
    accounts_of,
    activities_query,
    cards,
    verdict_view,
    violations_query,
)
from propfirm.services.disputes import dispute_open
from propfirm.services.resets import retry_take
from propfirm.wire import accounts as wire
from trading import selectors as trading_selectors
from trading.api.accounts import bounds
from trading.api.common import DAYS, page_of
from trading.api.query import choice_in, number_in, period_input
from trading.api.wire.accounts import EquityPointOutput
from trading.api.wire.performance import performance_data
from trading.api.wire.rules import AccountRulesOutput, rules_data
from trading.domain.rules import Verdict
from trading.selectors.floors import floor_steps_query
from trading.services.settling import account_judge_now

MAX_ID = 999_999_999
_PHASE = OpenApiParameter("phase", int, description="The id of a phase; the one that was opened last when left out")
_READ = errors(401, 404)


class _Part(APIView):
    """A part of an account. Who may not see the account is told that there is none."""

    def row(self, request: Request, number: str) -> PropAccount:
        """The account as a row of `accounts_query`. Raises NotFound."""
        return account_row(number, actor_of(user_of(request)))

    def detail(self, request: Request, number: str) -> AccountDetail:
        """The account at the quotes in force. Raises NotFound."""
        return account_detail(number, actor_of(user_of(request)))


def _phase(found: AccountDetail, query: Any) -> PhaseRow | None:
    """The phase that a query names, else the last one; None before the first. Raises NotFound."""
    wanted = number_in(query, "phase", MAX_ID, 0)
    if not wanted:
        return found.phase
    for phase in found.phases:
        if phase.id == wanted:
            return phase
    raise NotFound("phase_not_found", "This account has no such phase.")


class PropAccountsView(APIView):
    """One's own accounts."""

    @extend_schema(operation_id="prop_accounts", responses={200: wire.PropAccountOut(many=True), **errors(400, 401)},
                   parameters=[OpenApiParameter("status", str, enum=wire.STATUSES)])  # fmt: skip
    def get(self, request: Request) -> Response:
        """One's own accounts, the newest first; what was never paid for is left out."""
        rows = accounts_of(user_of(request).pk)
        status = choice_in(request.query_params, "status", wire.STATUSES, "")
        rows = rows.filter(status=status) if status else rows
        return page_of(self, request, rows, lambda page: [wire.card_data(card) for card in cards(page)])


class PropAccountView(_Part):
    """One account."""

    @extend_schema(operation_id="prop_account", responses={200: wire.PropAccountDetailOut, **_READ})
    def get(self, request: Request, number: str) -> Response:
        """The account with its phases, objectives and days, at the quotes in force."""
        return Response(wire.detail_data(self.detail(request, number)))


class PropRefreshView(_Part):
    """Marking and judging now."""

    @extend_schema(operation_id="prop_account_refresh", request=None,
                   responses={200: wire.PropBalanceOut, **errors(401, 404, 409, 429)})  # fmt: skip
    def post(self, request: Request, number: str) -> Response:
        """Mark the account at the quotes in force and judge it as a tick would: balance, equity, limits, new verdicts.

        The rules watch without it. What a verdict means for the account's status follows within seconds.
        """
        found = self.detail(request, number)
        verdicts: list[Verdict] = []
        if found.card.is_live and found.phase is not None and found.phase.status == "active":
            limit("comments", f"prop-refresh:{found.card.id}")
            verdicts = account_judge_now(found.phase.trading_account_id)
            found = self.detail(request, number)
        return Response(wire.balance_data(found, verdicts))


class PropActivitiesView(_Part):
    """What happened."""

    @extend_schema(operation_id="prop_account_activities",
                   responses={200: wire.PropActivityOut(many=True), **_READ})  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        """What happened to an account, the newest first."""
        rows = activities_query(self.row(request, number).pk)
        return page_of(self, request, rows, lambda page: [wire.activity_data(row) for row in page])


class PropViolationsView(_Part):
    """What the rules have found."""

    @extend_schema(operation_id="prop_account_violations",
                   responses={200: wire.PropViolationOut(many=True), **_READ})  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        """Verdicts that ended or paused a phase, the newest first, each with where its evidence is."""
        rows = violations_query(self.row(request, number).pk)
        return page_of(self, request, rows, lambda page: [wire.violation_data(verdict_view(row)) for row in page])


class PropStatisticsView(_Part):
    """How an account has been traded."""

    @extend_schema(operation_id="prop_account_statistics", parameters=[_PHASE],
                   responses={200: wire.PropStatisticsOut, **errors(400, 401, 404, 422)})  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        """Returns, risk and trades of a phase, and how many were traded and passed."""
        row, found = self.row(request, number), self.detail(request, number)
        phase = _phase(found, request.query_params)
        performance = None
        if phase is not None:
            made = trading_selectors.performance_of(phase.trading_account_id)
            performance = performance_data(made, found.card.currency)
        return Response(
            {
                "number": row.number,
                "phase": None if phase is None else wire.phase_data(phase),
                "phases_traded": len(found.phases),
                "phases_passed": sum(item.status == "passed" for item in found.phases),
                "resets": row.resets,
                "retries": row.retries,
                "performance": performance,
            }
        )


class PropObjectivesView(_Part):
    """What is to be reached, and what must not be."""

    @extend_schema(operation_id="prop_account_objectives", responses={200: wire.PropObjectivesOut, **_READ})
    def get(self, request: Request, number: str) -> Response:
        """Targets, days and limits by the figures that the rules judge by, at the quotes in force."""
        return Response(wire.objectives_data(self.detail(request, number)))


class PropEquityView(_Part):
    """The equity curve."""

    @extend_schema(
        operation_id="prop_account_equity",
        responses={200: EquityPointOutput(many=True), **errors(400, 401, 404)},
        parameters=[
            _PHASE,
            OpenApiParameter("interval", str, enum=["raw", "day"], description="day: the last point of each day"),
            OpenApiParameter("limit", int, description="At most so many of the newest points: 1000, up to 5000"),
            *DAYS,
        ],
    )
    def get(self, request: Request, number: str) -> Response:
        """The newest points of a phase, oldest first."""
        query, found = request.query_params, self.detail(request, number)
        phase = _phase(found, query)
        start, end = bounds(*period_input(query))
        by_day = choice_in(query, "interval", ("raw", "day"), "raw") == "day"
        most = number_in(query, "limit", trading_selectors.MAX_POINTS, 1000)
        curve = [] if phase is None else trading_selectors.equity_points(
            phase.trading_account_id, by_day=by_day, start=start, end=end, limit=most
        )  # fmt: skip
        money = partial(major_text, currency=found.card.currency)
        return Response([{"at": at, "equity": money(equity), "cash": money(cash)} for at, equity, cash in curve])


class PropFloorsView(_Part):
    """How the floors have moved."""

    @extend_schema(operation_id="prop_account_floors", parameters=[_PHASE],
                   responses={200: wire.PropFloorOut(many=True), **errors(400, 401, 404)})  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        """Where each floor of a phase lay from when on, and what it was measured from, the newest first."""
        found = self.detail(request, number)
        phase = _phase(found, request.query_params)
        rows = floor_steps_query(0 if phase is None else phase.trading_account_id)
        money = partial(major_text, currency=found.card.currency)
        return page_of(self, request, rows, lambda page: [wire.floor_data(row, money) for row in page])


class PropRulesView(_Part):
    """The rules."""

    @extend_schema(operation_id="prop_account_rules", responses={200: AccountRulesOutput, **_READ})
    def get(self, request: Request, number: str) -> Response:
        """The rules of the phase that was opened last, in words, with the floors and targets of this moment."""
        found = self.detail(request, number)
        if found.rules is None:
            raise NotFound("no_rules", "The account is not open yet: it has no rules to show.")
        return Response(rules_data(found.rules))


class PropRetryView(_Part):
    """Trying again for nothing."""

    @extend_schema(operation_id="prop_account_retry", request=None,
                   responses={200: wire.PropAccountDetailOut, **errors(401, 403, 404, 409)})  # fmt: skip
    def post(self, request: Request, number: str) -> Response:
        """Try a phase again, free, whose time ran out without a breach and in profit. Its owner alone."""
        who = owner_of(user_of(request))
        retry_take(actor=who, number=account_row(number, who).number)
        return Response(wire.detail_data(self.detail(request, number)))


class PropDisputesView(_Part):
    """Objections."""

    @extend_schema(operation_id="prop_account_disputes",
                   responses={200: wire.PropDisputeOut(many=True), **_READ})  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        """Objections to verdicts of an account, the newest first, and what came of them."""
        rows = self.row(request, number).disputes.order_by("-pk")
        return page_of(self, request, rows, lambda page: [wire.dispute_data(row) for row in page])

    @extend_schema(operation_id="prop_account_dispute", request=wire.PropDisputeIn,
                   responses={201: wire.PropDisputeOut, **errors(400, 401, 404, 409, 429)})  # fmt: skip
    def post(self, request: Request, number: str) -> Response:
        """Object to the verdict that ended a phase, once a verdict. Its owner alone; two people decide."""
        who = owner_of(user_of(request))
        account = account_row(number, who)
        data = valid(wire.PropDisputeIn, request)
        limit("comments", f"prop-dispute:{who.user_id}")
        made = dispute_open(actor=who, number=account.number, **data)
        return Response(wire.dispute_data(made), status=201)


_ACCOUNT = "prop-firm/accounts/<slug:number>"
urlpatterns = [
    path("prop-firm/accounts", PropAccountsView.as_view(), name="api-prop-accounts"),
    path(_ACCOUNT, PropAccountView.as_view(), name="api-prop-account"),
    path(f"{_ACCOUNT}/refresh_balance", PropRefreshView.as_view(), name="api-prop-account-refresh"),
    path(f"{_ACCOUNT}/activities", PropActivitiesView.as_view(), name="api-prop-account-activities"),
    path(f"{_ACCOUNT}/violations", PropViolationsView.as_view(), name="api-prop-account-violations"),
    path(f"{_ACCOUNT}/statistics", PropStatisticsView.as_view(), name="api-prop-account-statistics"),
    path(f"{_ACCOUNT}/objectives", PropObjectivesView.as_view(), name="api-prop-account-objectives"),
    path(f"{_ACCOUNT}/equity", PropEquityView.as_view(), name="api-prop-account-equity"),
    path(f"{_ACCOUNT}/floors", PropFloorsView.as_view(), name="api-prop-account-floors"),
    path(f"{_ACCOUNT}/rules", PropRulesView.as_view(), name="api-prop-account-rules"),
    path(f"{_ACCOUNT}/retry", PropRetryView.as_view(), name="api-prop-account-retry"),
    path(f"{_ACCOUNT}/disputes", PropDisputesView.as_view(), name="api-prop-account-disputes"),
]
