"""What our journals say moved at a provider, by the object that moved it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from payments.domain import chart

# A journal's reference names our row (payment:12:captured:500), the row names the provider's object.
_BOOKED = """
WITH moved AS (
    SELECT j.reference, j.created_at, p.amount_minor, p.currency,
        split_part(j.reference, ':', 1) AS kind,
        CASE WHEN split_part(j.reference, ':', 2) ~ '^[0-9]+$' THEN split_part(j.reference, ':', 2)::bigint END AS id
    FROM core_posting p
    JOIN core_journal j ON j.id = p.journal_id
    JOIN core_ledgeraccount a ON a.id = p.account_id
    WHERE a.book = 'real' AND a.code = %(clearing)s AND j.kind NOT IN ('statement', 'reconciliation')
), named AS (
    SELECT coalesce(pay.charge_ref, ref.ref, dis.ref, po.ref, m.reference) AS source, m.*
    FROM moved m
    LEFT JOIN payments_payment pay ON m.kind = 'payment' AND pay.id = m.id
    LEFT JOIN payments_refund ref ON m.kind = 'refund' AND ref.id = m.id
    LEFT JOIN payments_dispute dis ON m.kind = 'dispute' AND dis.id = m.id
    LEFT JOIN payments_payout po ON m.kind = 'payout' AND po.id = m.id
)
SELECT source, currency, sum(amount_minor)::bigint, max(created_at) FROM named
WHERE source = ANY(%(also)s)
    OR source IN (SELECT source FROM named WHERE created_at >= %(since)s AND created_at < %(until)s)
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Booked:
    """What an object moved, as booked (minor units, positive towards us), and when it was booked last."""

    minor: int
    at: datetime


def booked_by_source(
    provider: str, *, since: datetime, until: datetime, also: Iterable[str]
) -> Mapping[tuple[str, str], Booked]:
    """By (the provider's reference, currency): of what was booked in a time, and of what is named in `also`."""
    values: dict[str, str | datetime | list[str]] = {
        "clearing": chart.clearing(provider),
        "since": since,
        "until": until,
        "also": list(also),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BOOKED, values)
        return {(source, currency): Booked(int(minor), at) for source, currency, minor, at in cursor.fetchall()}
