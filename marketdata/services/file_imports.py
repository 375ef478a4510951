"""Importing Parquet files, and files of bars shorter than a day. Each symbol is loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import transaction

from core.errors import DomainError, Invalid
from marketdata.adapters.files import LARGEST_FILE, zip_text_read
from marketdata.adapters.parquet import ParquetBars, is_parquet, parquet_bars, parquet_open
from marketdata.domain.candles_query import DAY, TIME
from marketdata.domain.feed import price_of
from marketdata.domain.imports import Notes, ParsedSeries, read_bar, series_of
from marketdata.domain.minute_files import lean_day, lean_minutes, minutes_csv
from marketdata.domain.replay import IntArray
from marketdata.domain.types import Bar
from marketdata.selectors.candles import zone_of
from marketdata.services.history import Provenance, SeriesInput, series_store_in_tx
from marketdata.services.imports import (
    DEFAULT_EXCHANGE,
    ImportListing,
    ImportOutcome,
    instrument_ensure,
    listing_check,
    sourced,
    symbol_check,
)
from marketdata.services.intraday import IntradayResult, intraday_store_in_tx

MAX_DAYS_IN_MEMORY = 100_000
Chunks = Callable[[], Iterable[IntArray]]


@dataclass(frozen=True, slots=True)
class MinutesOutcome:
    """What became of one symbol's bars of minutes: a result, or the error that refused them."""

    symbol: str
    result: IntradayResult | None = None
    error: DomainError | None = None


def parquet_import(
    *, paths: Sequence[Path], listing: ImportListing, provenance: Provenance, today: date, only: Sequence[str] = ()
) -> list[ImportOutcome]:
    """Import daily bars of Parquet files: every symbol that a file names (or `only`), else one named by the file.

    One outcome a symbol; raises Invalid only for what concerns the whole import.
    """
    listing_check(listing, provenance)
    outcomes = []
    for path in paths:
        file, source = parquet_open(path), sourced(provenance, path)
        for symbol, read in _of_file(file, only):
            outcomes.append(_days_import(symbol, listing, source, partial(_days, read, today)))
    return outcomes


def minutes_import(
    *,
    paths: Sequence[Path],
    listing: ImportListing,
    provenance: Provenance,
    minutes: int,
    now: datetime,
    symbol: str | None = None,
    only: Sequence[str] = (),
) -> list[MinutesOutcome]:
    """Import bars of `minutes` from CSV and Parquet files, or from one folder in LEAN's layout (minute/<symbol>/*.zip).

    CSV files hold a symbol each: `symbol`, else the file's name. Times without a zone are the exchange's. Coarser bars
    are rolled. One outcome a symbol; raises Invalid only for what concerns the whole import.
    """
    listing_check(listing, provenance)
    if symbol is not None and len(paths) != 1:
        raise Invalid("bad_request", "A symbol can be named for one file only.", {"field": "symbol"})
    zone = zone_of(listing.exchange or DEFAULT_EXCHANGE)
    outcomes = []
    for path in paths:
        source = sourced(provenance, path)
        for name, read in _minute_symbols(path, zone, symbol, only):
            outcomes.append(_minutes_import(name, listing, source, minutes, read, now))
    return outcomes


def _minute_symbols(
    path: Path, zone: ZoneInfo, symbol: str | None, only: Sequence[str]
) -> Iterator[tuple[str, Chunks]]:
    """The symbols of a file or folder, each with what reads its bars."""
    if path.is_dir():
        yield from _lean_symbols(path, {item.upper() for item in only})
    elif is_parquet(path):
        file = parquet_open(path)
        for name, read in _of_file(file, only):
            yield (symbol or name).upper(), read
    else:
        yield (symbol or path.stem).upper(), partial(_csv_chunks, path, zone)


def _of_file(file: ParquetBars, only: Sequence[str]) -> Iterator[tuple[str, Chunks]]:
    if file.symbols is None:
        yield file.path.stem.upper(), partial(parquet_bars, file, None)
        return
    wanted = {item.upper() for item in only}
    missing = sorted(wanted - {name.upper() for name in file.symbols})
    if missing:
        raise Invalid("unknown_symbol", f"{file.path.name} lacks some of the symbols.", {"symbols": missing[:20]})
    for name in file.symbols:
        if not wanted or name.upper() in wanted:
            yield name.upper(), partial(parquet_bars, file, name)


def _csv_chunks(path: Path, zone: ZoneInfo) -> Iterator[IntArray]:
    """A CSV file read line by line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from minutes_csv(lines, zone=zone)
    except OSError as error:
        raise Invalid("file_unreadable", f"{path.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid("file_unreadable", f"{path.name} is not UTF-8 text.") from error


def _lean_symbols(root: Path, only: set[str]) -> Iterator[tuple[str, Chunks]]:
    folder = root / "minute" if (root / "minute").is_dir() else root
    known = {item.name.upper(): item for item in sorted(folder.iterdir()) if item.is_dir()} if folder.is_dir() else {}
    missing = sorted(only - set(known))
    if missing or not known:
        raise Invalid("file_unreadable", "There are no minutes for some of the symbols.", {"symbols": missing[:20]})
    for name, place in known.items():
        if not only or name in only:
            yield name, partial(_lean_chunks, place)


def _lean_chunks(place: Path) -> Iterator[IntArray]:
    """The days of one symbol in order; other files of the folder (quotes, open interest) are left alone."""
    days = sorted((day, path) for path in place.glob("*_trade.zip") if (day := lean_day(path.name)) is not None)
    if not days:
        raise Invalid("no_rows", f"{place.name} has no files such as 20240108_trade.zip.")
    for day, path in days:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid("file_too_large", f"{path.name} is larger than {LARGEST_FILE >> 20} MB.")
        yield lean_minutes(zip_text_read(path), day)


def _minutes_import(
    symbol: str, listing: ImportListing, provenance: Provenance, minutes: int, read: Chunks, now: datetime
) -> MinutesOutcome:
    try:
        symbol_check(symbol)
        with transaction.atomic(durable=True):
            instrument = instrument_ensure(symbol, listing)
            done = intraday_store_in_tx(
                instrument=instrument, minutes=minutes, chunks=read(), provenance=provenance, now=now
            )
        return MinutesOutcome(symbol, done)
    except DomainError as error:
        return MinutesOutcome(symbol, None, error)


def _days_import(
    symbol: str, listing: ImportListing, provenance: Provenance, parse: Callable[[], ParsedSeries]
) -> ImportOutcome:
    try:
        symbol_check(symbol)
        parsed = parse()
        with transaction.atomic(durable=True):
            instrument = instrument_ensure(symbol, listing)
            stored = series_store_in_tx(series=[SeriesInput(instrument, parsed.bars)], provenance=provenance)
        return ImportOutcome(symbol, stored[0], None, parsed.warnings)
    except DomainError as error:
        return ImportOutcome(symbol, None, error)


def _days(read: Chunks, today: date) -> ParsedSeries:
    """Daily bars of chunks. Raises Invalid for bars of a time of day."""
    notes = Notes()
    rows: list[tuple[int, Bar]] = []
    for chunk in read():
        if (chunk[:, TIME] % DAY).any():
            raise Invalid("bad_rows", "The bars have times of day: say with --minutes how long they are.")
        for second, *prices, volume in chunk.tolist():
            day = date(1970, 1, 1) + timedelta(days=second // DAY)
            rows.append((len(rows) + 1, _bar(day, prices, volume, today, notes)))
        if len(rows) > MAX_DAYS_IN_MEMORY:
            raise Invalid("file_too_large", "A symbol has more than 100,000 days.")
    return series_of(rows, notes)


def _bar(day: date, prices: Sequence[int], volume: int, today: date, notes: Notes) -> Bar:
    cells = [*(str(price_of(price)) if price else "0" for price in prices), str(volume)]
    try:
        return read_bar(day, cells, Decimal(1), today, notes)
    except ValueError as error:
        details = {"count": 1, "rows": [{"row": day.isoformat(), "reason": str(error)}]}
        raise Invalid("bad_rows", f"The bar of {day}: {error}.", details) from error
