"""Reads of identity checks."""

from django.utils import timezone

from accounts.domain.identity import APPROVED, EXPIRED, IdentityView
from accounts.models import IdentityCheck, IdentityDocument
from core.errors import Forbidden, NotFound

URL = "/settings/identity"
_WORDS = {
    "": "Your identity has not been checked yet. Send your documents first.",
    "draft": "Your identity check is not sent yet. Finish it first.",
    "submitted": "Your identity check is being looked at. Try again once it is approved.",
    "assessed": "Your identity check is being looked at. Try again once it is approved.",
    "rejected": "Your identity check was not accepted. Read why, and send it again.",
    "expired": "Your identity check has expired. Send your documents again.",
}


def identity_of(user_id: int) -> IdentityView:
    """Where a person's newest check stands, with the kinds of documents that are there."""
    row = IdentityCheck.objects.filter(user_id=user_id).order_by("-pk").first()
    if row is None:
        return IdentityView()
    kinds = IdentityDocument.objects.filter(check_of=row, purged_at__isnull=True).order_by("pk")
    over = row.status == APPROVED and row.expires_at is not None and row.expires_at <= timezone.now()
    return IdentityView(
        status=EXPIRED if over else row.status,
        check_id=row.pk,
        legal_name=row.legal_name,
        country=row.country,
        documents=tuple(kinds.values_list("kind", flat=True)),
        submitted_at=row.submitted_at,
        decided_at=row.decided_at,
        expires_at=row.expires_at,
        reason=row.reason if row.decided_at else "",
    )


def identity_status(user_id: int) -> str:
    """The status in a word; empty when there was no check."""
    return identity_of(user_id).status


def identity_require(user_id: int) -> None:
    """Raise Forbidden `identity_needed` unless the person is known: asked before payouts and prizes."""
    found = identity_of(user_id)
    if not found.is_approved:
        raise Forbidden("identity_needed", _WORDS[found.status], {"status": found.status, "url": URL})


def document_get(document_id: int) -> IdentityDocument:
    """A document that is still there. Raises NotFound."""
    row = IdentityDocument.objects.select_related("check_of").filter(pk=document_id, purged_at__isnull=True).first()
    if row is None or not row.file:
        raise NotFound("document_not_found", "There is no such document.")
    return row
