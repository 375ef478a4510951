"""Fair play on the wire: findings, sanctions and appeals of a contest. Moderators see all, a person their own."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.permissions import IsOperator
from contests import selectors
from contests.api import fairplay_wire as wire
from contests.api.common import viewer_of
from contests.selectors import fairplay as reads
from contests.services.fairplay import finding_dismiss, finding_uphold
from contests.services.sanctions import appeal_answer, appeal_make, sanction_decide
from core.api import errors
from core.errors import NotFound
from core.pagination import PagePagination
from trading.domain.types import Actor

MODERATORS = (IsAuthenticated, IsOperator)


def _actor(request: Request) -> Actor:
    actor = viewer_of(request)
    assert actor is not None
    return actor


def _read(kind: type[Serializer], data: Any) -> dict[str, Any]:
    serializer = kind(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _contest_id(request: Request, slug: str) -> int:
    return selectors.contest_get(slug, viewer_of(request)).id


class FindingsView(APIView):
    """The queue of a contest."""

    permission_classes = MODERATORS
    pagination_class = PagePagination

    @extend_schema(
        operation_id="contests_findings",
        parameters=[wire.FindingsInput],
        responses={200: wire.FindingOutput(many=True), **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Findings of a contest, the strongest first (moderators)."""
        _contest_id(request, slug)
        asked = _read(wire.FindingsInput, request.query_params)
        paginator = self.pagination_class()
        rows = reads.findings_query(contest=slug, kind=asked.get("kind", ""), status=asked.get("status", ""))
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response([wire.FindingOutput(reads.finding_view(row)).data for row in page])


class FindingView(APIView):
    """One finding."""

    permission_classes = MODERATORS

    @extend_schema(operation_id="contests_finding", responses={200: wire.FindingOutput, **errors(401, 403, 404)})
    def get(self, request: Request, slug: str, finding_id: int) -> Response:
        """A finding with its evidence (moderators)."""
        _contest_id(request, slug)
        return Response(wire.FindingOutput(reads.finding_get(finding_id, slug)).data)


class FindingUpholdView(APIView):
    """Upholding."""

    permission_classes = MODERATORS

    @extend_schema(
        operation_id="contests_finding_uphold",
        request=wire.UpholdInput,
        responses={200: wire.FindingOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str, finding_id: int) -> Response:
        """Uphold a finding with a sanction, told to whom it concerns (moderators)."""
        _contest_id(request, slug)
        reads.finding_get(finding_id, slug)
        finding_uphold(actor=_actor(request), finding_id=finding_id, **_read(wire.UpholdInput, request.data))
        return Response(wire.FindingOutput(reads.finding_get(finding_id, slug)).data)


class FindingDismissView(APIView):
    """Dismissing."""

    permission_classes = MODERATORS

    @extend_schema(
        operation_id="contests_finding_dismiss",
        request=wire.NoteInput,
        responses={200: wire.FindingOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str, finding_id: int) -> Response:
        """Dismiss a finding: harmless, and why (moderators)."""
        _contest_id(request, slug)
        reads.finding_get(finding_id, slug)
        finding_dismiss(actor=_actor(request), finding_id=finding_id, **_read(wire.NoteInput, request.data))
        return Response(wire.FindingOutput(reads.finding_get(finding_id, slug)).data)


class SanctionsView(APIView):
    """Decisions: a person reads their own, moderators make them."""

    def get_permissions(self) -> list[Any]:
        """Making is for moderators."""
        return [one() for one in (MODERATORS if self.request.method == "POST" else (IsAuthenticated,))]

    @extend_schema(
        operation_id="contests_sanctions",
        responses={200: wire.SanctionOutput(many=True), **errors(401, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """What was decided about you in this contest, the newest first, at most 100."""
        rows = reads.sanctions_about(_contest_id(request, slug), _actor(request).user_id)
        return Response(wire.SanctionOutput(rows, many=True).data)

    @extend_schema(
        operation_id="contests_sanction",
        request=wire.SanctionInput,
        responses={201: wire.SanctionOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Warn, exclude, disqualify or reinstate a participant, with the reason that they are given (moderators)."""
        asked = _read(wire.SanctionInput, request.data)
        place = reads.participant_of_account(_contest_id(request, slug), asked.pop("account_id"))
        made = sanction_decide(actor=_actor(request), participant_id=place.participant_id, **asked)
        row = next(one for one in reads.sanctions_of([place.participant_id]) if one.id == made)
        return Response(wire.SanctionOutput(row).data, status=201)


class SanctionAppealView(APIView):
    """Appealing."""

    key_scope = "trade"

    @extend_schema(
        operation_id="contests_sanction_appeal",
        request=wire.AppealInput,
        responses={201: wire.SanctionOutput, **errors(400, 401, 403, 404, 409, 429)},
    )
    def post(self, request: Request, slug: str, sanction_id: int) -> Response:
        """Appeal against a decision about you, once. Another moderator answers."""
        contest_id, actor = _contest_id(request, slug), _actor(request)
        mine = {row.id for row in reads.sanctions_about(contest_id, actor.user_id)}
        if sanction_id not in mine:
            raise NotFound("sanction_not_found", "There is no such decision about you.")
        appeal_make(actor=actor, sanction_id=sanction_id, **_read(wire.AppealInput, request.data))
        rows = reads.sanctions_about(contest_id, actor.user_id)
        return Response(wire.SanctionOutput(next(row for row in rows if row.id == sanction_id)).data, status=201)


class AppealsView(APIView):
    """The appeals of a contest."""

    permission_classes = MODERATORS
    pagination_class = PagePagination

    @extend_schema(
        operation_id="contests_appeals",
        parameters=[wire.AppealsInput],
        responses={200: wire.AppealOutput(many=True), **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Appeals of a contest, the oldest first (moderators)."""
        _contest_id(request, slug)
        paginator = self.pagination_class()
        rows = reads.appeals_query(
            contest=slug, status=_read(wire.AppealsInput, request.query_params).get("status", "")
        )
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response([wire.AppealOutput(reads.appeal_view(row)).data for row in page])


class AppealAnswerView(APIView):
    """Answering."""

    permission_classes = MODERATORS

    @extend_schema(
        operation_id="contests_appeal_answer",
        request=wire.AnswerInput,
        responses={200: wire.AppealOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str, appeal_id: int) -> Response:
        """Grant an appeal (which reinstates) or refuse it (another moderator than the one who decided)."""
        _contest_id(request, slug)
        rows = reads.appeals_query(contest=slug).filter(pk=appeal_id)
        if not rows.exists():
            raise NotFound("appeal_not_found", "There is no such appeal.")
        asked = _read(wire.AnswerInput, request.data)
        appeal_answer(actor=_actor(request), appeal_id=appeal_id, is_granted=asked["granted"], answer=asked["answer"])
        return Response(wire.AppealOutput(reads.appeal_view(rows.get())).data)


BASE = "contests/<slug:slug>"
urlpatterns = [
    path(f"{BASE}/findings", FindingsView.as_view()),
    path(f"{BASE}/findings/<int:finding_id>", FindingView.as_view()),
    path(f"{BASE}/findings/<int:finding_id>/uphold", FindingUpholdView.as_view()),
    path(f"{BASE}/findings/<int:finding_id>/dismiss", FindingDismissView.as_view()),
    path(f"{BASE}/sanctions", SanctionsView.as_view()),
    path(f"{BASE}/sanctions/<int:sanction_id>/appeal", SanctionAppealView.as_view()),
    path(f"{BASE}/appeals", AppealsView.as_view()),
    path(f"{BASE}/appeals/<int:appeal_id>/answer", AppealAnswerView.as_view()),
]
