"""What the API takes and gives about notifications."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.domain.catalogue import CATALOGUE, CHANNELS
from accounts.models import Notification, NotificationSettings, PushSubscription
from accounts.selectors.notices import Wishes
from accounts.services.notice_choices import MAX_RANK_STEP
from accounts.services.notices import MOST_IDS

_KINDS = sorted(kind.key for kind in CATALOGUE.values() if kind.is_listed)


class NoticeOut(serializers.ModelSerializer):
    """Something that one was told."""

    group = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ("id", "kind", "group", "title", "body", "url", "params", "created_at", "read_at")
        read_only_fields = fields

    def get_group(self, row: Notification) -> str:
        """The catalogue's group of its kind."""
        return CATALOGUE[row.kind].group if row.kind in CATALOGUE else ""


class NoticeQuery(serializers.Serializer):
    """Which notifications to list."""

    unread = serializers.BooleanField(required=False, default=False, help_text="Only what is not read")
    group = serializers.ChoiceField(
        choices=sorted({kind.group for kind in CATALOGUE.values()}), required=False, default="", allow_blank=True
    )


class ReadIn(serializers.Serializer):
    """Which notifications are read: these, or all."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=MOST_IDS, required=False
    )
    all = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two."""
        if attrs["all"] == ("ids" in attrs):
            raise serializers.ValidationError("Give either `ids` or `all: true`.")
        return attrs


class UnreadOut(serializers.Serializer):
    """How many are unread, counted up to 100."""

    unread = serializers.IntegerField()


class ChoiceOut(serializers.Serializer):
    """One kind by one channel."""

    channel = serializers.ChoiceField(choices=CHANNELS)
    is_on = serializers.BooleanField()
    is_fixed = serializers.BooleanField(help_text="Whether it cannot be switched off")


class KindOut(serializers.Serializer):
    """One kind with its channels."""

    kind = serializers.CharField(source="kind.key")
    group = serializers.CharField(source="kind.group")
    label = serializers.CharField(source="kind.label")  # type: ignore[assignment]  # DRF's own name for a field's words
    is_urgent = serializers.BooleanField(source="kind.is_urgent", help_text="Ignores quiet hours and the digest")
    channels = ChoiceOut(many=True)


class WishesOut(serializers.Serializer):
    """What one wants to be told, how and when. Quiet hours are in one's own time zone."""

    kinds = KindOut(many=True)
    quiet_from = serializers.TimeField(allow_null=True)
    quiet_until = serializers.TimeField(allow_null=True)
    digest = serializers.ChoiceField(choices=NotificationSettings.Digest.choices)
    rank_step = serializers.IntegerField()
    time_zone = serializers.CharField()


class ChoiceIn(serializers.Serializer):
    """One choice."""

    kind = serializers.ChoiceField(choices=_KINDS)
    channel = serializers.ChoiceField(choices=CHANNELS)
    is_on = serializers.BooleanField()


class WishesIn(serializers.Serializer):
    """What is to change; what is left out stays."""

    choices = serializers.ListField(child=ChoiceIn(), required=False, max_length=len(_KINDS) * len(CHANNELS))
    quiet_from = serializers.TimeField(required=False, allow_null=True)
    quiet_until = serializers.TimeField(required=False, allow_null=True)
    digest = serializers.ChoiceField(choices=NotificationSettings.Digest.choices, required=False)
    rank_step = serializers.IntegerField(min_value=1, max_value=MAX_RANK_STEP, required=False)


class SubscriptionIn(serializers.Serializer):
    """A browser's push subscription, as PushSubscription.toJSON() has it."""

    endpoint = serializers.CharField(max_length=500)
    p256dh = serializers.CharField(max_length=120)
    auth = serializers.CharField(max_length=60)


class SubscriptionEndIn(serializers.Serializer):
    """Which browser is told nothing more."""

    endpoint = serializers.CharField(max_length=500)


class SubscriptionOut(serializers.ModelSerializer):
    """A browser that takes web push."""

    class Meta:
        model = PushSubscription
        fields = ("id", "endpoint", "user_agent", "created_at")
        read_only_fields = fields


def wishes_data(wishes: Wishes) -> dict[str, Any]:
    """The answer about what one wants."""
    kinds = [row for rows in wishes.groups.values() for row in rows]
    names = ("quiet_from", "quiet_until", "digest", "rank_step", "time_zone")
    return dict(WishesOut({"kinds": kinds, **{name: getattr(wishes, name) for name in names}}).data)
