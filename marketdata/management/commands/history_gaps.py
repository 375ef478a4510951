"""What is missing in stored history."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.models import Instrument
from marketdata.selectors.gaps import Gaps, history_gaps

SHOWN = 10
MAX_INSTRUMENTS = 5_000


class Command(BaseCommand):
    help = (
        "Compare stored bars with the sessions of their exchanges: missing days, bars on days without a session, and "
        "with --minutes missing bars of minutes. Ends with 1 when anything is missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--symbols", nargs="+", default=[], metavar="SYMBOL", help="default: all with history")
        parser.add_argument("--start", type=date.fromisoformat, help="YYYY-MM-DD (default: the first stored bar)")
        parser.add_argument("--end", type=date.fromisoformat, help="YYYY-MM-DD (default: the last session)")
        parser.add_argument("--minutes", type=int, nargs="?", const=1, help="look for bars of so many minutes too (1)")
        parser.add_argument("--json", action="store_true", help="one JSON document a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        rows = Instrument.objects.order_by("symbol")
        wanted = [symbol.upper() for symbol in options["symbols"]]
        rows = rows.filter(symbol__in=wanted) if wanted else rows.filter(series__isnull=False)
        found = list(rows[:MAX_INSTRUMENTS])
        unknown = sorted(set(wanted) - {row.symbol for row in found})
        if unknown:
            raise CommandError(f"there is no instrument {', '.join(unknown)}")
        now, broken = datetime.now(tz=UTC), 0
        for row in found:
            try:
                gaps = history_gaps(
                    row, first=options["start"], last=options["end"], minutes=options["minutes"], now=now
                )
            except DomainError as error:
                self.stderr.write(f"{row.symbol}: {error.code}: {error.message}")
                broken += 1
                continue
            broken += not gaps.is_whole
            self.stdout.write(json.dumps(asdict(gaps), default=str) if options["json"] else _text(gaps))
        if broken:
            raise CommandError(f"{broken} of {len(found)} instruments have gaps")


def _text(gaps: Gaps) -> str:
    head = f"{gaps.symbol} ({gaps.exchange}) {gaps.first} to {gaps.last}, {gaps.sessions} sessions"
    lines = [f"{head}: {'whole' if gaps.is_whole else f'{len(gaps.missing_days)} days missing'}"]
    if gaps.missing_days:
        lines.append(f"  missing: {_first(gaps.missing_days)}")
    if gaps.strays:
        lines.append(f"  bars without a session: {_first(gaps.strays)}")
    for gap in gaps.missing_minutes[:SHOWN]:
        ranges = ", ".join(f"{begin:%H:%M} to {end:%H:%M}" for begin, end in gap.ranges[:3])
        lines.append(f"  {gap.date}: {gap.missing} of {gap.expected} bars missing, {ranges} UTC")
    if len(gaps.missing_minutes) > SHOWN:
        lines.append(f"  and {len(gaps.missing_minutes) - SHOWN} more sessions")
    return "\n".join(lines)


def _first(days: tuple[date, ...]) -> str:
    more = f" and {len(days) - SHOWN} more" if len(days) > SHOWN else ""
    return ", ".join(str(day) for day in days[:SHOWN]) + more
