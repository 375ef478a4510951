"""What the accounts API takes and gives."""

from rest_framework import serializers

from accounts.models import User


class UserOut(serializers.ModelSerializer):
    """A user, to itself."""

    class Meta:
        model = User
        fields = ("id", "email", "display_name", "kind", "role", "status", "date_joined")
        read_only_fields = fields


class RegisterIn(serializers.Serializer):
    """A new user."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)
    display_name = serializers.CharField(min_length=2, max_length=40)


class TokenIn(serializers.Serializer):
    """Credentials."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)


class RefreshIn(serializers.Serializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=2_000)


class LogoutIn(RefreshIn):
    """A refresh token to use up; with `everywhere`, every token of its user."""

    everywhere = serializers.BooleanField(default=False)


class ProfileIn(serializers.Serializer):
    """What a user may change about itself."""

    display_name = serializers.CharField(min_length=2, max_length=40)


class TokenOut(serializers.Serializer):
    """A token pair and its user."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.SerializerMethodField()
    expires_in = serializers.IntegerField(help_text="Seconds the access token is good for")
    user = UserOut()

    def get_token_type(self, pair: object) -> str:  # noqa: ARG002
        """The scheme to send the access token with."""
        return "Bearer"
