"""What a well-formed order request is. Anything else is malformed (400) and stores nothing. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

from core.errors import Invalid
from trading.domain.types import OrderRequest

MAX_QUANTITY = Decimal(10**9)
MAX_PRICE = Decimal(10**9)
_PLACES = 6
_STEP = Decimal(1).scaleb(-_PLACES)
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,15}")


def _number(field: str, value: Decimal, most: Decimal) -> None:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Invalid(f"invalid_{field}", f"The {field.replace('_', ' ')} must be a number.", {"field": field})
    if value <= 0:
        raise Invalid(f"invalid_{field}", f"The {field.replace('_', ' ')} must be above zero.", {"field": field})
    if value > most:
        raise Invalid(f"invalid_{field}", f"The {field.replace('_', ' ')} may be at most {most:,}.", {"field": field})
    if value != value.quantize(_STEP):
        raise Invalid(
            f"invalid_{field}",
            f"The {field.replace('_', ' ')} has more than {_PLACES} decimal places.",
            {"field": field},
        )


def validate(request: OrderRequest) -> None:
    """Raise Invalid with a code of its own for each thing that can be wrong with the request itself."""
    if not _SYMBOL.fullmatch(request.symbol):
        raise Invalid("invalid_symbol", "A symbol has 1 to 16 letters, digits, dots or dashes.", {"field": "symbol"})
    if request.side not in ("buy", "sell"):
        raise Invalid("invalid_side", "The side is buy or sell.", {"field": "side"})
    if request.type not in ("market", "limit"):
        raise Invalid("invalid_type", "The type is market or limit.", {"field": "type"})
    if request.time_in_force not in ("day", "gtc"):
        raise Invalid("invalid_time_in_force", "The time in force is day or gtc.", {"field": "time_in_force"})
    _number("quantity", request.quantity, MAX_QUANTITY)
    if request.type == "limit":
        if request.limit_price is None:
            raise Invalid("limit_price_required", "A limit order needs a limit price.", {"field": "limit_price"})
        _number("limit_price", request.limit_price, MAX_PRICE)
    elif request.limit_price is not None:
        raise Invalid("limit_price_not_allowed", "A market order has no limit price.", {"field": "limit_price"})
    if len(request.client_order_id) > 64 or not request.client_order_id.isprintable():
        raise Invalid("invalid_client_order_id", "A client order id has at most 64 printable characters.")
