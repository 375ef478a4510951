"""Import bars from files or vendors."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.adapters.parquet import is_parquet
from marketdata.management.commands import _history as shared
from marketdata.services.file_imports import MinutesOutcome, minutes_import, parquet_import
from marketdata.services.history import Provenance
from marketdata.services.imports import DEFAULT_LICENCE, FROM_FILE, ImportListing, ImportOutcome, bars_import
from marketdata.services.vendor_history import history_refresh

WARNINGS_SHOWN = 5


class Command(BaseCommand):
    stealth_options = ("chain",)  # the vendors, given by code that calls the command
    help = (
        "Import bars as traded: CSV files with the columns date,open,high,low,close,volume (a symbol each), Parquet "
        "files (which may have a column symbol), a folder in LEAN's layout (daily/*.zip beside factor_files/*.csv), or "
        "with --vendor from a vendor. With --minutes the bars are of so many minutes and the column is a timestamp; a "
        "LEAN folder is then minute/<symbol>/YYYYMMDD_trade.zip. Each symbol is imported completely or not at all; "
        "importing the same again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, help="CSV or Parquet files, or one LEAN folder")
        parser.add_argument("--vendor", nargs="?", const="auto", help="a vendor's name, or the configured chain")
        parser.add_argument("--minutes", type=int, nargs="?", const=1, help="bars of so many minutes (1)")
        shared.symbols_arguments(parser)
        shared.range_arguments(parser)
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
        if bool(options["paths"]) == bool(options["vendor"]):
            raise CommandError("name files, or --vendor with --symbols")
        try:
            if options["vendor"]:
                self._from_vendor(options)
                return
            outcomes = self._from_files(options)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        for outcome in outcomes:
            self._report(outcome)
        failed = sum(outcome.error is not None for outcome in outcomes)
        if failed:
            raise CommandError(f"{failed} of {len(outcomes)} symbols were refused and left as they were")

    def _from_vendor(self, options: dict[str, Any]) -> None:
        symbols, span = shared.symbols_of(options), shared.span_of(options, minutes=options["minutes"])
        chain = options.get("chain") or shared.chain_of(options["vendor"])
        shared.report(self, history_refresh(chain=chain, symbols=symbols, span=span, now=datetime.now(tz=UTC)))

    def _from_files(self, options: dict[str, Any]) -> Sequence[ImportOutcome | MinutesOutcome]:
        try:
            tick_size = Decimal(options["tick_size"])
        except InvalidOperation as error:
            raise CommandError("--tick-size is not a number") from error
        now, paths = datetime.now(tz=UTC), options["paths"]
        listing = ImportListing(options["exchange"], options["currency"], tick_size, options["name"])
        provenance = Provenance(options["source"], options["licence"])
        only = [*options["only"], *options["symbols"]]
        if options["minutes"] is not None:
            return minutes_import(
                paths=paths,
                listing=listing,
                provenance=provenance,
                minutes=options["minutes"],
                now=now,
                symbol=options["symbol"],
                only=only,
            )
        if any(is_parquet(path) for path in paths):
            if not all(is_parquet(path) for path in paths) or options["actions"] or options["symbol"]:
                raise CommandError("Parquet files are imported by themselves; symbols are named in them or by the file")
            return parquet_import(paths=paths, listing=listing, provenance=provenance, today=now.date(), only=only)
        return bars_import(
            paths=paths,
            listing=listing,
            provenance=provenance,
            today=now.date(),
            symbol=options["symbol"],
            only=only,
            actions=options["actions"],
        )

    def _report(self, outcome: ImportOutcome | MinutesOutcome) -> None:
        if outcome.error is not None:
            self.stderr.write(f"{outcome.symbol}: refused, {outcome.error.code}: {outcome.error.message}")
            for row in outcome.error.details.get("rows", []):
                self.stderr.write(f"  row {row['row']}: {row['reason']}")
            return
        if isinstance(outcome, MinutesOutcome):
            assert outcome.result is not None
            span = f"{outcome.result.first:%Y-%m-%d %H:%M} to {outcome.result.last:%Y-%m-%d %H:%M} UTC"
            length, changed = outcome.result.minutes, outcome.result.changed
            self.stdout.write(
                f"{outcome.symbol}: {outcome.result.bars} bars of {length} min, {span}, {changed} changed"
            )
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
