"""Reading an order's body: by hand, because this is the hottest input of the platform.

Shape errors raise Invalid with code "invalid" and messages per field, as serializers do elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from core.errors import Invalid
from trading.domain.types import OrderRequest

_MAX_ID = 2**63 - 1


class _WrongError(Exception):
    """Why a field cannot be read."""


def _account_id(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) <= 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_ID:
        raise _WrongError("Send the account's id.")
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 40:
        raise _WrongError('Send a number, for example "12.5".')
    try:
        return Decimal(str(value).strip())
    except InvalidOperation as error:
        raise _WrongError('Send a number, for example "12.5".') from error


def _optional_number(value: Any) -> Decimal | None:
    return None if value is None or value == "" else _number(value)


def _text(most: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = value.strip() if isinstance(value, str) else None
        if text is None or len(text) > most or not text.isprintable():
            raise _WrongError(f"Send text of at most {most} printable characters.")
        return text

    return read


def _choice(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in choices:
            raise _WrongError(f"Send one of: {', '.join(choices)}.")
        return value.lower()

    return read


_REQUIRED = object()
Field = tuple[str, Callable[[Any], Any], Any]
_ORDER: tuple[Field, ...] = (
    ("account_id", _account_id, _REQUIRED),
    ("symbol", _text(16), _REQUIRED),
    ("side", _choice("buy", "sell"), _REQUIRED),
    ("quantity", _number, _REQUIRED),
    ("type", _choice("market", "limit"), "market"),
    ("limit_price", _optional_number, None),
    ("time_in_force", _choice("day", "gtc"), "day"),
    ("client_order_id", _text(64), ""),
)
_EXECUTE: tuple[Field, ...] = (
    ("account_id", _account_id, _REQUIRED),
    ("ticker", _text(16), _REQUIRED),
    ("action", _choice("buy", "sell"), _REQUIRED),
    ("quantity", _number, _REQUIRED),
)


def _read(data: Any, shape: tuple[Field, ...]) -> dict[str, Any]:
    if not isinstance(data, dict):
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
        except _WrongError as error:
            wrong[name] = [str(error)]
    if wrong:
        raise Invalid("invalid", "Some of what you sent is not valid.", wrong)
    return values


def order_input(data: Any, source: str) -> tuple[int, OrderRequest]:
    """The account id and the request in an OrderInput body. Raises Invalid."""
    values = _read(data, _ORDER)
    account_id = values.pop("account_id")
    values["symbol"] = values["symbol"].upper()
    return account_id, OrderRequest(**values, source=source)


def execute_input(data: Any, source: str) -> tuple[int, OrderRequest]:
    """The account id and the market order in an ExecuteInput body. Raises Invalid."""
    values = _read(data, _EXECUTE)
    request = OrderRequest(
        symbol=values["ticker"].upper(), side=values["action"], quantity=values["quantity"], source=source
    )
    return values["account_id"], request
