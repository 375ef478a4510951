"""What the API of one's keys takes and gives."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.domain import keys as rules
from accounts.models import ApiKey
from accounts.selectors.keys import key_state

STATES = ("live", "expired", "revoked")


class KeyOut(serializers.ModelSerializer):
    """A key, without its secret."""

    state = serializers.SerializerMethodField()

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id",
            "name",
            "prefix",
            "scope",
            "state",
            "allowed_ips",
            "rate_per_minute",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_ip",
            "revoked_at",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_state(self, key: ApiKey) -> str:
        """`live`, `expired` or `revoked`."""
        return key_state(key, timezone.now())


class KeyMadeOut(KeyOut):
    """A key that was just made."""

    key = serializers.CharField(help_text="The key itself. It is told this once.")

    class Meta(KeyOut.Meta):
        fields = (*KeyOut.Meta.fields, "key")
        read_only_fields = fields


class _Networks(serializers.ListField):
    """Addresses and networks."""

    child = serializers.CharField(max_length=60)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=rules.MAX_NETWORKS, **kwargs)


class KeyIn(serializers.Serializer):
    """A new key, and proof that it is still you: your password, or a code of your second factor."""

    name = serializers.CharField(max_length=rules.MAX_NAME)
    scope = serializers.ChoiceField(choices=ApiKey.Scope.choices, default=ApiKey.Scope.READ)
    allowed_ips = _Networks(default=list, help_text="Addresses and networks (CIDR); none: from anywhere")
    rate_per_minute = serializers.IntegerField(
        min_value=rules.MIN_RATE, max_value=rules.MAX_RATE, default=rules.DEFAULT_RATE
    )
    expires_at = serializers.DateTimeField(
        required=False, help_text="Between an hour and two years from now; in 90 days when left out"
    )
    password = serializers.CharField(
        max_length=256, trim_whitespace=False, write_only=True, default="", allow_blank=True
    )
    code = serializers.CharField(max_length=32, write_only=True, default="", allow_blank=True)


class KeyEditIn(serializers.Serializer):
    """What of a key can be changed."""

    name = serializers.CharField(max_length=rules.MAX_NAME, required=False)
    allowed_ips = _Networks(required=False)
