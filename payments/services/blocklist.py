"""Who must not be paid: lists that operators load, and whether somebody looks like one of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from core.errors import Invalid
from core.services import audit
from payments.domain.names import name_key
from payments.models import BlockedParty

MOST_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class Match:
    """A name on a list that a person's name is equal to."""

    name: str
    country: str
    source: str


def blocked_matches(*, name: str, country: str) -> list[Match]:
    """Entries that this name is; those of a country only for people of it. For people to look at, never a verdict."""
    key = name_key(name)
    if not key:
        return []
    rows = BlockedParty.objects.filter(key=key, is_active=True).filter(Q(country="") | Q(country=country.upper()))
    return [Match(row.name, row.country, row.source) for row in rows.order_by("pk")[:20]]


def blocklist_load(*, actor: object | None, source: str, lines: Iterable[str]) -> tuple[int, int]:
    """Replace the entries of a source by a CSV with the columns name, country, note: (in force, no longer in force).

    Raises Invalid for a file without names, or one that is too long.
    """
    rows = list(csv.DictReader(lines))
    if not rows or "name" not in rows[0] or len(rows) > MOST_ROWS:
        raise Invalid("blocklist_unreadable", f"Give a CSV with a column `name` and at most {MOST_ROWS:,} rows.")
    wanted: dict[tuple[str, str], BlockedParty] = {}
    for row in rows:
        name, country = (row.get("name") or "").strip()[:160], (row.get("country") or "").strip().upper()[:2]
        if name_key(name):
            wanted[(name_key(name), country)] = BlockedParty(
                name=name, key=name_key(name), country=country, source=source, note=(row.get("note") or "")[:300]
            )
    with transaction.atomic(durable=True):
        old = BlockedParty.objects.select_for_update(no_key=True).filter(source=source)
        gone = [row.pk for row in old if (row.key, row.country) not in wanted and row.is_active]
        BlockedParty.objects.filter(pk__in=gone).update(is_active=False)
        BlockedParty.objects.bulk_create(
            wanted.values(),
            batch_size=2_000,
            update_conflicts=True,
            unique_fields=["key", "country", "source"],
            update_fields=["name", "note", "is_active"],
        )
        audit.record(
            actor=actor,
            action="blocklist.load",
            subject_type="blocklist",
            subject_id=source[:64],
            after={"in_force": len(wanted), "ended": len(gone)},
        )
    return len(wanted), len(gone)
