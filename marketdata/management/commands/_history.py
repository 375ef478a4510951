"""What the commands about history share: which symbols, which days, which vendors."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from core.errors import DomainError
from marketdata.services.vendor_asking import Chain, Span
from marketdata.services.vendor_history import RefreshOutcome


def symbols_arguments(parser: ArgumentParser) -> None:
    """Which symbols."""
    parser.add_argument("--symbols", nargs="+", default=[], metavar="SYMBOL")
    parser.add_argument("--pool", action="store_true", help="the symbols of STOCK_POOL")


def range_arguments(parser: ArgumentParser) -> None:
    """Which days."""
    parser.add_argument("--days", type=int, help="so many days up to today")
    parser.add_argument("--start", type=date.fromisoformat, help="YYYY-MM-DD")
    parser.add_argument("--end", type=date.fromisoformat, help="YYYY-MM-DD (default: today)")


def symbols_of(options: dict[str, Any]) -> list[str]:
    """The symbols asked for; raises CommandError without any."""
    found = [*options["symbols"], *(settings.STOCK_POOL if options["pool"] else ())]
    if not found:
        raise CommandError("name symbols with --symbols, or take STOCK_POOL with --pool")
    return list(dict.fromkeys(symbol.upper() for symbol in found))


def span_of(options: dict[str, Any], *, minutes: int | None = None) -> Span:
    """The days asked for, HISTORY_DAYS up to today by default; raises CommandError."""
    today = datetime.now(tz=UTC).date()
    if options["days"] is not None and (options["start"] is not None or options["days"] < 1):
        raise CommandError("give --days of 1 or more, or --start, not both")
    last = options["end"] or today
    first = options["start"] or last - timedelta(days=options["days"] or settings.HISTORY_DAYS)
    try:
        return Span(first, min(last, today), minutes)
    except DomainError as error:
        raise CommandError(f"{error.code}: {error.message}") from error


def chain_of(vendor: str = "auto") -> Chain:
    """The vendors that are asked: one by name, or the configured chain."""
    from marketdata.adapters.vendors.registry import chain_names
    from marketdata.services.chain import Chain as Vendors

    return Vendors(chain_names() if vendor in ("", "auto") else [vendor])


def said(outcome: RefreshOutcome) -> str:
    """What became of one symbol, in a line."""
    done, minutes = outcome.days, outcome.minutes
    parts = [f"{outcome.symbol}: from {outcome.provider}"]
    if done is not None:
        parts.append(f"{done.bars} days stored, {done.first_date} to {done.last_date}, {done.changed} changed")
    if minutes is not None:
        parts.append(f"{minutes.bars} bars of {minutes.minutes} min, {minutes.changed} changed")
    if outcome.actions is not None:
        parts.append(f"{outcome.actions} corporate actions")
    return ", ".join([*parts, *(["a new instrument"] if outcome.is_new else [])])


def report(command: Any, outcomes: Sequence[RefreshOutcome] | Any) -> None:
    """Print outcomes as they come; raises CommandError when any symbol failed, after all are done."""
    total = failed = 0
    for outcome in outcomes:
        total += 1
        if outcome.error is not None:
            failed += 1
            command.stderr.write(f"{outcome.symbol}: refused, {outcome.error.code}: {outcome.error.message}")
            continue
        command.stdout.write(said(outcome))
        for note in outcome.notes[:5]:
            command.stdout.write(f"  note: {note}")
    if failed:
        raise CommandError(f"{failed} of {total} symbols failed and were left as they were")
