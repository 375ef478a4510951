"""Reads of deletions and of copies of data."""

from accounts.domain.privacy import EXPORTS_SHOWN, DeletionView, ExportView
from accounts.models import DataExport, DeletionRequest
from core.errors import NotFound


def exports_of(user_id: int, limit: int = EXPORTS_SHOWN) -> list[ExportView]:
    """The newest copies that a person asked for, newest first."""
    return [export_view(row) for row in DataExport.objects.filter(user_id=user_id).order_by("-pk")[:limit]]


def export_require(*, user_id: int, export_id: int) -> DataExport:
    """A person's own copy. Raises NotFound for whoever else asks."""
    row = DataExport.objects.filter(pk=export_id, user_id=user_id).first()
    if row is None:
        raise NotFound("export_not_found", "There is no such copy of your data.")
    return row


def export_view(row: DataExport) -> ExportView:
    """A copy as the person sees it."""
    return ExportView(
        id=row.pk,
        status=row.status,
        progress=row.progress,
        size=row.size,
        requested_at=row.requested_at,
        ready_at=row.ready_at,
        expires_at=row.expires_at,
        message=row.error,
    )


def deletion_waiting(user_id: int) -> DeletionView | None:
    """The deletion that a person has asked for and may still take back."""
    row = DeletionRequest.objects.filter(user_id=user_id, status=DeletionRequest.Status.WAITING).first()
    return None if row is None else DeletionView(id=row.pk, requested_at=row.requested_at, due_at=row.due_at)
