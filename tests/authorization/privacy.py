"""Who may use the routes of privacy and data."""

from collections.abc import Callable
from datetime import timedelta

from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import DataExport, User

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "settings/privacy"): "self",
    ("POST", "settings/privacy/exports"): "self",
    ("GET", "settings/privacy/exports/list"): "self",
    ("GET", "settings/privacy/exports/<int:export_id>/file"): "owner",
    ("GET", "settings/privacy/delete"): "self",
    ("POST", "settings/privacy/delete"): "self",
    ("POST", "settings/privacy/keep"): "self",
    ("GET", "api/v1/me/privacy"): "self",
    ("GET", "api/v1/me/privacy/exports"): "self",
    ("POST", "api/v1/me/privacy/exports"): "self",
    ("GET", "api/v1/me/privacy/exports/<int:export_id>/file"): "owner",
    ("POST", "api/v1/me/privacy/deletion"): "self",
    ("DELETE", "api/v1/me/privacy/deletion"): "self",
}


def _ready_export(owner: User) -> int:
    """A copy that the owner can fetch."""
    now = timezone.now()
    row = DataExport(user=owner, status="ready", size=5, progress=100, ready_at=now)
    row.expires_at = now + timedelta(days=1)
    row.file.save("x", ContentFile(b"a zip"), save=False)
    row.save()
    return row.pk


ARGS: dict[str, Callable[[User], object]] = {"<int:export_id>": _ready_export}
