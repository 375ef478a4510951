"""Exports of the audit trail, which are audited themselves."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from core.csv_cells import safe_cell
from core.errors import Invalid
from core.models import AuditEntry
from core.services import audit

FIELDS = (
    "id",
    "created_at",
    "actor_id",
    "actor_label",
    "action",
    "subject_type",
    "subject_id",
    "before",
    "after",
    "reason",
    "ip",
    "request_id",
)
KINDS = ("json", "csv")


def audit_export(
    *, actor: object | None, rows: QuerySet[AuditEntry], kind: str, reason: str, ip: str | None = None
) -> Iterator[str]:
    """The entries as lines of JSON or CSV, oldest first, read as they are asked for.

    That someone exported them, how many and why, is in the trail before the first line is. Raises Invalid without a
    reason or with another kind.
    """
    if kind not in KINDS:
        raise Invalid("invalid", f"The format is one of: {', '.join(KINDS)}.")
    if not reason.strip():
        raise Invalid("invalid", "Say why.", {"reason": ["Say why."]})
    last = rows.order_by("-pk").values_list("pk", flat=True).first() or 0
    chosen = rows.filter(pk__lte=last).order_by("pk")
    with transaction.atomic(durable=True):
        audit.record(
            actor=actor,
            action="audit_exported",
            subject_type="audit",
            subject_id=last,
            after={"entries": chosen.count(), "format": kind},
            reason=reason.strip(),
            ip=ip,
        )
    return _csv(chosen) if kind == "csv" else _json(chosen)


class _Line:
    """Hands back what csv writes."""

    def write(self, text: str) -> str:
        return text


def _values(rows: QuerySet[AuditEntry]) -> Iterator[dict[str, Any]]:
    for row in rows.values(*FIELDS).iterator(chunk_size=1_000):
        yield row | {"created_at": row["created_at"].isoformat()}


def _json(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    for row in _values(rows):
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _csv(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(FIELDS)
    for row in _values(rows):
        yield writer.writerow([_cell(row[name]) for name in FIELDS])


def _cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return str(safe_cell(text))
