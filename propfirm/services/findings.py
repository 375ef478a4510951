"""Findings about pairs of accounts: people say what they mean."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from core.errors import Conflict, Invalid
from core.services import audit, outbox
from propfirm.locks import finding_lock
from propfirm.models import PropFinding
from propfirm.services.operators import operator_require, other_person_require

DECISIONS = (PropFinding.Status.CONFIRMED, PropFinding.Status.DISMISSED)


def finding_decide(*, actor: User, finding_id: int, status: str, reason: str) -> PropFinding:
    """Confirm or dismiss an open finding; nothing is done to anyone by itself.

    Raises Forbidden (also `own_account` for who has one of the two); NotFound; Invalid `reason_needed`,
    `decision_invalid`; Conflict `finding_decided`.
    """
    operator_require(actor)
    reason = reason.strip()[:300]
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    if status not in DECISIONS:
        raise Invalid("decision_invalid", "Confirm it or dismiss it.", {"field": "status"})
    with transaction.atomic():
        finding = finding_lock(finding_id)
        for account in (finding.left, finding.right):
            other_person_require(account, actor)
        if finding.status != PropFinding.Status.OPEN:
            words = f"This finding is {finding.get_status_display().lower()} already."
            raise Conflict("finding_decided", words, {"status": finding.status})
        finding.status, finding.decided_by, finding.reason = status, actor, reason
        finding.save(update_fields=["status", "decided_by", "reason"])
        payload = {
            "finding_id": finding.pk,
            "kind": finding.kind,
            "left_id": finding.left_id,
            "right_id": finding.right_id,
            "status": status,
        }
        audit.record(
            actor=actor, action=f"prop_finding.{status}", subject_type="prop_finding", subject_id=finding.pk,
            before={"status": PropFinding.Status.OPEN.value}, after=payload, reason=reason,
        )  # fmt: skip
        outbox.emit(topic="propfirm.finding_decided", aggregate=f"prop_finding:{finding.pk}", payload=payload)
    return finding
