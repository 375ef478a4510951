"""Importing real history from files. Each symbol is loaded completely or not at all."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

from django.db import transaction

from core.errors import Conflict, DomainError, Invalid
from marketdata.adapters.files import LeanFiles, file_digest, is_lean, lean_files, text_read, zip_text_read
from marketdata.domain.imports import ParsedSeries, csv_actions, csv_bars
from marketdata.domain.lean import lean_bars
from marketdata.domain.types import Action
from marketdata.models import Instrument
from marketdata.services.history import Provenance, SeriesInput, SeriesResult, series_store_in_tx

DEFAULT_EXCHANGE, DEFAULT_CURRENCY = "US", "USD"
FROM_FILE = "<file>"
DEFAULT_LICENCE = "not stated by the importer"
_SYMBOL = re.compile(r"^[A-Z0-9][A-Z0-9.\-]{0,15}$")


@dataclass(frozen=True, slots=True)
class ImportListing:
    """What an import says of the instruments it brings; None: what is known of them, else US and USD."""

    exchange: str | None = None
    currency: str | None = None
    tick_size: Decimal = Decimal("0.01")
    name: str = ""


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of one symbol: a result with warnings, or the error that refused it."""

    symbol: str
    result: SeriesResult | None = None
    error: DomainError | None = None
    warnings: Sequence[str] = field(default_factory=tuple)


def bars_import(
    *,
    paths: Sequence[Path],
    listing: ImportListing,
    provenance: Provenance,
    today: date,
    symbol: str | None = None,
    only: Sequence[str] = (),
    actions: Path | None = None,
) -> list[ImportOutcome]:
    """Import CSV files (a symbol each: `symbol`, else the file's name) or folders in LEAN's layout (all, or `only`).

    With FROM_FILE as the source, each file's name and checksum are its source (a folder's name for a folder). One
    outcome a symbol; raises Invalid only for what concerns the whole import.
    """
    listing_check(listing, provenance)
    if len(paths) == 1 and is_lean(paths[0]):
        provenance = sourced(provenance, paths[0])
        return _import_lean(paths[0], listing, provenance, today, {item.upper() for item in only})
    if symbol is not None and len(paths) != 1:
        raise Invalid("bad_request", "A symbol can be named for one file only.", {"field": "symbol"})
    names = [symbol.upper() if symbol else path.stem.upper() for path in paths]
    given = csv_actions(text_read(actions), symbols=names) if actions else {}
    return [
        _import_one(name, listing, sourced(provenance, path), partial(_csv_parse, path, today, given.get(name)))
        for name, path in zip(names, paths, strict=True)
    ]


def sourced(provenance: Provenance, path: Path) -> Provenance:
    """The provenance with a source: the given one, or the file itself."""
    if provenance.source != FROM_FILE:
        return provenance
    checksum = f" (sha256 {file_digest(path)[:12]})" if path.is_file() else ""
    return replace(provenance, source=f"{path.name}{checksum}"[:200])


def _csv_parse(path: Path, today: date, actions: list[Action] | None) -> ParsedSeries:
    parsed = csv_bars(text_read(path), today=today)
    first, last = parsed.bars[0].date, parsed.bars[-1].date
    for action in actions or ():
        details = {"ex_date": action.ex_date.isoformat(), "bars": f"{first}..{last}"}
        if action.kind == "delisting":
            if action.ex_date <= last:
                raise Invalid("bad_action", f"A delisting on {action.ex_date} has bars after it.", details)
        elif not first <= action.ex_date <= last:
            raise Invalid("bad_action", f"A {action.kind} on {action.ex_date} is outside the bars.", details)
    return replace(parsed, actions=actions)


def _import_lean(
    root: Path, listing: ImportListing, provenance: Provenance, today: date, only: set[str]
) -> list[ImportOutcome]:
    files = [item for item in lean_files(root) if not only or item.symbol in only]
    missing = sorted(only - {item.symbol for item in files})
    if missing or not files:
        raise Invalid("file_unreadable", "There are no daily bars for some of the symbols.", {"symbols": missing})

    def parse(item: LeanFiles) -> ParsedSeries:
        factors = text_read(item.factors) if item.factors else None
        return lean_bars(zip_text_read(item.bars), factors, today=today)

    return [_import_one(item.symbol, listing, provenance, partial(parse, item)) for item in files]


def _import_one(
    symbol: str, listing: ImportListing, provenance: Provenance, parse: Callable[[], ParsedSeries]
) -> ImportOutcome:
    """Parse and load one symbol at once, in a transaction of its own."""
    try:
        symbol_check(symbol)
        parsed = parse()
        if not parsed.bars:
            raise Invalid("no_rows", "There are no bars in the file.")
        with transaction.atomic(durable=True):
            instrument = instrument_ensure(symbol, listing)
            stored = series_store_in_tx(
                series=[SeriesInput(instrument, parsed.bars, parsed.actions)], provenance=provenance
            )
        return ImportOutcome(symbol, stored[0], None, parsed.warnings)
    except DomainError as error:
        return ImportOutcome(symbol, None, error)


def instrument_ensure(symbol: str, listing: ImportListing) -> Instrument:
    """The instrument, made if it is new; an existing one must agree."""
    instrument, made = Instrument.objects.get_or_create(
        symbol=symbol,
        defaults={
            "name": listing.name or symbol,
            "exchange": listing.exchange or DEFAULT_EXCHANGE,
            "currency": listing.currency or DEFAULT_CURRENCY,
            "tick_size": listing.tick_size,
        },
    )
    if made:
        return instrument
    if instrument.is_simulated:
        raise Conflict("symbol_taken", f"{symbol} is an invented instrument of the demo history.", {"symbol": symbol})
    known = (instrument.exchange, instrument.currency)
    given = (listing.exchange or instrument.exchange, listing.currency or instrument.currency)
    if known != given:
        raise Conflict("instrument_differs", f"{symbol} is known as {' '.join(known)}, not {' '.join(given)}.")
    return instrument


def symbol_check(symbol: str) -> None:
    """Refuse what cannot be a symbol. Raises Invalid."""
    if not _SYMBOL.match(symbol):
        raise Invalid("bad_symbol", "A symbol is 1 to 16 capital letters, digits, dots or dashes.")


def listing_check(listing: ImportListing, provenance: Provenance) -> None:
    """Refuse an import that does not say what it needs to. Raises Invalid."""
    needed = {"source": provenance.source, "licence": provenance.licence, "exchange": listing.exchange}
    for name, value in needed.items():
        if value is not None and not value.strip():
            raise Invalid("bad_request", f"The {name} is needed.", {"field": name})
    if listing.currency is not None and not re.fullmatch("[A-Z]{3}", listing.currency):
        raise Invalid("bad_request", "The currency is a three-letter code.", {"field": "currency"})
    if not Decimal("0.000001") <= listing.tick_size <= 1000:
        raise Invalid("bad_request", "The tick size is 0.000001 to 1000.", {"field": "tick_size"})
