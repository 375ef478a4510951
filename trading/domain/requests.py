"""What a well-formed order request is. Anything else is malformed (400) and stores nothing. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

from core.errors import Invalid
from trading.domain.types import ORDER_CLASSES, ORDER_TYPES, TIMES_IN_FORCE, OrderRequest

MAX_QUANTITY = Decimal(10**9)
MAX_PRICE = Decimal(10**9)
_PLACES = 6
_STEP = Decimal(1).scaleb(-_PLACES)
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,15}")
# Which prices each type needs; it may have no others.
_NEEDS: dict[str, tuple[str, ...]] = {
    "market": (),
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("stop_price", "limit_price"),
    "trailing_stop": (),
}
_WORDS = {"stop_limit": "stop-limit", "trailing_stop": "trailing stop"}
_LEGS = ("take_profit_price", "stop_loss_price", "stop_loss_limit_price")


def _invalid(code: str, message: str, field: str) -> Invalid:
    return Invalid(code, message, {"field": field})


def _number(field: str, value: Decimal, most: Decimal) -> None:
    words = field.replace("_", " ")
    if not isinstance(value, Decimal) or not value.is_finite():
        raise _invalid(f"invalid_{field}", f"The {words} must be a number.", field)
    if value <= 0:
        raise _invalid(f"invalid_{field}", f"The {words} must be above zero.", field)
    if value > most:
        raise _invalid(f"invalid_{field}", f"The {words} may be at most {most:,}.", field)
    if value != value.quantize(_STEP):
        raise _invalid(f"invalid_{field}", f"The {words} has more than {_PLACES} decimal places.", field)


def validate(request: OrderRequest) -> None:
    """Raise Invalid with a code of its own for each thing that can be wrong with the request itself."""
    if not _SYMBOL.fullmatch(request.symbol):
        raise _invalid("invalid_symbol", "A symbol has 1 to 16 letters, digits, dots or dashes.", "symbol")
    for field, choices in (
        ("side", ("buy", "sell")),
        ("type", ORDER_TYPES),
        ("time_in_force", TIMES_IN_FORCE),
        ("order_class", ORDER_CLASSES),
    ):
        if getattr(request, field) not in choices:
            words = " or ".join((", ".join(choices[:-1]), choices[-1]))
            raise _invalid(f"invalid_{field}", f"The {field.replace('_', ' ')} is {words}.", field)
    _number("quantity", request.quantity, MAX_QUANTITY)
    _prices(request)
    _trail(request)
    _duration(request)
    _legs(request)
    if len(request.client_order_id) > 64 or not request.client_order_id.isprintable():
        raise Invalid("invalid_client_order_id", "A client order id has at most 64 printable characters.")


def _prices(request: OrderRequest) -> None:
    name = _WORDS.get(request.type, request.type)
    for field in ("limit_price", "stop_price"):
        value, words = getattr(request, field), field.replace("_", " ")
        if field not in _NEEDS[request.type]:
            if value is not None:
                raise _invalid(f"{field}_not_allowed", f"A {name} order has no {words}.", field)
        elif value is None:
            raise _invalid(f"{field}_required", f"A {name} order needs a {words}.", field)
        else:
            _number(field, value, MAX_PRICE)


def _trail(request: OrderRequest) -> None:
    amount, percent = request.trail_amount, request.trail_percent
    if request.type != "trailing_stop":
        if amount is not None or percent is not None:
            raise _invalid("trail_not_allowed", "Only a trailing stop order trails.", "trail_amount")
        return
    if (amount is None) == (percent is None):
        raise _invalid(
            "trail_required", "A trailing stop needs a trail amount or a trail percent, one.", "trail_amount"
        )
    if amount is not None:
        _number("trail_amount", amount, MAX_PRICE)
    if percent is not None:
        _number("trail_percent", percent, Decimal(99))


def _duration(request: OrderRequest) -> None:
    tif = request.time_in_force
    if tif in ("ioc", "fok", "opg", "cls") and request.type not in ("market", "limit"):
        raise _invalid("invalid_time_in_force", f"{tif.upper()} goes with market and limit orders.", "time_in_force")
    if tif == "gtd" and request.expires_at is None:
        raise _invalid("expires_at_required", "A good-till-date order needs its date: expires_at.", "expires_at")
    if request.expires_at is not None:
        if tif != "gtd":
            raise _invalid("expires_at_not_allowed", "Only a good-till-date order has expires_at.", "expires_at")
        if request.expires_at.tzinfo is None:
            raise _invalid("invalid_expires_at", "expires_at needs its time zone.", "expires_at")


def _legs(request: OrderRequest) -> None:
    given = [field for field in _LEGS if getattr(request, field) is not None]
    if request.order_class == "simple":
        if given:
            raise _invalid("legs_not_allowed", "A simple order has no take profit or stop loss.", given[0])
        return
    for field in given:
        _number(field, getattr(request, field), MAX_PRICE)
    if request.stop_loss_limit_price is not None and request.stop_loss_price is None:
        raise _invalid("stop_loss_price_required", "A stop-loss limit needs a stop-loss price.", "stop_loss_price")
    if request.time_in_force not in ("day", "gtc"):
        raise _invalid("invalid_time_in_force", "Linked orders are day or gtc.", "time_in_force")
    has_profit, has_loss = request.take_profit_price is not None, request.stop_loss_price is not None
    if request.order_class == "bracket" and not (has_profit and has_loss):
        raise _invalid("legs_required", "A bracket needs a take profit and a stop loss.", "take_profit_price")
    if request.order_class == "oto" and has_profit == has_loss:
        raise _invalid("legs_required", "An OTO order needs a take profit or a stop loss, one.", "take_profit_price")
    if request.order_class == "oco":
        if request.type != "limit" or has_profit or not has_loss:
            words = "An OCO pair is a limit order (the take profit) with a stop-loss price."
            raise _invalid("legs_required", words, "stop_loss_price")
    elif request.reduce_only:
        raise _invalid("reduce_only_not_allowed", "An entry with legs is not reduce-only.", "reduce_only")
    _legs_in_order(request)


def _legs_in_order(request: OrderRequest) -> None:
    """A take profit lies on the winning side of the stop loss (and of the entry's limit), a stop loss on the other."""
    entry_buys = request.side == "buy" if request.order_class != "oco" else request.side == "sell"
    profit = request.limit_price if request.order_class == "oco" else request.take_profit_price
    entry = request.limit_price if request.order_class != "oco" else None
    sign = 1 if entry_buys else -1
    points = [value for value in (request.stop_loss_price, entry, profit) if value is not None]
    if any(sign * (later - earlier) <= 0 for earlier, later in pairwise(points)):
        words = "below" if entry_buys else "above"
        raise _invalid(
            "legs_crossed", f"The stop loss must be {words} the entry and the take profit beyond it.", "stop_loss_price"
        )
