"""Import daily bars from files."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.services.history import Provenance
from marketdata.services.imports import DEFAULT_LICENCE, FROM_FILE, ImportListing, ImportOutcome, bars_import

WARNINGS_SHOWN = 5


class Command(BaseCommand):
    help = (
        "Import daily bars as traded: CSV files with the columns date,open,high,low,close,volume (a symbol each), or a "
        "folder in LEAN's layout (daily/*.zip beside factor_files/*.csv). Each symbol is imported completely or not "
        "at all; importing the same again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, help="CSV files, or one LEAN folder")
        parser.add_argument(
            "--source", default=FROM_FILE, help="where the data comes from (default: the file's name and checksum)"
        )
        parser.add_argument("--licence", default=DEFAULT_LICENCE, help="under which terms you hold it")
        parser.add_argument("--exchange", help="such as NASDAQ, NYSE, NSE (default: as known, else US)")
        parser.add_argument("--currency", type=str.upper, help="three letters (default: as known, else USD)")
        parser.add_argument("--symbol", help="symbol of a single CSV file (default: the file's name)")
        parser.add_argument("--name", default="", help="the instrument's name, for a single symbol")
        parser.add_argument("--only", nargs="+", default=[], metavar="SYMBOL", help="these symbols of a LEAN folder")
        parser.add_argument(
            "--actions",
            type=Path,
            help="CSV of symbol,ex_date,kind,value[,new_symbol]: split, dividend, symbol_change, delisting",
        )
        parser.add_argument("--tick-size", default="0.01", help="price grid of new instruments (default 0.01)")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            tick_size = Decimal(options["tick_size"])
        except InvalidOperation as error:
            raise CommandError("--tick-size is not a number") from error
        try:
            outcomes = bars_import(
                paths=options["paths"],
                listing=ImportListing(options["exchange"], options["currency"], tick_size, options["name"]),
                provenance=Provenance(options["source"], options["licence"]),
                today=datetime.now(tz=UTC).date(),
                symbol=options["symbol"],
                only=options["only"],
                actions=options["actions"],
            )
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        for outcome in outcomes:
            self._report(outcome)
        failed = sum(outcome.error is not None for outcome in outcomes)
        if failed:
            raise CommandError(f"{failed} of {len(outcomes)} symbols were refused and left as they were")

    def _report(self, outcome: ImportOutcome) -> None:
        if outcome.error is not None:
            self.stderr.write(f"{outcome.symbol}: refused, {outcome.error.code}: {outcome.error.message}")
            for row in outcome.error.details.get("rows", []):
                self.stderr.write(f"  row {row['row']}: {row['reason']}")
            return
        assert outcome.result is not None
        done = outcome.result
        self.stdout.write(
            f"{done.symbol}: {done.bars} bars, {done.first_date} to {done.last_date}, {done.changed} changed"
        )
        for warning in outcome.warnings[:WARNINGS_SHOWN]:
            self.stdout.write(f"  note: {warning}")
        if len(outcome.warnings) > WARNINGS_SHOWN:
            self.stdout.write(f"  and {len(outcome.warnings) - WARNINGS_SHOWN} more notes")
