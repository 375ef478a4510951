"""What the API takes and gives about copies of data and deletion."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from rest_framework import serializers

from accounts.domain.privacy import DeletionView, ExportView
from accounts.models import DataExport, User
from accounts.services import exports
from core.errors import Invalid


class ProofIn(serializers.Serializer):
    """Proof that it is still the person: the current password, or a code of the second factor."""

    password = serializers.CharField(max_length=256, trim_whitespace=False, required=False, default="", write_only=True)
    code = serializers.CharField(max_length=32, required=False, default="", write_only=True)


class DeletionIn(ProofIn):
    """Proof, and the word `delete` or one's own email address."""

    confirm = serializers.CharField(max_length=254, help_text="`delete`, or your email address")


class ExportOut(serializers.Serializer):
    """A copy of one's data."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=DataExport.Status.choices)
    progress = serializers.IntegerField(help_text="Percent")
    size = serializers.IntegerField(help_text="Bytes")
    requested_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    message = serializers.CharField(allow_blank=True, help_text="Why it failed")
    url = serializers.CharField(allow_blank=True, help_text="Where to fetch it, once it is ready")


class DeletionOut(serializers.Serializer):
    """A deletion that waits for its day."""

    requested_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()


class AgreedOut(serializers.Serializer):
    """A text that one agreed to."""

    kind = serializers.CharField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    accepted_at = serializers.DateTimeField()


class PrivacyOut(serializers.Serializer):
    """Where one stands: copies, a deletion that waits, what one agreed to."""

    exports = ExportOut(many=True)
    deletion = DeletionOut(allow_null=True)
    consents = AgreedOut(many=True)
    deletion_grace_days = serializers.IntegerField()
    export_link_days = serializers.IntegerField()


def export_data(view: ExportView) -> dict[str, Any]:
    """A copy."""
    shown = ("id", "status", "progress", "size", "requested_at", "ready_at", "expires_at", "message")
    values = {name: getattr(view, name) for name in shown}
    values["url"] = f"/api/v1/me/privacy/exports/{view.id}/file" if view.is_ready else ""
    return dict(ExportOut(values).data)


def deletion_data(view: DeletionView | None) -> dict[str, Any] | None:
    """A deletion."""
    return None if view is None else dict(DeletionOut(view).data)


def unconfirmed() -> Invalid:
    """What was typed does not confirm the deletion."""
    message = "Type delete, or your email address, to confirm."
    return Invalid("confirmation_needed", message, {"confirm": [message]})


def export_response(user: User, export_id: int, ip: str | None) -> FileResponse:
    """A copy as a download that nothing on the way keeps."""
    file, row = exports.export_open(user=user, export_id=export_id, ip=ip)
    made = row.ready_at or row.requested_at
    name = f"trading-arena-data-{made:%Y-%m-%d}.zip"
    response = FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
