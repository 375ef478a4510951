"""API of places: waiting for one, teams, beginning anew, certificates, and how ranks move."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.clients import client_of
from accounts.services.regions import client_region_require
from contests import selectors
from contests.api.common import CODE, acting, read, visible
from contests.api.inputs import JoinInput
from contests.selectors.places import team_of, waiting_of
from contests.selectors.splits import movers, rank_history, sides
from contests.services.certificates import certificate_issue
from contests.services.resets import contest_reset
from contests.services.teams import team_join, team_leave, team_rename
from contests.services.waiting import waiting_join, waiting_leave
from core.api import errors
from core.errors import NotFound
from core.money import major_text
from core.throttling import limit_attempts


class WaitingOutput(serializers.Serializer):
    """One's place in the queue."""

    status = serializers.CharField(help_text="waiting or offered")
    position = serializers.IntegerField(help_text="From 1; 0 when a place is kept")
    offered_until = serializers.DateTimeField(allow_null=True)


class MateOutput(serializers.Serializer):
    """Somebody of a team."""

    user_id = serializers.IntegerField()
    name = serializers.CharField()
    is_captain = serializers.BooleanField()


class TeamOutput(serializers.Serializer):
    """One's team; `code` lets others join it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    code = serializers.CharField()
    account_id = serializers.IntegerField()
    captain_id = serializers.IntegerField()
    people = MateOutput(many=True)


class TeamInput(serializers.Serializer):
    """`join` by a code, `rename`, `leave`, or take `user_id` out of it."""

    action = serializers.ChoiceField(["join", "rename", "leave"])
    team_code = serializers.CharField(max_length=32, required=False, default="")
    name = serializers.CharField(max_length=40, required=False, default="")
    user_id = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)


class OwnAccountOutput(serializers.Serializer):
    """The account that one trades from now on."""

    account_id = serializers.IntegerField()


class CertificateOutput(serializers.Serializer):
    """Where anyone may see it."""

    code = serializers.CharField()
    url = serializers.CharField()


class MoverOutput(serializers.Serializer):
    """Who has moved since the last close."""

    account_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    rank = serializers.IntegerField()
    by = serializers.IntegerField(help_text="Places, upwards positive")


class SideOutput(serializers.Serializer):
    """People or agents as a whole; returns in hundredths of a percent."""

    kind = serializers.CharField()
    count = serializers.IntegerField()
    mean_bps = serializers.IntegerField()
    best_bps = serializers.IntegerField()


class MovesOutput(serializers.Serializer):
    """Movers and sides of a contest."""

    up = MoverOutput(many=True)
    down = MoverOutput(many=True)
    sides = SideOutput(many=True)


class RankOutput(serializers.Serializer):
    """A rank at the close of a market day."""

    day = serializers.IntegerField()
    at = serializers.DateTimeField()
    rank = serializers.IntegerField(allow_null=True)
    value = serializers.CharField()
    total = serializers.IntegerField()


class WaitView(APIView):
    """Waiting for a place."""

    key_scope = "trade"

    @extend_schema(operation_id="contests_wait", request=JoinInput,
                   responses={200: WaitingOutput, **errors(400, 401, 403, 404, 409)})  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """Wait for a place in a full contest; safe to repeat."""
        code = read(JoinInput, request.data)["invite_code"]
        view = visible(request, slug, code)
        client_region_require(client_of(request))
        waiting_join(actor=acting(request), contest_id=view.id, invite_code=code)
        return self._answer(request, view.id)

    @extend_schema(operation_id="contests_wait_end", request=None, responses={204: None, **errors(401, 404)})
    def delete(self, request: Request, slug: str) -> Response:
        """Wait no more."""
        contest = selectors.contest_by_slug(slug)
        if contest is None:
            raise NotFound("contest_not_found", "There is no such contest.")
        waiting_leave(actor=acting(request), contest_id=contest.id)
        return Response(status=204)

    def _answer(self, request: Request, contest_id: int) -> Response:
        found = waiting_of(contest_id, acting(request).user_id)
        return Response(None if found is None else asdict(found))


class TeamView(APIView):
    """One's team in a contest of teams."""

    @extend_schema(operation_id="contests_team", responses={200: TeamOutput, **errors(401, 404)})
    def get(self, request: Request, slug: str) -> Response:
        """The team, with its code and its people."""
        return Response(self._team(request, slug))

    @extend_schema(operation_id="contests_team_change", request=TeamInput,
                   responses={200: TeamOutput, 204: None, **errors(400, 401, 403, 404, 409)})  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """Join a team by its code, name it, leave it, or take somebody out of it."""
        asked = read(TeamInput, request.data)
        contest = selectors.contest_by_slug(slug)
        if contest is None or contest.status == "draft":
            raise NotFound("contest_not_found", "There is no such contest.")
        who = acting(request)
        if asked["action"] == "join":
            limit_attempts(request)
            client_region_require(client_of(request))
            team_join(actor=who, contest_id=contest.id, team_code=asked["team_code"])
        elif asked["action"] == "rename":
            team_rename(actor=who, contest_id=contest.id, name=asked["name"])
        else:
            team_leave(actor=who, contest_id=contest.id, user_id=asked["user_id"])
            if asked["user_id"] in (None, who.user_id):
                return Response(status=204)
        return Response(self._team(request, slug))

    def _team(self, request: Request, slug: str) -> dict[str, Any]:
        contest = selectors.contest_by_slug(slug)
        place = None if contest is None else selectors.participant_get(contest.id, acting(request).user_id)
        team = None if place is None else team_of(place.id)
        if team is None:
            raise NotFound("not_in_team", "You are in no team here.")
        return asdict(team)


class ResetView(APIView):
    """Beginning anew."""

    key_scope = "trade"

    @extend_schema(operation_id="contests_reset", request=None,
                   responses={200: OwnAccountOutput, **errors(401, 404, 409)})  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """Close your account in the contest and open another with the starting balance, if it allows that."""
        view = selectors.contest_get(slug, acting(request))
        return Response({"account_id": contest_reset(actor=acting(request), contest_id=view.id)})


class CertificateView(APIView):
    """One's certificate."""

    @extend_schema(operation_id="contests_certificate", request=None,
                   responses={200: CertificateOutput, **errors(401, 404, 409)})  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """The certificate of a contest that has ended, the same each time."""
        view = selectors.contest_get(slug, acting(request))
        code = certificate_issue(actor=acting(request), contest_id=view.id)
        return Response({"code": code, "url": request.build_absolute_uri(f"/certificates/{code}")})


class MovesView(APIView):
    """How ranks move."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="contests_movers", parameters=[CODE], responses={200: MovesOutput, **errors(404)})
    def get(self, request: Request, slug: str) -> Response:
        """Who climbed and fell most since the last close, and agents against people."""
        view = visible(request, slug)
        up, down = movers(view.id)
        parts = sides(view.id, view.initial_balance_minor)
        return Response({
            "up": [asdict(item) for item in up],
            "down": [asdict(item) for item in down],
            "sides": [asdict(item) for item in parts],
        })  # fmt: skip


class RanksView(APIView):
    """The ranks of one account over the market days."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="contests_ranks", parameters=[CODE], responses={200: RankOutput(many=True), **errors(404)}
    )
    def get(self, request: Request, slug: str, account_id: int) -> Response:
        """The rank at each recorded close, the oldest first, at most 200."""
        view = visible(request, slug)
        return Response([
            {"day": point.day_index, "at": point.market_at, "rank": point.rank,
             "value": major_text(point.value_minor, view.currency), "total": point.total}
            for point in rank_history(view.id, account_id)
        ])  # fmt: skip
