"""Identity checks: a person sends documents, one person of the platform looks, a second one decides."""

from collections.abc import Sequence

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from accounts.adapters.documents import ActiveDocumentError, Checked, document_check
from accounts.adapters.identity import provider
from accounts.adapters.images import ImageBombError, NotAnImageError
from accounts.domain import identity as domain
from accounts.domain.identity import IdentityView
from accounts.locks import identity_lock, user_lock
from accounts.models import IdentityCheck, IdentityDocument, User
from accounts.selectors.identity import document_get, identity_of
from accounts.services.notices import notify_in_tx
from accounts.services.reasons import reason_require
from core.errors import Conflict, Forbidden, Invalid
from core.services import audit, outbox

EXPIRE_BATCH = 500


def identity_details(*, user_id: int, legal_name: str, country: str, countries: Sequence[str]) -> IdentityView:
    """Say who one is: begins an application, or changes one that is not sent. Raises Conflict `identity_not_open`."""
    legal_name = " ".join(legal_name.split())
    if not 2 <= len(legal_name) <= 120:
        raise _field("legal_name", "Give the name that is on your document, 2 to 120 characters.")
    if country not in countries:
        raise _field("country", "Choose the country of your document.")
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        check = _draft_in_tx(user)
        check.legal_name, check.country = legal_name, country
        check.save(update_fields=["legal_name", "country"])
    return identity_of(user_id)


def document_add(*, user_id: int, kind: str, data: bytes, ip: str | None = None) -> IdentityView:
    """Add a document to one's application, in place of one of its kind.

    Raises Invalid: `document_kind`, `document_too_large`, `document_not_readable`, `document_bomb`, `document_active`;
    Conflict `identity_not_open` once the application is sent.
    """
    if kind not in IdentityDocument.Kind.values:
        raise Invalid("document_kind", f"A document is one of: {', '.join(IdentityDocument.Kind.values)}.")
    size_check(len(data))
    checked = _checked(data)
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        check = _draft_in_tx(user)
        _remove_in_tx(check, kind)
        row = IdentityDocument(
            check_of=check, kind=kind, content_type=checked.content_type, size=len(checked.data), sha256=checked.sha256
        )
        row.file.save(kind, ContentFile(checked.data), save=False)
        row.save()
        audit.record(
            actor=user,
            action="identity_document_added",
            subject_type="identity_check",
            subject_id=check.pk,
            after={"kind": kind, "sha256": checked.sha256},
            ip=ip,
        )
    return identity_of(user_id)


def size_check(size: int) -> None:
    """Raise Invalid for a file that is too large, or none at all."""
    if size > domain.MAX_BYTES:
        raise Invalid("document_too_large", "This file is larger than 8 MB. Send a smaller one.")
    if not size:
        raise Invalid("document_not_readable", "Choose a file first.")


def identity_submit(*, user_id: int, ip: str | None = None) -> IdentityView:
    """Send the application. Raises Invalid `identity_incomplete` with what is missing, Conflict `identity_not_open`."""
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        view = identity_of(user_id)
        if not view.may_edit or view.check_id is None:
            raise _not_open()
        missing = [*([] if view.legal_name and view.country else ["details"]), *view.missing]
        if missing:
            raise Invalid("identity_incomplete", "Something is missing still.", {"missing": missing})
        check = identity_lock(view.check_id)
        check.status, check.submitted_at, check.provider = domain.SUBMITTED, timezone.now(), provider().name
        check.save(update_fields=["status", "submitted_at", "provider"])
        _record(check, actor=user, action="identity_submitted", before=domain.DRAFT, ip=ip)
        application = domain.Application(check.pk, check.legal_name, check.country, view.documents)
    decision = provider().examine(application)
    if decision is not None:
        _decide(check_id=check.pk, actor=None, approve=decision.approved, reason=decision.reason, ip=None)
    return identity_of(user_id)


def identity_assess(*, actor: User, check_id: int, approve: bool, note: str, ip: str | None = None) -> IdentityCheck:
    """The first look: recommend approval or rejection, with a note for the second person.

    Raises Forbidden `not_yourself`; Conflict `identity_not_waiting` when somebody was faster.
    """
    note = reason_require(note)
    with transaction.atomic(durable=True):
        check = identity_lock(check_id)
        _not_oneself(actor, check)
        if check.status != domain.SUBMITTED:
            raise Conflict("identity_not_waiting", f"This check is {check.status}; somebody may have been faster.")
        check.status, check.assessed_by, check.assessment = domain.ASSESSED, actor, note
        check.recommends_approval = approve
        check.save(update_fields=["status", "assessed_by", "assessment", "recommends_approval"])
        _record(check, actor=actor, action="identity_assessed", before=domain.SUBMITTED, reason=note, ip=ip)
    return check


def identity_decide(*, actor: User, check_id: int, approve: bool, reason: str, ip: str | None = None) -> IdentityCheck:
    """The second look decides; the person is told, with the reason.

    Raises Forbidden `second_person_needed` for the one who assessed it, `not_yourself`; Conflict
    `identity_not_waiting` before the first look and after the decision.
    """
    return _decide(check_id=check_id, actor=actor, approve=approve, reason=reason_require(reason), ip=ip)


def identities_expire() -> int:
    """End approvals whose time is over, and tell the people; returns how many."""
    over = IdentityCheck.objects.filter(status=domain.APPROVED, expires_at__lte=timezone.now())
    ended = 0
    for check_id in list(over.order_by("pk").values_list("pk", flat=True)[:EXPIRE_BATCH]):
        with transaction.atomic(durable=True):
            check = identity_lock(check_id)
            if check.status != domain.APPROVED:
                continue
            check.status = domain.EXPIRED
            check.save(update_fields=["status"])
            _record(check, actor=None, action="identity_expired", before=domain.APPROVED)
            _tell(check, "expired", "It was good for two years. Send your documents again before your next payout.")
        ended += 1
    return ended


def document_open(*, actor: User, document_id: int, ip: str | None = None) -> IdentityDocument:
    """A document for a reviewer to look at; that they did is audited. Raises NotFound, Forbidden `not_yourself`."""
    with transaction.atomic(durable=True):
        document = document_get(document_id)
        _not_oneself(actor, document.check_of)
        audit.record(
            actor=actor,
            action="identity_document_seen",
            subject_type="identity_check",
            subject_id=document.check_of_id,
            after={"kind": document.kind},
            ip=ip,
        )
    return document


def _decide(*, check_id: int, actor: User | None, approve: bool, reason: str, ip: str | None) -> IdentityCheck:
    with transaction.atomic(durable=True):
        check = identity_lock(check_id)
        before = check.status
        if actor is not None:
            _not_oneself(actor, check)
            if check.assessed_by_id == actor.pk:
                raise Forbidden("second_person_needed", "You looked at this first. A second person has to decide.")
        waiting = domain.ASSESSED if actor is not None else domain.SUBMITTED
        wanted = domain.APPROVED if approve else domain.REJECTED
        if before != waiting or not domain.may_become(before, wanted):
            raise Conflict("identity_not_waiting", f"This check is {before}; somebody may have been faster.")
        now = timezone.now()
        check.status, check.decided_by, check.decided_at, check.reason = wanted, actor, now, reason
        check.expires_at = now + domain.VALID_FOR if approve else None
        check.save(update_fields=["status", "decided_by", "decided_at", "reason", "expires_at"])
        _record(check, actor=actor, action=f"identity_{wanted}", before=before, reason=reason, ip=ip)
        _tell(check, "approved" if approve else "not accepted", reason)
    return check


def _draft_in_tx(user: User) -> IdentityCheck:
    view = identity_of(user.pk)
    if view.may_edit:
        return identity_lock(int(view.check_id or 0))
    if not view.may_start:
        raise _not_open()
    if view.status == domain.EXPIRED:
        IdentityCheck.objects.filter(user_id=user.pk, status=domain.APPROVED).update(status=domain.EXPIRED)
    return IdentityCheck.objects.create(user=user, provider=provider().name)


def _remove_in_tx(check: IdentityCheck, kind: str) -> None:
    for old in IdentityDocument.objects.filter(check_of=check, kind=kind, purged_at__isnull=True):
        storage, name = old.file.storage, old.file.name
        old.delete()
        if name:
            transaction.on_commit(lambda storage=storage, name=name: storage.delete(name), robust=True)  # type: ignore[misc]


def _checked(data: bytes) -> Checked:
    try:
        return document_check(data)
    except ImageBombError as error:
        raise Invalid("document_bomb", "This picture has too many pixels. Use one of at most 24 megapixels.") from error
    except ActiveDocumentError as error:
        words = "This PDF has scripts, attachments or a password. Send a plain one, or a photo."
        raise Invalid("document_active", words) from error
    except NotAnImageError as error:
        words = "This file cannot be read. Send a JPEG, PNG, WebP or PDF."
        raise Invalid("document_not_readable", words) from error


def _not_oneself(actor: User, check: IdentityCheck) -> None:
    if check.user_id == actor.pk:
        raise Forbidden("not_yourself", "Somebody else has to look at your own documents.")


def _record(
    check: IdentityCheck, *, actor: User | None, action: str, before: str, reason: str = "", ip: str | None = None
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="identity_check",
        subject_id=check.pk,
        before={"status": before},
        after={"status": check.status},
        reason=reason,
        ip=ip,
    )
    payload = {"user_id": check.user_id, "check_id": check.pk, "status": check.status}
    outbox.emit(topic="accounts.identity_changed", aggregate=f"user:{check.user_id}", payload=payload)


def _tell(check: IdentityCheck, status: str, reason: str) -> None:
    notify_in_tx(
        user_id=check.user_id,
        kind="identity_decided",
        dedupe=f"identity:{check.pk}:{check.status}",
        params={"status": status, "reason": reason},
        url="/settings/identity",
    )


def _field(name: str, message: str) -> Invalid:
    return Invalid("invalid", message, {name: [message]})


def _not_open() -> Conflict:
    return Conflict("identity_not_open", "Your documents are with us already and cannot be changed now.")
