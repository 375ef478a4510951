"""Fair play on the wire: findings, sanctions and appeals of a contest. Moderators see all, a person their own."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import IsOperator
from contests import selectors
from contests.api.common import viewer_of
from contests.domain.fairplay_words import KINDS, STATUSES
from contests.selectors import fairplay as reads
from contests.services.fairplay import finding_dismiss, finding_uphold
from contests.services.sanctions import MOST_BODY, MOST_REASON, appeal_answer, appeal_make, sanction_decide
from core.api import errors
from core.errors import NotFound
from core.pagination import PagePagination
from trading.domain.types import Actor

MODERATORS = (IsAuthenticated, IsOperator)


class PlaceOutput(serializers.Serializer):
    """A participant."""

    account_id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="person or agent")
    status = serializers.CharField(help_text="active, withdrawn, excluded, barred")


class FindingOutput(serializers.Serializer):
    """Evidence of one detector about one participant, or two. A lead, never a verdict."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text=", ".join(KINDS))
    status = serializers.CharField(help_text=", ".join(STATUSES))
    score = serializers.IntegerField(help_text="0 to 100: how far from what chance explains")
    participant = PlaceOutput()
    other = PlaceOutput(allow_null=True)
    words = serializers.ListField(child=serializers.CharField(), help_text="The evidence in sentences")
    evidence = serializers.DictField(help_text="Its figures, and the orders that they come from")
    note = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AppealOutput(serializers.Serializer):
    """What a person said to a sanction, and the answer."""

    id = serializers.IntegerField()
    sanction_id = serializers.IntegerField()
    name = serializers.CharField()
    sanction_kind = serializers.CharField()
    sanction_reason = serializers.CharField()
    body = serializers.CharField()
    status = serializers.CharField(help_text="open, granted, refused")
    answer = serializers.CharField()
    created_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


class SanctionOutput(serializers.Serializer):
    """What a moderator has decided, with the reason."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="warn, exclude, disqualify, reinstate")
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    may_appeal = serializers.BooleanField()
    appeal = AppealOutput(allow_null=True)


class FindingsInput(serializers.Serializer):
    """Which findings."""

    kind = serializers.ChoiceField(list(KINDS), required=False)
    status = serializers.ChoiceField(list(STATUSES), required=False)


class AppealsInput(serializers.Serializer):
    """Which appeals."""

    status = serializers.ChoiceField(["open", "granted", "refused"], required=False)


class UpholdInput(serializers.Serializer):
    """What follows from a finding, for whom, and why."""

    kind = serializers.ChoiceField(["warn", "exclude", "disqualify"])
    whom = serializers.ChoiceField(["participant", "other", "both"], default="participant")
    reason = serializers.CharField(max_length=MOST_REASON)


class NoteInput(serializers.Serializer):
    """Why a finding is harmless."""

    note = serializers.CharField(max_length=MOST_REASON)


class SanctionInput(serializers.Serializer):
    """A decision about whoever has an account in the contest."""

    account_id = serializers.IntegerField(min_value=1, max_value=2**62)
    kind = serializers.ChoiceField(["warn", "exclude", "disqualify", "reinstate"])
    reason = serializers.CharField(max_length=MOST_REASON)


class AppealInput(serializers.Serializer):
    """What you say to it."""

    body = serializers.CharField(max_length=MOST_BODY)


class AnswerInput(serializers.Serializer):
    """The answer to an appeal."""

    granted = serializers.BooleanField()
    answer = serializers.CharField(max_length=MOST_REASON)


def _actor(request: Request) -> Actor:
    actor = viewer_of(request)
    assert actor is not None
    return actor


def _read(kind: type[serializers.Serializer], data: Any) -> dict[str, Any]:
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
        parameters=[FindingsInput],
        responses={200: FindingOutput(many=True), **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Findings of a contest, the strongest first (moderators)."""
        _contest_id(request, slug)
        asked = _read(FindingsInput, request.query_params)
        paginator = self.pagination_class()
        rows = reads.findings_query(contest=slug, kind=asked.get("kind", ""), status=asked.get("status", ""))
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response([FindingOutput(reads.finding_view(row)).data for row in page])


class FindingView(APIView):
    """One finding."""

    permission_classes = MODERATORS

    @extend_schema(operation_id="contests_finding", responses={200: FindingOutput, **errors(401, 403, 404)})
    def get(self, request: Request, slug: str, finding_id: int) -> Response:
        """A finding with its evidence (moderators)."""
        _contest_id(request, slug)
        return Response(FindingOutput(reads.finding_get(finding_id, slug)).data)


class FindingUpholdView(APIView):
    """Upholding."""

    permission_classes = MODERATORS

    @extend_schema(
        operation_id="contests_finding_uphold",
        request=UpholdInput,
        responses={200: FindingOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str, finding_id: int) -> Response:
        """Uphold a finding with a sanction, told to whom it concerns (moderators)."""
        _contest_id(request, slug)
        reads.finding_get(finding_id, slug)
        finding_uphold(actor=_actor(request), finding_id=finding_id, **_read(UpholdInput, request.data))
        return Response(FindingOutput(reads.finding_get(finding_id, slug)).data)


class FindingDismissView(APIView):
    """Dismissing."""

    permission_classes = MODERATORS

    @extend_schema(
        operation_id="contests_finding_dismiss",
        request=NoteInput,
        responses={200: FindingOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str, finding_id: int) -> Response:
        """Dismiss a finding: harmless, and why (moderators)."""
        _contest_id(request, slug)
        reads.finding_get(finding_id, slug)
        finding_dismiss(actor=_actor(request), finding_id=finding_id, **_read(NoteInput, request.data))
        return Response(FindingOutput(reads.finding_get(finding_id, slug)).data)


class SanctionsView(APIView):
    """Decisions: a person reads their own, moderators make them."""

    def get_permissions(self) -> list[Any]:
        """Making is for moderators."""
        return [one() for one in (MODERATORS if self.request.method == "POST" else (IsAuthenticated,))]

    @extend_schema(
        operation_id="contests_sanctions",
        responses={200: SanctionOutput(many=True), **errors(401, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """What was decided about you in this contest, the newest first, at most 100."""
        rows = reads.sanctions_about(_contest_id(request, slug), _actor(request).user_id)
        return Response(SanctionOutput(rows, many=True).data)

    @extend_schema(
        operation_id="contests_sanction",
        request=SanctionInput,
        responses={201: SanctionOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Warn, exclude, disqualify or reinstate a participant, with the reason that they are given (moderators)."""
        asked = _read(SanctionInput, request.data)
        place = reads.participant_of_account(_contest_id(request, slug), asked.pop("account_id"))
        made = sanction_decide(actor=_actor(request), participant_id=place.participant_id, **asked)
        row = next(one for one in reads.sanctions_of([place.participant_id]) if one.id == made)
        return Response(SanctionOutput(row).data, status=201)


class SanctionAppealView(APIView):
    """Appealing."""

    key_scope = "trade"

    @extend_schema(
        operation_id="contests_sanction_appeal",
        request=AppealInput,
        responses={201: SanctionOutput, **errors(400, 401, 403, 404, 409, 429)},
    )
    def post(self, request: Request, slug: str, sanction_id: int) -> Response:
        """Appeal against a decision about you, once. Another moderator answers."""
        contest_id, actor = _contest_id(request, slug), _actor(request)
        mine = {row.id for row in reads.sanctions_about(contest_id, actor.user_id)}
        if sanction_id not in mine:
            raise NotFound("sanction_not_found", "There is no such decision about you.")
        appeal_make(actor=actor, sanction_id=sanction_id, **_read(AppealInput, request.data))
        rows = reads.sanctions_about(contest_id, actor.user_id)
        return Response(SanctionOutput(next(row for row in rows if row.id == sanction_id)).data, status=201)


class AppealsView(APIView):
    """The appeals of a contest."""

    permission_classes = MODERATORS
    pagination_class = PagePagination

    @extend_schema(
        operation_id="contests_appeals",
        parameters=[AppealsInput],
        responses={200: AppealOutput(many=True), **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Appeals of a contest, the oldest first (moderators)."""
        _contest_id(request, slug)
        paginator = self.pagination_class()
        rows = reads.appeals_query(contest=slug, status=_read(AppealsInput, request.query_params).get("status", ""))
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response([AppealOutput(reads.appeal_view(row)).data for row in page])


class AppealAnswerView(APIView):
    """Answering."""

    permission_classes = MODERATORS

    @extend_schema(
        operation_id="contests_appeal_answer",
        request=AnswerInput,
        responses={200: AppealOutput, **errors(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, slug: str, appeal_id: int) -> Response:
        """Grant an appeal (which reinstates) or refuse it (another moderator than the one who decided)."""
        _contest_id(request, slug)
        rows = reads.appeals_query(contest=slug).filter(pk=appeal_id)
        if not rows.exists():
            raise NotFound("appeal_not_found", "There is no such appeal.")
        asked = _read(AnswerInput, request.data)
        appeal_answer(actor=_actor(request), appeal_id=appeal_id, is_granted=asked["granted"], answer=asked["answer"])
        return Response(AppealOutput(reads.appeal_view(rows.get())).data)


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
