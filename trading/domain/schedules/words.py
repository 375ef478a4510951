"""A fee line in plain words, from the same data that charges it. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from trading.domain.schedules.lines import BEGINNING, Line
from trading.domain.types import plain

LABELS = {
    "commission": "Commission",
    "brokerage": "Brokerage",
    "sec": "SEC fee",
    "taf": "FINRA trading activity fee",
    "cat": "Audit trail fee",
    "stt": "Securities transaction tax",
    "exchange": "Exchange charge",
    "sebi": "SEBI fee",
    "stamp": "Stamp duty",
    "gst": "GST",
}
_ROUNDING = {"half_even": "", "up": ", rounded up", "unit": ", to the nearest whole {currency}"}


def label(kind: str) -> str:
    """What people call a kind of charge: "sec" -> "SEC fee"."""
    return LABELS.get(kind, kind.replace("_", " ").capitalize())


def _percent(rate: Decimal) -> str:
    return f"{plain(rate * 100)}%"


def _basis(line: Line, currency: str) -> str:
    if line.taxes:
        *rest, last = [label(kind).lower() if kind != "sebi" else label(kind) for kind in line.taxes]
        return f"{_percent(line.rate)} of {', '.join(rest)} and {last}"
    parts = []
    if line.rate:
        whose = {"buy": "purchases", "sell": "sales", None: "the order's value"}[line.side]
        parts.append(f"{_percent(line.rate)} of {whose}")
    if line.per_unit:
        verb = {"buy": "bought", "sell": "sold", None: "traded"}[line.side]
        parts.append(f"{plain(line.per_unit)} {currency} per share {verb}")
    if line.per_order:
        parts.append(f"{plain(line.per_order)} {currency} per order")
    return " plus ".join(parts) or f"{plain(line.least)} {currency} per order"


def _bounds(line: Line, currency: str) -> str:
    text = f", at least {plain(line.least)} {currency}" if line.least else ""
    if line.most is not None:
        text += f", at most {plain(line.most)} {currency} an order"
    if line.most_rate is not None:
        text += f", at most {_percent(line.most_rate)} of the order's value"
    return text


def describe_line(line: Line, currency: str, on: date) -> str:
    """Such as "SEC fee: 0.00206% of sales, rounded up (since 4 April 2026; SEC Release 34-104909)."."""
    note = f" {line.note}" if line.note else ""
    if line.is_free:
        return f"{label(line.kind)}: none.{note}"
    body = _basis(line, currency) + _bounds(line, currency) + _ROUNDING[line.rounding].format(currency=currency)
    since = ""
    if line.since != BEGINNING:
        day = f"{line.since.day} {line.since:%B %Y}"
        since = f"since {day}; " if line.since <= on else f"the earliest known rate, of {day}; "
    return f"{label(line.kind)}: {body} ({since}{line.source}).{note}"
