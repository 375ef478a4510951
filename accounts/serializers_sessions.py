"""What the API of one's sign-ins takes and gives."""

from rest_framework import serializers

from accounts.models import SignIn


class SignInOut(serializers.Serializer):
    """Where one is signed in."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(SignIn.Kind.choices)
    device = serializers.CharField(help_text="Browser and system, as they say themselves")
    place = serializers.CharField()
    ip = serializers.CharField(allow_blank=True)
    method = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    is_this = serializers.BooleanField(help_text="Whether this request belongs to it")


class EndAllIn(serializers.Serializer):
    """Which sign-ins to end."""

    keep_this = serializers.BooleanField(default=False, help_text="Stay signed in here")


class EndedOut(serializers.Serializer):
    """What was ended."""

    ended = serializers.IntegerField()
