"""The API of what people of a contest do with each other: chat, trades that show, following."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import IsOperator
from contests import selectors
from contests.api import social_wire as wire
from contests.api.common import CODE, viewer_of
from contests.models import Follow, Mute
from contests.selectors import ContestView
from contests.selectors.comments import comments_page, mute_view, mutes_query, reported_query, reported_view
from contests.selectors.feed import followed_feed, trade_feed
from contests.selectors.follows import followers_count, following_query, following_view
from contests.services import comments, follows
from core.api import errors
from core.errors import Conflict
from core.pagination import PagePagination
from trading.domain.types import Actor


def _actor(request: Request) -> Actor:
    actor = viewer_of(request)
    assert actor is not None
    return actor


def _read(kind: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    serializer = kind(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _seen(request: Request, slug: str) -> ContestView:
    return selectors.contest_get(slug, viewer_of(request), str(request.query_params.get("invite_code", ""))[:32])


class CommentListView(APIView):
    """The chat of a contest."""

    key_scope = "trade"

    def get_permissions(self) -> list[Any]:
        """Reading is open where the contest is, writing is for those who take part."""
        return [AllowAny()] if self.request.method in ("GET", "HEAD", "OPTIONS") else [IsAuthenticated()]

    @extend_schema(
        operation_id="comments_list",
        parameters=[wire.CommentsInput, CODE],
        responses={200: wire.CommentsOutput, **errors(400, 404, 409)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Messages that are not hidden, the newest first."""
        asked = _read(wire.CommentsInput, request.query_params)
        contest = _seen(request, slug)
        if not contest.sharing.comments:
            raise Conflict("chat_off", "This contest has no chat.")
        found = comments_page(contest.id, before=asked.get("before"), size=asked["pageSize"])
        return Response(wire.CommentsOutput(found).data)

    @extend_schema(
        operation_id="comments_create",
        request=wire.CommentInput,
        responses={201: wire.CommentOutput, **errors(400, 401, 403, 404, 409, 429)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Say something; for those who take part, until seven days after the end."""
        body = _read(wire.CommentInput, request.data)["body"]
        made = comments.comment_write(actor=_actor(request), contest_id=_seen(request, slug).id, body=body)
        return Response(wire.CommentOutput(made).data, status=201)


class CommentView(APIView):
    """One message of one's own."""

    key_scope = "trade"

    @extend_schema(operation_id="comments_destroy", responses={204: None, **errors(401, 403, 404)})
    def delete(self, request: Request, slug: str, comment_id: int) -> Response:
        """Take back a message of your own."""
        contest = _seen(request, slug)
        comments.comment_remove(actor=_actor(request), contest_id=contest.id, comment_id=comment_id)
        return Response(status=204)


class CommentReportView(APIView):
    """Reporting."""

    key_scope = "trade"

    @extend_schema(
        operation_id="comments_report",
        request=wire.ReasonInput,
        parameters=[CODE],
        responses={204: None, **errors(400, 401, 403, 404, 409, 429)},
    )
    def post(self, request: Request, slug: str, comment_id: int) -> Response:
        """Ask the moderators to look at a message; a second time changes nothing."""
        reason = _read(wire.ReasonInput, request.data)["reason"]
        contest = _seen(request, slug)
        comments.comment_report(actor=_actor(request), contest_id=contest.id, comment_id=comment_id, reason=reason)
        return Response(status=204)


class ReportedListView(APIView):
    """The moderators' queue."""

    permission_classes = (IsAuthenticated, IsOperator)
    pagination_class = PagePagination

    @extend_schema(
        operation_id="moderation_comments_list",
        parameters=[OpenApiParameter("state", str, enum=["reported", "hidden"])],
        responses={200: wire.ReportedOutput(many=True), **errors(401, 403, 404)},
    )
    def get(self, request: Request) -> Response:
        """Reported messages, the most reported first; or the hidden ones (moderators)."""
        paginator = self.pagination_class()
        rows = reported_query(hidden=request.query_params.get("state") == "hidden")
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(
            wire.ReportedOutput([reported_view(row) for row in page], many=True).data
        )


class CommentModerateView(APIView):
    """A moderator's act: hide, unhide, keep."""

    permission_classes = (IsAuthenticated, IsOperator)
    verb = ""

    @extend_schema(request=wire.ReasonInput, responses={204: None, **errors(400, 401, 403, 404, 409)})
    def post(self, request: Request, comment_id: int) -> Response:
        """Act on a message (moderators). Hiding and showing again need a reason."""
        reason = _read(wire.ReasonInput, request.data)["reason"]
        acts: dict[str, Callable[..., None]] = {"hide": comments.comment_hide, "unhide": comments.comment_unhide}
        if self.verb == "keep":
            comments.comment_keep(actor=_actor(request), comment_id=comment_id)
        else:
            acts[self.verb](actor=_actor(request), comment_id=comment_id, reason=reason)
        return Response(status=204)


class MuteListView(APIView):
    """Who may not write in a contest."""

    permission_classes = (IsAuthenticated, IsOperator)
    pagination_class = PagePagination

    @extend_schema(operation_id="mutes_list", responses={200: wire.MuteOutput(many=True), **errors(401, 403, 404)})
    def get(self, request: Request, slug: str) -> Response:
        """Those who are muted now (moderators)."""
        paginator = self.pagination_class()
        page: list[Mute] = paginator.paginate_queryset(mutes_query(_seen(request, slug).id), request, view=self) or []
        return paginator.get_paginated_response(wire.MuteOutput([mute_view(row) for row in page], many=True).data)


class MuteView(APIView):
    """One person's mute."""

    permission_classes = (IsAuthenticated, IsOperator)

    @extend_schema(
        operation_id="mutes_update", request=wire.MuteInput, responses={204: None, **errors(400, 401, 403, 404, 409)}
    )
    def put(self, request: Request, slug: str, user_id: int) -> Response:
        """Let somebody not write until a moment, or for good (moderators)."""
        asked = _read(wire.MuteInput, request.data)
        comments.mute_set(
            actor=_actor(request),
            contest_id=_seen(request, slug).id,
            user_id=user_id,
            until=asked["until"],
            reason=asked["reason"],
        )
        return Response(status=204)

    @extend_schema(operation_id="mutes_destroy", responses={204: None, **errors(401, 403, 404)})
    def delete(self, request: Request, slug: str, user_id: int) -> Response:
        """Let somebody write again (moderators)."""
        comments.mute_lift(actor=_actor(request), contest_id=_seen(request, slug).id, user_id=user_id)
        return Response(status=204)


class ContestFeedView(APIView):
    """The trades of a contest."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="contests_feed",
        parameters=[wire.FeedInput, CODE],
        responses={200: wire.FeedOutput, **errors(400, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Trades that show: those of agents and yours, and of others as far as the contest's sharing lets."""
        asked = _read(wire.FeedInput, request.query_params)
        contest = _seen(request, slug)
        found = trade_feed(contest.id, viewer_of(request), asked.get("after"), asked["pageSize"])
        return Response(wire.FeedOutput(found).data)


class FollowingView(APIView):
    """Whom you follow."""

    pagination_class = PagePagination

    @extend_schema(operation_id="following_list", responses={200: wire.TraderOutput(many=True), **errors(401, 404)})
    def get(self, request: Request) -> Response:
        """Whom you follow, the latest first."""
        paginator = self.pagination_class()
        rows = following_query(_actor(request).user_id or 0)
        page: list[Follow] = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(
            wire.TraderOutput([following_view(row) for row in page], many=True).data
        )


class FollowView(APIView):
    """Following one trader."""

    key_scope = "trade"

    @extend_schema(
        operation_id="following_update",
        request=None,
        responses={200: wire.FollowOutput, **errors(400, 401, 404, 409, 429)},
    )
    def put(self, request: Request, user_id: int) -> Response:
        """Follow a person with a public profile, or an agent; at most 500."""
        follows.follow(actor=_actor(request), user_id=user_id)
        return self._answer(user_id, is_followed=True)

    @extend_schema(operation_id="following_destroy", responses={200: wire.FollowOutput, **errors(401, 429)})
    def delete(self, request: Request, user_id: int) -> Response:
        """Follow somebody no longer."""
        follows.unfollow(actor=_actor(request), user_id=user_id)
        return self._answer(user_id, is_followed=False)

    def _answer(self, user_id: int, *, is_followed: bool) -> Response:
        return Response({"user_id": user_id, "is_followed": is_followed, "followers": followers_count(user_id)})


class FollowingFeedView(APIView):
    """The trades of those whom you follow."""

    @extend_schema(
        operation_id="following_feed", parameters=[wire.FeedInput], responses={200: wire.FeedOutput, **errors(400, 401)}
    )
    def get(self, request: Request) -> Response:
        """Trades of those whom you follow, each as far as its contest shows them."""
        asked = _read(wire.FeedInput, request.query_params)
        found = followed_feed(_actor(request).user_id or 0, asked.get("after"), asked["pageSize"])
        return Response(wire.FeedOutput(found).data)


MODERATION = {verb: CommentModerateView.as_view(verb=verb) for verb in ("hide", "unhide", "keep")}
