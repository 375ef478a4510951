"""What requests about chat, feeds and following carry, and the shapes of their answers."""

from __future__ import annotations

from rest_framework import serializers

from contests.domain.comments import MAX_LENGTH, MAX_REASON

LAST_ID = 2**63 - 1


class CommentInput(serializers.Serializer):
    """A message: 1 to 500 characters of plain text."""

    # The domain says what is too long or cannot be shown; this only bounds what it has to look at.
    body = serializers.CharField(max_length=MAX_LENGTH * 4, help_text=f"At most {MAX_LENGTH} characters")


class ReasonInput(serializers.Serializer):
    """Why."""

    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True, default="")


class MuteInput(ReasonInput):
    """Until when somebody may not write; null is for good."""

    until = serializers.DateTimeField(allow_null=True)


class CommentsInput(serializers.Serializer):
    """A stretch of a chat."""

    before = serializers.IntegerField(min_value=1, max_value=LAST_ID, required=False, help_text="Older than this id")
    pageSize = serializers.IntegerField(min_value=1, max_value=100, default=30)  # noqa: N815


class FeedInput(serializers.Serializer):
    """A stretch of a feed."""

    after = serializers.IntegerField(min_value=1, max_value=LAST_ID, required=False, help_text="`next` of a page")
    pageSize = serializers.IntegerField(min_value=1, max_value=100, default=20)  # noqa: N815


class CommentOutput(serializers.Serializer):
    """A message. `handle` is empty for who shows no profile."""

    id = serializers.IntegerField()
    author_id = serializers.IntegerField()
    author = serializers.CharField()
    handle = serializers.CharField()
    body = serializers.CharField(help_text="Plain text")
    created_at = serializers.DateTimeField()


class CommentsOutput(serializers.Serializer):
    """Messages, the newest first."""

    results = CommentOutput(many=True, source="rows")
    next = serializers.IntegerField(allow_null=True, help_text="`before` of the next page; null at the first message")


class ReportedOutput(serializers.Serializer):
    """A message before the moderators."""

    id = serializers.IntegerField()
    contest_id = serializers.IntegerField()
    contest_slug = serializers.CharField()
    author_id = serializers.IntegerField()
    author = serializers.CharField()
    body = serializers.CharField()
    created_at = serializers.DateTimeField()
    reports = serializers.IntegerField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text="The latest five")
    hidden_at = serializers.DateTimeField(allow_null=True)
    hidden_by = serializers.CharField()
    hidden_reason = serializers.CharField()


class MuteOutput(serializers.Serializer):
    """Who may not write in a contest. `until` null: for good."""

    user_id = serializers.IntegerField()
    name = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    decided_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class SharedTradeOutput(serializers.Serializer):
    """A trade that shows. `at` is wall time."""

    id = serializers.IntegerField()
    contest_slug = serializers.CharField()
    account_id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="person or agent")
    is_mine = serializers.BooleanField()
    side = serializers.CharField(help_text="buy or sell")
    quantity = serializers.DecimalField(max_digits=20, decimal_places=6)
    symbol = serializers.CharField()
    price = serializers.DecimalField(max_digits=18, decimal_places=6)
    at = serializers.DateTimeField()


class FeedOutput(serializers.Serializer):
    """Trades, the newest first. `sees_others`: whether those of other people show now."""

    results = SharedTradeOutput(many=True, source="rows")
    next = serializers.IntegerField(allow_null=True, help_text="`after` of the next page; null where they end")
    sees_others = serializers.BooleanField()


class TraderOutput(serializers.Serializer):
    """Somebody who is followed. `is_hidden`: not public any more."""

    user_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    handle = serializers.CharField()
    since = serializers.DateTimeField()
    is_hidden = serializers.BooleanField()


class FollowOutput(serializers.Serializer):
    """What became of it."""

    user_id = serializers.IntegerField()
    is_followed = serializers.BooleanField()
    followers = serializers.IntegerField()
