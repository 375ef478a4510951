"""Reading an order's body: by hand, because this is the hottest input of the platform.

Shape errors raise Invalid with code "invalid" and messages per field, as serializers do elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from core.errors import Invalid
from trading.domain.revision import Revision
from trading.domain.types import ORDER_CLASSES, ORDER_TYPES, TIMES_IN_FORCE, OrderRequest

_MAX_ID = 2**63 - 1


class WrongError(Exception):
    """Why a field cannot be read."""


def account_id_of(value: Any) -> int:
    """An account's id."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_ID:
        raise WrongError("Send the account's id.")
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 40:
        raise WrongError('Send a number, for example "12.5".')
    try:
        return Decimal(str(value).strip())
    except InvalidOperation as error:
        raise WrongError('Send a number, for example "12.5".') from error


def optional_number_of(value: Any) -> Decimal | None:
    """An exact number; None when it is left empty."""
    return None if value is None or value == "" else _number(value)


def text_of(most: int) -> Callable[[Any], str]:
    """A reader of printable text of at most so many characters."""

    def read(value: Any) -> str:
        text = value.strip() if isinstance(value, str) else None
        if text is None or len(text) > most or not text.isprintable():
            raise WrongError(f"Send text of at most {most} printable characters.")
        return text

    return read


def choice_of(*choices: str) -> Callable[[Any], str]:
    """A reader of one of the choices, in any case."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in choices:
            raise WrongError(f"Send one of: {', '.join(choices)}.")
        return value.lower()

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongError("Send true or false.")
    return value


def moment_of(value: Any) -> datetime | None:
    """A time with its zone, in UTC; None when it is left empty."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1900 <= found.year < 2200:
        raise WrongError('Send a time with its zone, for example "2026-01-31T21:00:00Z".')
    return found.astimezone(UTC)


def _leg(*names: str) -> Callable[[Any], dict[str, Decimal | None] | None]:
    def read(value: Any) -> dict[str, Decimal | None] | None:
        if value is None:
            return None
        if not isinstance(value, dict) or set(value) - set(names):
            raise WrongError(f"Send an object with {' and '.join(names)}.")
        return {name: optional_number_of(value.get(name)) for name in names}

    return read


def optional_of(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same reader, with None for what is left empty."""
    return lambda value: None if value is None or value == "" else read(value)


_REQUIRED = object()
Field = tuple[str, Callable[[Any], Any], Any]
_PRICES: tuple[Field, ...] = tuple(
    (name, optional_number_of, None) for name in ("limit_price", "stop_price", "trail_amount", "trail_percent")
)
_ORDER: tuple[Field, ...] = (
    ("account_id", account_id_of, _REQUIRED),
    ("symbol", text_of(16), _REQUIRED),
    ("side", choice_of("buy", "sell"), _REQUIRED),
    ("quantity", _number, _REQUIRED),
    ("type", choice_of(*ORDER_TYPES), "market"),
    *_PRICES,
    ("time_in_force", choice_of(*TIMES_IN_FORCE), "day"),
    ("expires_at", moment_of, None),
    ("reduce_only", _flag, False),
    ("order_class", choice_of(*ORDER_CLASSES), "simple"),
    ("take_profit_price", optional_number_of, None),
    ("stop_loss_price", optional_number_of, None),
    ("stop_loss_limit_price", optional_number_of, None),
    ("client_order_id", text_of(64), ""),
)
_ORDER_READERS = {name: read for name, read, _ in _ORDER}
_ORDER_NEEDS = tuple(name for name, _, default in _ORDER if default is _REQUIRED)
# The legs as objects: the field of each, by the name in the object.
_NESTED: tuple[tuple[Field, dict[str, str]], ...] = (
    (("take_profit", _leg("limit_price"), None), {"limit_price": "take_profit_price"}),
    (
        ("stop_loss", _leg("stop_price", "limit_price"), None),
        {"stop_price": "stop_loss_price", "limit_price": "stop_loss_limit_price"},
    ),
)
_NESTED_NAMES = frozenset(field[0] for field, _ in _NESTED)
_EXECUTE: tuple[Field, ...] = (
    ("account_id", account_id_of, _REQUIRED),
    ("ticker", text_of(16), _REQUIRED),
    ("action", choice_of("buy", "sell"), _REQUIRED),
    ("quantity", _number, _REQUIRED),
)
_REVISION: tuple[Field, ...] = (
    ("quantity", optional_number_of, None),
    *_PRICES,
    ("time_in_force", optional_of(choice_of(*TIMES_IN_FORCE)), None),
    ("expires_at", moment_of, None),
    ("client_order_id", optional_of(text_of(64)), None),
)
_TRADE: tuple[Field, ...] = (
    ("account_id", optional_of(account_id_of), None),
    ("symbol", text_of(16), _REQUIRED),
    ("direction", choice_of("long", "short", "buy", "sell"), "long"),
    ("quantity", _number, _REQUIRED),
    ("order_type", choice_of("market", "limit", "stop"), "market"),
    ("entry_price", optional_number_of, None),
    ("stop_loss", optional_number_of, None),
    ("take_profit", optional_number_of, None),
    ("time_in_force", choice_of("day", "gtc"), "gtc"),
)


def read_fields(data: Any, shape: tuple[Field, ...]) -> dict[str, Any]:
    """The values of a shape's fields; raises Invalid with a message for each field that is wrong."""
    if not isinstance(data, Mapping):
        raise Invalid("invalid", "Send a JSON object.")
    values: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, read, default in shape:
        if name not in data:
            if default is _REQUIRED:
                wrong[name] = ["This field is required."]
            values[name] = default
            continue
        try:
            values[name] = read(data[name])
        except WrongError as error:
            wrong[name] = [str(error)]
    if wrong:
        raise Invalid("invalid", "Some of what you sent is not valid.", wrong)
    return values


def _given(data: Any) -> dict[str, Any]:
    """The fields of an order that were sent, as `read_fields`: most orders send few of the many there are."""
    if not isinstance(data, Mapping):
        raise Invalid("invalid", "Send a JSON object.")
    values: dict[str, Any] = {}
    wrong = {name: ["This field is required."] for name in _ORDER_NEEDS if name not in data}
    for name, raw in data.items():
        read = _ORDER_READERS.get(name)
        if read is None:
            if name not in _NESTED_NAMES:
                # A mistyped stop loss that is passed over would leave a position without one.
                wrong[str(name)[:40]] = ["There is no such field."]
            continue
        try:
            values[name] = read(raw)
        except WrongError as error:
            wrong[name] = [str(error)]
    if wrong:
        raise Invalid("invalid", "Some of what you sent is not valid.", wrong)
    return values


def _nested_legs(data: Mapping[str, Any], values: dict[str, Any]) -> None:
    """Put the legs that came as objects into the order's own fields."""
    for field, names in _NESTED:
        found = read_fields(data, (field,))[field[0]] or {}
        for inner, name in names.items():
            value = found.get(inner)
            if value is None:
                continue
            if field[0] == "take_profit" and values.get("order_class") == "oco":
                # The take profit of a pair is the order itself.
                name = "limit_price"  # noqa: PLW2901
                values.setdefault("type", "limit")
            if values.get(name) is not None:
                raise Invalid("invalid", "Some of what you sent is not valid.", {field[0]: [f"Or send {name}."]})
            values[name] = value


def order_input(data: Any, source: str) -> tuple[int, OrderRequest]:
    """The account id and the request in an OrderInput body. Raises Invalid."""
    values = _given(data)
    if "take_profit" in data or "stop_loss" in data:
        _nested_legs(data, values)
    account_id = values.pop("account_id")
    values["symbol"] = values["symbol"].upper()
    return account_id, OrderRequest(**values, source=source)


def execute_input(data: Any, source: str) -> tuple[int, OrderRequest]:
    """The account id and the market order in an ExecuteInput body. Raises Invalid."""
    values = read_fields(data, _EXECUTE)
    request = OrderRequest(
        symbol=values["ticker"].upper(), side=values["action"], quantity=values["quantity"], source=source
    )
    return values["account_id"], request


def revision_input(data: Any) -> Revision:
    """The changes in a RevisionInput body. Raises Invalid."""
    values = read_fields(data, _REVISION)
    for name, value in values.items():
        # Zero would read as no change further on.
        if isinstance(value, Decimal) and not (value.is_finite() and value > 0):
            raise Invalid(f"invalid_{name}", f"The {name.replace('_', ' ')} must be above zero.", {"field": name})
    return Revision(**values)


def trade_input(data: Any, source: str) -> tuple[int | None, OrderRequest]:
    """The account id (None: not named) and the entry order in a TradeInput body. Raises Invalid."""
    values = read_fields(data, _TRADE)
    kind, price = values["order_type"], values["entry_price"]
    legs = (values["take_profit"] is not None) + (values["stop_loss"] is not None)
    request = OrderRequest(
        symbol=values["symbol"].upper(),
        side="buy" if values["direction"] in ("long", "buy") else "sell",
        quantity=values["quantity"],
        type=kind,
        limit_price=None if kind == "stop" else price,
        stop_price=price if kind == "stop" else None,
        time_in_force=values["time_in_force"],
        order_class=("simple", "oto", "bracket")[legs],
        take_profit_price=values["take_profit"],
        stop_loss_price=values["stop_loss"],
        source=source,
    )
    return values["account_id"], request
