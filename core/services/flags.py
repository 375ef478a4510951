"""Switching the platform's switches."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from core.errors import Invalid
from core.flags import flags_forget
from core.models import SystemFlag
from core.services import audit, outbox


def flag_set(
    *,
    actor: object | None,
    key: str,
    is_on: bool,
    reason: str,
    message: str = "",
    until: datetime | None = None,
    ip: str | None = None,
) -> SystemFlag:
    """Turn a switch on or off, from now on in every process within a second.

    The message is shown on every page while it is on; `until` (aware) is when it ends by itself. Setting it as it is
    changes nothing. Raises Invalid: `flag_unknown`, `invalid` without a reason, with a moment that has passed, or with
    a message of more than 200 characters.
    """
    if key not in SystemFlag.Key.values:
        raise Invalid("flag_unknown", f"There is no such switch. Known are: {', '.join(SystemFlag.Key.values)}.")
    if not reason.strip():
        raise Invalid("invalid", "Say why.", {"reason": ["Say why."]})
    if until is not None and until <= datetime.now(tz=UTC):
        raise Invalid("invalid", "That moment has passed.", {"until": ["That moment has passed."]})
    if len(message) > 200:
        raise Invalid("invalid", "At most 200 characters.", {"message": ["At most 200 characters."]})
    with transaction.atomic(durable=True):
        SystemFlag.objects.get_or_create(key=key)
        row = SystemFlag.objects.select_for_update().get(key=key)
        before = _shape(row)
        row.is_on, row.message, row.until = is_on, message.strip() if is_on else "", until if is_on else None
        if _shape(row) != before:
            row.changed_at = datetime.now(tz=UTC)
            row.save()
            _tell(row, before, actor=actor, reason=reason.strip(), ip=ip)
        transaction.on_commit(flags_forget)
    flags_forget()
    return row


def _tell(row: SystemFlag, before: dict[str, Any], *, actor: object | None, reason: str, ip: str | None) -> None:
    audit.record(
        actor=actor,
        action="flag_set",
        subject_type="flag",
        subject_id=row.key,
        before=before,
        after=_shape(row),
        reason=reason,
        ip=ip,
    )
    outbox.emit(topic="core.flag_changed", aggregate=f"flag:{row.key}", payload={"key": row.key, "is_on": row.is_on})


def _shape(row: SystemFlag) -> dict[str, Any]:
    until = row.until.isoformat() if row.until is not None else None
    return {"is_on": row.is_on, "message": row.message, "until": until}
