"""Reading what a query asks for. Raises Invalid as `trading.api.parse` does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from core.errors import Invalid, NotFound
from trading.api.parse import (
    Field,
    WrongError,
    account_id_of,
    choice_of,
    moment_of,
    optional_number_of,
    optional_of,
    read_fields,
    text_of,
)


def _day(value: Any) -> date | None:
    if value is None or value == "":
        return None
    try:
        found = date.fromisoformat(value) if isinstance(value, str) and len(value) <= 10 else None
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year < 2200:
        raise WrongError('Send a day, for example "2026-01-31".')
    return found


_QUANTITY: tuple[Field, ...] = (("quantity", optional_number_of, None),)
_PERIOD: tuple[Field, ...] = (("from", _day, None), ("to", _day, None))


def quantity_input(data: Any) -> Decimal | None:
    """The quantity in a body or query that may name one. Raises Invalid."""
    found: Decimal | None = read_fields(data, _QUANTITY)["quantity"]
    if found is not None and not (found.is_finite() and 0 < found <= 10**9):
        raise Invalid("invalid_quantity", "The quantity must be above zero.", {"field": "quantity"})
    return found


def period_input(data: Any) -> tuple[date | None, date | None]:
    """The days `from` and `to` in a query. Raises Invalid."""
    values = read_fields(data, _PERIOD)
    return values["from"], values["to"]


def order_filters(data: Any) -> dict[str, Any]:
    """The filters of a list of orders in a query, as `selectors.orders_filtered` takes them. Raises Invalid."""
    shape: tuple[Field, ...] = (
        ("status", choice_of("open", "closed", "all"), "all"),
        ("symbol", text_of(16), ""),
        ("since", moment_of, None),
        ("until", moment_of, None),
        ("client_order_id", text_of(64), ""),
        ("open", text_of(8), ""),
    )
    values = read_fields(data, shape)
    if values.pop("open").lower() in ("1", "true"):
        values["status"] = "open"
    return {**values, "symbol": values["symbol"].upper()}


def choice_in(data: Any, name: str, choices: tuple[str, ...], default: str) -> str:
    """One of `choices` in a query. Raises Invalid."""
    found: str = read_fields(data, ((name, optional_of(choice_of(*choices)), default),))[name] or default
    return found


def number_in(data: Any, name: str, most: int, default: int) -> int:
    """A whole number from 1 to `most` in a query. Raises Invalid."""
    raw = data.get(name, "")
    if raw == "":
        return default
    if not (raw.isascii() and raw.isdecimal() and len(raw) <= 9 and 1 <= int(raw) <= most):
        raise Invalid("invalid", "Some of what you sent is not valid.", {name: [f"Send a number from 1 to {most}."]})
    return int(raw)


def names_in(data: Any, name: str, most: int = 12) -> list[str]:
    """A comma list of short names in a query. Raises Invalid."""
    raw = read_fields(data, ((name, text_of(200), ""),))[name]
    found = [part.strip().lower() for part in raw.split(",") if part.strip()]
    if len(found) > most:
        raise Invalid("invalid", "Some of what you sent is not valid.", {name: [f"Send at most {most}."]})
    return found


def account_in(data: Any) -> int | None:
    """The account id in a query; None when it names none. Raises Invalid."""
    found: int | None = read_fields(data, (("account_id", optional_of(account_id_of), None),))["account_id"]
    return found


def symbol_in(data: Any) -> str | None:
    """The symbol in a query, in capitals; None when it names none. Raises Invalid."""
    found: str = read_fields(data, (("symbol", text_of(16), ""),))["symbol"]
    return found.upper() or None


def symbol_in_path(raw: str) -> str:
    """The symbol in an address, in capitals. Raises NotFound for what cannot be one."""
    if len(raw) > 16 or not raw.isprintable():
        raise NotFound("position_not_found", "There is no open position in this symbol.")
    return raw.upper()
