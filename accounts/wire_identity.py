"""What the API takes and gives about identity checks."""

from typing import Any

from rest_framework import serializers

from accounts.domain.identity import IdentityView
from accounts.models import IdentityCheck, IdentityDocument


class IdentityIn(serializers.Serializer):
    """Who one is, as on the document."""

    legal_name = serializers.CharField(max_length=120)
    country = serializers.CharField(max_length=2, help_text="ISO 3166-1 alpha-2")


class IdentityDocumentIn(serializers.Serializer):
    """One document: JPEG, PNG, WebP or PDF of at most 8 MB."""

    kind = serializers.ChoiceField(choices=IdentityDocument.Kind.choices)
    file = serializers.FileField()


class IdentityOut(serializers.Serializer):
    """Where the check stands."""

    status = serializers.ChoiceField(choices=[("", "None"), *IdentityCheck.Status.choices], allow_blank=True)
    legal_name = serializers.CharField(allow_blank=True)
    country = serializers.CharField(allow_blank=True)
    documents = serializers.ListField(child=serializers.CharField(), help_text="Kinds that are there")
    missing = serializers.ListField(child=serializers.CharField(), help_text="Kinds without which it cannot be sent")
    submitted_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True, help_text="Of the decision")


def identity_data(view: IdentityView) -> dict[str, Any]:
    """A check as the API gives it."""
    return dict(IdentityOut(view).data)
