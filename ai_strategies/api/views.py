"""Thin views over agents and their decisions. Public: how an agent decides is for everyone to see."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ai_strategies import selectors
from ai_strategies.api import serializers as wire
from contests import selectors as contest_selectors
from core.api import errors
from core.pagination import PagePagination
from trading.domain.types import Actor


def _viewer(request: Request) -> Actor | None:
    user: Any = request.user
    return Actor(user.pk, user.is_operator, user.display_name) if user.is_authenticated else None


class AgentListView(APIView):
    """All agents."""

    pagination_class = PagePagination
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="agents_list", responses={200: wire.AgentOutput(many=True), **errors(404)})
    def get(self, request: Request) -> Response:
        """The agents and the strategies they follow."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(selectors.agents_query(), request, view=self) or []
        return paginator.get_paginated_response([wire.agent_data(view) for view in selectors.agent_views(page)])


class AgentDetailView(APIView):
    """One agent."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="agents_retrieve", responses={200: wire.AgentOutput, **errors(404)})
    def get(self, request: Request, agent_id: int) -> Response:
        """The agent, its strategy and its seats."""
        del request
        return Response(wire.agent_data(selectors.agent_get(agent_id)))


class StrategyView(APIView):
    """The strategy behind an account."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="trading_strategy", responses={200: wire.StrategyOutput, **errors(404)})
    def get(self, request: Request, account_id: int) -> Response:
        """The agent that trades this account, with its latest actions."""
        del request
        agent = selectors.agent_of_account(account_id)
        latest = selectors.turns(account_id, list(selectors.turn_ticks(account_id)[:1]))
        turn = wire.turn_data(latest[0] if latest else None)
        return Response({"account_id": account_id, "agent": wire.agent_data(agent), **turn})


class StrategyHistoryView(APIView):
    """What the strategy behind an account decided, turn by turn."""

    pagination_class = PagePagination
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="trading_strategies", responses={200: wire.TurnOutput(many=True), **errors(404)})
    def get(self, request: Request, account_id: int) -> Response:
        """Turns, newest first."""
        selectors.agent_of_account(account_id)
        paginator = self.pagination_class()
        ticks = paginator.paginate_queryset(selectors.turn_ticks(account_id), request, view=self) or []
        found = selectors.turns(account_id, list(ticks))
        return paginator.get_paginated_response([wire.turn_data(turn) for turn in found])


class ContestDecisionsView(APIView):
    """What the agents of a contest decided."""

    pagination_class = PagePagination
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="contests_decisions",
        parameters=[wire.DecisionsInput],
        responses={200: wire.DecisionOutput(many=True), **errors(400, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Decisions with their reasons, newest first."""
        contest = contest_selectors.contest_get(slug, _viewer(request))
        serializer = wire.DecisionsInput(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        rows = selectors.decisions_query(
            contest_id=contest.id, account_id=asked.get("account"), holds=bool(asked["holds"])
        )
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        data = [wire.decision_data(selectors.decision_view(row)) for row in page]
        return paginator.get_paginated_response(data)
