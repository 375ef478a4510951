"""The API of the replay arena and of rewatching: templates, starting one's own, and the course of a contest."""

from __future__ import annotations

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
from contests.api.common import CODE, viewer_of
from contests.api.serializers import ContestOutput, contest_data
from contests.domain.scoring import LOOKING_BACK
from contests.selectors import ContestView
from contests.selectors.rewatch import Timeline, names_find, timeline_of
from contests.selectors.templates import RunView, TemplateView, arena_view
from contests.services.arena import arena_start
from core.api import errors
from core.clock import SystemClock
from core.money import major_text
from trading.domain.views import FillView


class RunOutput(serializers.Serializer):
    """A public run of an arena template."""

    contest = serializers.CharField(help_text="Its slug")
    name = serializers.CharField()
    status = serializers.CharField()
    starts_at = serializers.DateTimeField(allow_null=True)
    participants = serializers.IntegerField()
    joined = serializers.BooleanField()


class TemplateOutput(serializers.Serializer):
    """What can be played in the arena. Its dates and symbols are not told."""

    slug = serializers.CharField()
    name = serializers.CharField()
    blurb = serializers.CharField()
    minutes = serializers.IntegerField(help_text="Of wall time, about; 0: not counted")
    days = serializers.IntegerField(help_text="Market days; 0: not counted")
    symbols = serializers.IntegerField(help_text="How many")
    is_masked = serializers.BooleanField()
    difficulty = serializers.CharField(help_text="Calm, Lively, Rough or Wild; empty: not known")
    next_run = RunOutput(allow_null=True, help_text="The public run that comes next")


class ArenaOutput(serializers.Serializer):
    """The replay arena. `own` is your run that is not over, `starts_left` how many you may start in 24 hours."""

    templates = TemplateOutput(many=True)
    running = RunOutput(many=True, help_text="Public runs that are on: anyone may watch")
    own = RunOutput(allow_null=True)
    starts_left = serializers.IntegerField()


class ArenaStartOutput(serializers.Serializer):
    """Your own contest: it starts in a minute. Who has the invite code may join."""

    contest = ContestOutput()
    account_id = serializers.IntegerField()
    invite_code = serializers.CharField()


class TimelineInput(serializers.Serializer):
    """Whose lines besides the first twenty and yours, and whose trades."""

    accounts = serializers.RegexField(r"^[0-9]{1,18}(,[0-9]{1,18}){0,28}$", required=False)
    trades_of = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)


class NameInput(serializers.Serializer):
    """A part of a name."""

    q = serializers.CharField(max_length=40)


class MomentOutput(serializers.Serializer):
    """A moment that the lines have a point at."""

    tick = serializers.IntegerField()
    at = serializers.DateTimeField(help_text="Market time")
    day = serializers.IntegerField(help_text="Market day, from 0")


class LineOutput(serializers.Serializer):
    """A participant's course."""

    account_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    final_rank = serializers.IntegerField(allow_null=True)
    trades = serializers.IntegerField()
    values_minor = serializers.ListField(
        child=serializers.IntegerField(allow_null=True), help_text="Equity at each moment; null: not in it yet"
    )
    places = serializers.ListField(
        child=serializers.IntegerField(allow_null=True), help_text="Rank at each close; null: not ranked or not kept"
    )


class TimelineTradeOutput(serializers.Serializer):
    """A trade of the participant asked for."""

    at = serializers.DateTimeField(help_text="Market time")
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField()
    realized = serializers.CharField(help_text="Profit or loss of what it closed, in major units")


class NamedOutput(serializers.Serializer):
    """A participant by name."""

    account_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    final_rank = serializers.IntegerField(allow_null=True)


class TimelineOutput(serializers.Serializer):
    """The course of a contest that is over: at most 400 moments, 400 closes and 50 lines."""

    currency = serializers.CharField()
    initial_minor = serializers.IntegerField()
    participants = serializers.IntegerField()
    is_everyone = serializers.BooleanField(help_text="Whether each participant has a line")
    is_by_value = serializers.BooleanField(help_text="Whether equity ranks; else another score does")
    me = serializers.IntegerField(allow_null=True, help_text="Your account in it")
    moments = MomentOutput(many=True)
    closes = MomentOutput(many=True)
    lines = LineOutput(many=True)
    trades_of = serializers.IntegerField(allow_null=True)
    trades = TimelineTradeOutput(many=True, help_text="The newest 500, oldest first")


def run_data(run: RunView) -> dict[str, Any]:
    """A run as `RunOutput`."""
    return {
        "contest": run.slug, "name": run.name, "status": run.status, "starts_at": run.starts_at,
        "participants": run.participants, "joined": run.joined,
    }  # fmt: skip


def template_data(template: TemplateView, upcoming: RunView | None) -> dict[str, Any]:
    """A template as `TemplateOutput`."""
    market = template.market
    return {
        "slug": template.slug, "name": template.name, "blurb": template.blurb, "minutes": template.minutes,
        "days": template.facts.days, "symbols": len(market["symbols"]), "is_masked": bool(market.get("mask")),
        "difficulty": template.facts.difficulty, "next_run": None if upcoming is None else run_data(upcoming),
    }  # fmt: skip


def _moment(tick: int, at: Any, day: int) -> dict[str, Any]:
    return {"tick": tick, "at": at, "day": day}


def _trade(row: FillView) -> dict[str, Any]:
    return {
        "at": row.market_at, "symbol": row.symbol, "side": row.side, "quantity": format(row.quantity.normalize(), "f"),
        "price": format(row.price, "f"), "realized": major_text(row.realized_minor, row.currency),
    }  # fmt: skip


def timeline_data(contest: ContestView, found: Timeline, me: int | None) -> dict[str, Any]:
    """A timeline as `TimelineOutput`."""
    return {
        "currency": contest.currency,
        "initial_minor": contest.initial_balance_minor,
        "participants": found.participants,
        "is_everyone": found.is_everyone,
        "is_by_value": contest.scoring not in LOOKING_BACK,
        "me": me,
        "moments": [_moment(tick, at, day) for (tick, at), day in zip(found.moments, found.days, strict=True)],
        "closes": [_moment(close.tick, close.at, close.day) for close in found.closes],
        "lines": [
            {"account_id": line.account_id, "name": line.name, "kind": line.kind, "final_rank": line.final_rank,
             "trades": line.trades, "values_minor": list(line.values), "places": list(line.places)}
            for line in found.lines
        ],
        "trades_of": found.traded,
        "trades": [_trade(row) for row in found.trades],
    }  # fmt: skip


def _visible(request: Request, slug: str) -> tuple[ContestView, int | None]:
    """The contest that the viewer may see, and their account in it."""
    viewer = viewer_of(request)
    contest = selectors.contest_get(slug, viewer, str(request.query_params.get("invite_code", ""))[:32])
    place = selectors.participant_get(contest.id, viewer.user_id) if viewer is not None else None
    return contest, None if place is None else place.account_id


def _read(kind: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.query_params)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class ArenaView(APIView):
    """The replay arena."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="arena_retrieve", responses={200: ArenaOutput})
    def get(self, request: Request) -> Response:
        """What can be played, the public runs, and your own."""
        viewer = viewer_of(request)
        found = arena_view(user_id=None if viewer is None else viewer.user_id, at=SystemClock().now())
        return Response(
            {
                "templates": [template_data(one, found.upcoming.get(one.id)) for one in found.templates],
                "running": [run_data(run) for run in found.running],
                "own": None if found.mine is None else run_data(found.mine),
                "starts_left": found.starts_left,
            }
        )


class ArenaStartView(APIView):
    """Starting one's own."""

    key_scope = "trade"

    @extend_schema(
        operation_id="arena_start", request=None, responses={201: ArenaStartOutput, **errors(401, 403, 404, 409, 429)}
    )
    def post(self, request: Request, slug: str) -> Response:
        """A private contest of your own in a minute's time, which you have joined; three in 24 hours, one at a time."""
        viewer = viewer_of(request)
        assert viewer is not None
        client_region_require(client_of(request))
        run = arena_start(actor=viewer, template_slug=slug)
        data = {
            "contest": contest_data(run.contest, run.account_id),
            "account_id": run.account_id,
            "invite_code": run.invite_code,
        }
        return Response(data, status=201)


class TimelineView(APIView):
    """How a contest went."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="contests_timeline",
        parameters=[TimelineInput, CODE],
        responses={200: TimelineOutput, **errors(400, 404, 409)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Everyone's equity over the course of a contest that is over, places at its closes, and somebody's trades."""
        asked = _read(TimelineInput, request)
        contest, me = _visible(request, slug)
        accounts = [int(text) for text in asked.get("accounts", "").split(",") if text]
        trades_of = asked.get("trades_of")
        more = [*accounts, *([trades_of] if trades_of else [])]
        found = timeline_of(contest, viewer_account=me, accounts=more, trades_of=trades_of)
        return Response(timeline_data(contest, found, me))


class TimelineNamesView(APIView):
    """Finding participants by name."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="contests_timeline_names",
        parameters=[NameInput, CODE],
        responses={200: NamedOutput(many=True), **errors(400, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """The first ten participants whose name holds a text."""
        text = _read(NameInput, request)["q"]
        contest, _ = _visible(request, slug)
        found = names_find(contest.id, text)
        return Response([NamedOutput(one).data for one in found])
