"""What the API of sign-in takes and gives."""

from rest_framework import serializers

from accounts.models import User

_COOKIE = "Keep the tokens in httpOnly cookies instead of telling them"


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


class StatusOut(serializers.Serializer):
    """What has happened."""

    status = serializers.CharField()


class LinkKeyIn(serializers.Serializer):
    """The last part of a link that was mailed."""

    key = serializers.CharField(max_length=300)


class EmailIn(serializers.Serializer):
    """An address."""

    email = serializers.EmailField(max_length=254)


class ResetIn(LinkKeyIn):
    """The last part of the link, and the new password."""

    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)


class PasswordIn(serializers.Serializer):
    """The password as it is (when there is one), and as it shall be."""

    current = serializers.CharField(
        max_length=256, trim_whitespace=False, write_only=True, required=False, default="", allow_blank=True
    )
    new = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)


class _CookieIn(serializers.Serializer):
    """Something that ends in tokens."""

    cookie = serializers.BooleanField(default=False, help_text=_COOKIE)


class TokenIn(_CookieIn):
    """Credentials."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)
    code = serializers.CharField(
        max_length=32,
        default="",
        allow_blank=True,
        write_only=True,
        help_text="Of the second factor, when there is one",
    )


class SecondFactorIn(_CookieIn):
    """The ticket of `second_factor_required`, and a code of the authenticator or a recovery code."""

    ticket = serializers.CharField(max_length=2_000)
    code = serializers.CharField(max_length=32, write_only=True)


class CodeRequestIn(serializers.Serializer):
    """Where a code shall go: one of the two."""

    email = serializers.EmailField(max_length=254, required=False)
    phone = serializers.CharField(max_length=40, required=False, help_text="With its country code")

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """One of the two."""
        if len(attrs) != 1:
            raise serializers.ValidationError("Send an email or a phone.")
        return attrs


class TicketOut(serializers.Serializer):
    """What the next step needs."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds")


class CodeIn(SecondFactorIn):
    """The ticket of the code, and the code."""


class PasskeyBeginIn(serializers.Serializer):
    """A ticket of `second_factor_required`, when the passkey is the second factor."""

    ticket = serializers.CharField(max_length=2_000, default="", allow_blank=True)


class PasskeyBeginOut(TicketOut):
    """What `navigator.credentials.get` takes (JSON, bytes as base64url), and the ticket of its answer."""

    options = serializers.DictField()


class PasskeyIn(_CookieIn):
    """What the authenticator has answered."""

    ticket = serializers.CharField(max_length=2_000)
    credential = serializers.DictField(help_text="PublicKeyCredential.toJSON()")


class RefreshIn(serializers.Serializer):
    """A refresh token; without one the cookie counts, and is renewed."""

    refresh = serializers.CharField(max_length=2_000, required=False)
    cookie = serializers.BooleanField(required=False, help_text=_COOKIE)


class LogoutIn(serializers.Serializer):
    """A refresh token (else the cookie, else the access token); with `everywhere`, all of its user's sign-ins."""

    refresh = serializers.CharField(max_length=2_000, required=False)
    everywhere = serializers.BooleanField(default=False)


class ProfileIn(serializers.Serializer):
    """What a user may change about itself."""

    display_name = serializers.CharField(min_length=2, max_length=40)


class TokenOut(serializers.Serializer):
    """A token pair and its user. The tokens are left out when they are in cookies."""

    access = serializers.CharField(required=False)
    refresh = serializers.CharField(required=False)
    token_type = serializers.CharField(help_text="`Bearer`, or `Cookie`")
    expires_in = serializers.IntegerField(help_text="Seconds the access token is good for")
    user = UserOut()
