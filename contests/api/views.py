"""Thin views: parse, call one service or selector, render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.clients import client_of
from accounts.permissions import IsOperator
from accounts.services.regions import client_region_require
from contests import selectors
from contests.api import inputs
from contests.api import serializers as wire
from contests.api.common import CODE, acting, read, read_or_operate, viewer_of, visible
from contests.selectors import ContestView
from contests.selectors.results import result_of
from contests.selectors.splits import only_accounts
from contests.services import contests, lifecycle
from contests.services.closing import contest_end
from contests.services.drafting import contest_edit
from contests.services.entries import contest_withdraw
from contests.services.joins import contest_join
from core.api import errors
from core.errors import Invalid, NotFound
from core.pagination import PagePagination
from marketdata import selectors as market_selectors

Move = Callable[..., ContestView | None]
MOVES: dict[str, Move] = {
    "schedule": contests.contest_schedule,
    "start": contests.contest_start,
    "pause": contests.contest_pause,
    "resume": contests.contest_resume,
    "cancel": contests.contest_cancel,
    "end": contest_end,
}


def _mine(request: Request, contest: ContestView) -> int | None:
    viewer = viewer_of(request)
    place = selectors.participant_get(contest.id, viewer.user_id) if viewer is not None else None
    return None if place is None else place.account_id


def _status(view: ContestView) -> Response:
    metrics = market_selectors.metrics(view.market_id, settings.HISTORY_DAYS)
    return Response(wire.status_data(view, market_selectors.market_clock(view.market_id), metrics))


class ContestListView(APIView):
    """Contests: everyone lists them, operators make them."""

    pagination_class = PagePagination

    def get_permissions(self) -> list[Any]:
        """Reading is open, writing is for operators."""
        return read_or_operate(self.request)

    @extend_schema(
        operation_id="contests_list",
        parameters=[inputs.ListInput],
        responses={200: wire.ContestOutput(many=True), **errors(400, 404)},
    )
    def get(self, request: Request) -> Response:
        """Public contests and those you have joined, newest first."""
        wanted = read(inputs.ListInput, request.query_params).get("status", "")
        statuses = [status for status in wanted.split(",") if status]
        paginator = self.pagination_class()
        rows = selectors.contests_query(viewer_of(request), statuses)
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response([wire.contest_data(selectors.view_of(row)) for row in page])

    @extend_schema(
        operation_id="contests_create",
        request=inputs.ContestInput,
        responses={201: wire.ContestOutput, **errors(400, 401, 403, 409)},
    )
    def post(self, request: Request) -> Response:
        """Create a contest over a slice of loaded history (operators)."""
        serializer = inputs.ContestInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        schedule = bool(serializer.validated_data["schedule"])
        view = contests.contest_create(actor=acting(request), spec=serializer.to_spec(), schedule=schedule)
        return Response(wire.contest_data(view), status=201)


class ContestDetailView(APIView):
    """One contest."""

    def get_permissions(self) -> list[Any]:
        """Reading is open, changing is for operators."""
        return read_or_operate(self.request)

    @extend_schema(
        operation_id="contests_retrieve", parameters=[CODE], responses={200: wire.ContestOutput, **errors(404)}
    )
    def get(self, request: Request, slug: str) -> Response:
        """The contest, with your account in it when you have joined."""
        view = visible(request, slug)
        return Response(wire.contest_data(view, _mine(request, view)))

    @extend_schema(
        operation_id="contests_edit", request=inputs.EditInput,
        responses={200: wire.ContestOutput, **errors(400, 401, 403, 404, 409)},
    )  # fmt: skip
    def patch(self, request: Request, slug: str) -> Response:
        """Change what may still change (operators): the words and sponsors, before the start places and window too."""
        view = visible(request, slug)
        changes = inputs.edit_read(request.data)
        return Response(wire.contest_data(contest_edit(actor=acting(request), contest_id=view.id, changes=changes)))


class ContestJoinView(APIView):
    """Joining."""

    key_scope = "trade"

    @extend_schema(
        operation_id="contests_join",
        request=inputs.JoinInput,
        responses={201: wire.JoinOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Join with a new account; joining again answers with the same account."""
        code = read(inputs.JoinInput, request.data)["invite_code"]
        actor = acting(request)
        # Whoever knows the address of a private contest may try its code: a wrong one is refused, not hidden.
        found = selectors.contest_by_slug(slug)
        if found is None or (found.status == "draft" and not actor.is_staff):
            raise NotFound("contest_not_found", "There is no such contest.")
        client_region_require(client_of(request))
        account_id = contest_join(actor=actor, contest_id=found.id, invite_code=code)
        return Response({"contest": found.slug, "account_id": account_id}, status=201)


class ContestWithdrawView(APIView):
    """Leaving."""

    key_scope = "trade"

    @extend_schema(operation_id="contests_withdraw", request=None, responses={204: None, **errors(401, 403, 404, 409)})
    def post(self, request: Request, slug: str) -> Response:
        """Leave a contest before it starts; a fee that was paid is given back."""
        found = selectors.contest_get(slug, acting(request))
        contest_withdraw(actor=acting(request), contest_id=found.id)
        return Response(status=204)


class ContestResultView(APIView):
    """Pool, prizes, proof."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="contests_result", parameters=[CODE], responses={200: wire.ResultOutput, **errors(404)})
    def get(self, request: Request, slug: str) -> Response:
        """What is at stake, who has won what, and what the result rests on."""
        return Response(wire.ResultOutput(result_of(visible(request, slug).id)).data)


class ContestMoveView(APIView):
    """An operator's move: schedule, start, pause, resume, cancel, end."""

    permission_classes = (IsAuthenticated, IsOperator)
    verb = ""

    @extend_schema(request=inputs.MoveInput, responses={200: wire.StatusOutput, **errors(401, 403, 404, 409)})
    def post(self, request: Request, slug: str) -> Response:
        """Move the contest (operators). Repeating a move changes nothing."""
        reason = read(inputs.MoveInput, request.data)["reason"]
        contest = selectors.contest_get(slug, acting(request))
        view = MOVES[self.verb](actor=acting(request), contest_id=contest.id, reason=reason)
        assert view is not None
        return _status(view)


class ContestStatusView(APIView):
    """Whether a contest runs."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="contests_status", parameters=[CODE], responses={200: wire.StatusOutput, **errors(404)})
    def get(self, request: Request, slug: str) -> Response:
        """Status and clock."""
        return _status(visible(request, slug))


class LeaderboardView(APIView):
    """The standings."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="contests_leaderboard",
        parameters=[inputs.LeaderboardInput, CODE],
        responses={200: wire.LeaderboardOutput, **errors(400, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """A page of the standings, or the rows around you (`around=me`) or around an account."""
        view = visible(request, slug)
        asked = read(inputs.LeaderboardInput, request.query_params)
        size, page = asked["pageSize"], asked["page"]
        around = self._around(request, view, asked.get("around"))
        only = only_accounts(view.id, asked.get("only", ""), viewer_of(request))
        found = selectors.standings_page(view.id, start=(page - 1) * size, size=size, around_account=around, only=only)
        more = around is None and page * size < found.total
        return Response(
            {
                "results": [wire.standing_data(row, view.currency) for row in found.rows],
                "page": page,
                "pageSize": size,
                "total": found.total,
                "next": page + 1 if more else None,
                "ranked": found.ranked,
                "tick": found.tick,
                "is_final": found.is_final,
                "currency": view.currency,
            }
        )

    def _around(self, request: Request, view: ContestView, around: str | None) -> int | None:
        if around is None:
            return None
        if around != "me":
            return int(around)
        account_id = _mine(request, view)
        if account_id is None:
            raise Invalid("not_joined", "You have not joined this contest.")
        return account_id


class CompetitionStartView(APIView):
    """Starting the arena."""

    permission_classes = (IsAuthenticated, IsOperator)

    @extend_schema(
        operation_id="competition_start",
        request=None,
        responses={200: wire.StatusOutput, **errors(401, 403, 404, 409)},
        description=f"A fresh run of the featured arena: new accounts at {settings.DEFAULT_BALANCE}, agents seated.",
    )
    def post(self, request: Request) -> Response:
        """Start a fresh run (operators)."""
        return _status(lifecycle.arena_start(actor=acting(request)))


class CompetitionMoveView(APIView):
    """Pausing and resuming the arena."""

    permission_classes = (IsAuthenticated, IsOperator)
    verb = ""

    @extend_schema(request=None, responses={200: wire.StatusOutput, **errors(401, 403, 404, 409)})
    def post(self, request: Request) -> Response:
        """Move the featured arena (operators)."""
        current = lifecycle.arena_current()
        view = MOVES[self.verb](actor=acting(request), contest_id=current.id)
        assert view is not None
        return _status(view)


class CompetitionStatusView(APIView):
    """Whether the arena runs."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="competition_status", responses={200: wire.StatusOutput, **errors(404)})
    def get(self, request: Request) -> Response:
        """Status and clock of the featured arena."""
        del request
        return _status(lifecycle.arena_current())


CONTEST_MOVES = {verb: ContestMoveView.as_view(verb=verb) for verb in MOVES}
COMPETITION_MOVES = {verb: CompetitionMoveView.as_view(verb=verb) for verb in ("pause", "resume")}
