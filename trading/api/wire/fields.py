"""Fields that several shapes share."""

from rest_framework import serializers


class ExactNumberField(serializers.CharField):
    """A number sent as a string or an integer, so that nothing is rounded on the way."""


def optional_number(help_text: str = "") -> ExactNumberField:
    """A number that may be left out."""
    return ExactNumberField(required=False, allow_null=True, default=None, help_text=help_text or None)


def account_id() -> serializers.IntegerField:
    """An account's id."""
    return serializers.IntegerField(min_value=1, max_value=2**63 - 1)
