"""How much of an instrument's history the public may see: a replay's future is not on these pages."""

from __future__ import annotations

from datetime import date

from django.db import connection

# The earliest day that is not over yet in any replay that has not ended and lists the instrument. A replay that has
# not begun, or whose symbols are masked, shows nothing from its first day on.
_SQL = """
SELECT l.instrument_id, min(
    CASE WHEN m.tick < 0 OR m.tick_at IS NULL OR coalesce((m.definition->>'mask')::boolean, false)
         THEN (m.definition->>'start')::date
         ELSE (m.tick_at AT TIME ZONE 'UTC')::date END)
FROM marketdata_listing l
JOIN marketdata_market m ON m.id = l.market_id
JOIN marketdata_instrument i ON i.id = l.instrument_id
WHERE m.kind = 'replay' AND m.status <> 'ended' AND i.is_simulated
GROUP BY l.instrument_id
"""


def hidden_from() -> dict[int, date]:
    """By instrument: the first day whose bar is not shown. Instruments without a limit are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL)
        return {int(instrument_id): day for instrument_id, day in cursor.fetchall() if day is not None}
