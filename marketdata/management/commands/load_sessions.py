"""Load exchanges, their rules and their calendars."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.domain.exchanges import EXCHANGES, exchange_seed
from marketdata.services.sessions import calendar_import, calendar_load, exchanges_seed


class Command(BaseCommand):
    help = (
        "Load exchanges with their phases, price grids, bands and policies, and the calendars that the library knows: "
        "US to the end of next year, NSE to the end of 2026. What an operator changed stays. With --csv: load an "
        "exchange's own list of whole years (date,name[,opens,closes], local times)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exchange", help="only this one (default: all with a calendar in the library)")
        parser.add_argument(
            "--from", dest="first", type=date.fromisoformat, help="first day (default: as far as known)"
        )
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last day (default: end of next year)")
        parser.add_argument("--csv", type=Path, help="a list of holidays and special sessions; needs --exchange")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self._handle(options)
        except DomainError as error:
            for row in error.details.get("rows", []):
                self.stderr.write(f"  row {row['row']}: {row['reason']}")
            raise CommandError(f"{error.code}: {error.message}") from error

    def _handle(self, options: dict[str, Any]) -> None:
        if options["csv"] and not options["exchange"]:
            raise CommandError("--csv needs --exchange")
        seeded = exchanges_seed()
        self.stdout.write(f"Exchanges: {seeded.exchanges} new; {seeded.rules} rules written")
        for group in seeded.kept:
            self.stdout.write(f"  left as an operator has it: {group}")
        if options["csv"]:
            self._say(calendar_import(exchange=options["exchange"].upper(), path=options["csv"]))
            return
        codes = (
            [options["exchange"].upper()] if options["exchange"] else [seed.code for seed in EXCHANGES if seed.calendar]
        )
        for code in codes:
            seed = exchange_seed(code)
            next_year = date(datetime.now(tz=UTC).year + 1, 12, 31)
            first = options["first"] or (seed and seed.first) or date(2000, 1, 1)
            last = options["last"] or min(next_year, (seed and seed.last) or next_year)
            self._say(calendar_load(exchange=code, first=first, last=last))

    def _say(self, done: Any) -> None:
        self.stdout.write(
            f"{done.exchange}: {done.first} to {done.last}, {done.sessions} sessions, {done.holidays} holidays, "
            f"{done.written} written, {done.removed} removed, {len(done.kept)} days left as set "
            f"({done.seconds:.1f} s)"
        )
        for line in done.differences:
            self.stdout.write(f"  {line}")
