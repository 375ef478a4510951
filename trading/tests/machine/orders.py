"""Orders of every kind, drawn by Hypothesis around a price."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from trading.domain.requests import validate
from trading.domain.revision import Revision
from trading.domain.types import TIMES_IN_FORCE, OrderRequest

SIDES = st.sampled_from(["buy", "sell"])
SYMBOLS = st.sampled_from(["AAA", "AAA", "BBB"])
QUANTITIES = st.one_of(st.integers(1, 8), st.integers(1, 80), st.integers(100, 400)).map(Decimal)
# Distances from the last price in cents; near ones more often, so that prints reach them.
AWAY = st.one_of(st.integers(0, 60), st.integers(0, 400), st.integers(0, 900)).map(lambda cents: Decimal(cents) / 100)
TRAILS = st.one_of(
    st.builds(lambda cents: {"trail_amount": Decimal(cents) / 100}, st.integers(1, 500)),
    st.builds(lambda tenths: {"trail_percent": Decimal(tenths) / 10}, st.integers(1, 80)),
)


def _limit(draw: Any, side: str, last: Decimal) -> Decimal:
    """Mostly on the resting side of the market, sometimes through it."""
    away = draw(AWAY) * draw(st.sampled_from([1, 1, 1, -1]))
    return max(last - away if side == "buy" else last + away, Decimal("0.01"))


@st.composite
def requests(draw: st.DrawFn, last: Decimal, at: datetime) -> OrderRequest:
    """A request that is well formed; whether it is taken is for the checks."""
    side, sign = draw(SIDES), 1
    sign = 1 if side == "buy" else -1
    kind = draw(st.sampled_from(["market", "limit", "limit", "limit", "stop", "stop_limit", "trailing_stop"]))
    held = draw(st.sampled_from(["simple"] * 5 + ["bracket", "oto", "oco"]))
    tif = draw(st.sampled_from(TIMES_IN_FORCE if held == "simple" else ("day", "gtc")))
    if tif in ("ioc", "fok", "opg", "cls") and kind not in ("market", "limit"):
        kind = "limit"
    values: dict[str, Any] = {"reduce_only": held == "simple" and draw(st.integers(0, 5)) == 0}
    if held == "oco":
        kind = "limit"
    if kind in ("limit", "stop_limit"):
        values["limit_price"] = _limit(draw, side, last) if held != "oco" else last - sign * (draw(AWAY) + 1)
    if kind in ("stop", "stop_limit"):
        values["stop_price"] = last + sign * (draw(AWAY) + Decimal("0.01"))
        if kind == "stop_limit":
            values["limit_price"] = values["stop_price"] + sign * draw(AWAY) * draw(st.sampled_from([1, 1, -1]))
    if kind == "trailing_stop":
        values |= draw(TRAILS)
    if tif == "gtd":
        values["expires_at"] = at + timedelta(hours=draw(st.integers(1, 100)))
    if held in ("bracket", "oto"):
        base = values.get("limit_price") or values.get("stop_price") or last
        wanted = draw(st.sampled_from(["profit", "loss"])) if held == "oto" else "both"
        if wanted != "loss":
            values["take_profit_price"] = base + sign * (draw(AWAY) + Decimal("0.05"))
        if wanted != "profit":
            values["stop_loss_price"] = base - sign * (draw(AWAY) + Decimal("0.05"))
            if draw(st.integers(0, 3)) == 0:
                values["stop_loss_limit_price"] = values["stop_loss_price"] - sign * draw(AWAY)
    elif held == "oco":
        values["stop_loss_price"] = last + sign * (draw(AWAY) + Decimal("0.05"))
    quantity = draw(QUANTITIES)
    return OrderRequest(
        symbol="", side=side, quantity=quantity, type=kind, time_in_force=tif, order_class=held, **values
    )


@st.composite
def revisions(draw: st.DrawFn, last: Decimal) -> Revision:
    """A change of an order that rests: of anything, sensible or not."""
    names = draw(st.sets(st.sampled_from(["quantity", "limit_price", "stop_price", "tif"]), min_size=1, max_size=2))
    values: dict[str, Any] = {}
    if "quantity" in names:
        values["quantity"] = draw(QUANTITIES)
    for name in ("limit_price", "stop_price"):
        if name in names:
            values[name] = max(last + draw(AWAY) * draw(st.sampled_from([1, -1])), Decimal("0.01"))
    if "tif" in names:
        values["time_in_force"] = draw(st.sampled_from(["day", "gtc", "ioc"]))
    return Revision(**values)


__all__ = ["QUANTITIES", "SYMBOLS", "requests", "revisions", "validate"]
