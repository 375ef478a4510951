"""The legs that a person's risk settings give to an entry that comes without any. Pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from trading.domain.case import Case
from trading.domain.fills import on_grid
from trading.domain.types import OrderRequest


def with_default_legs(case: Case) -> OrderRequest:
    """The request with a stop loss and take profit at the person's default distances, or the request itself."""
    request, limits = case.request, case.limits
    if limits.default_stop_pct is None and limits.default_target_pct is None:
        return request
    entry = request.order_class == "simple" and request.time_in_force in ("day", "gtc") and not request.reduce_only
    if not entry or case.opens != request.quantity or case.snapshot.holding.quantity:
        return request
    step, sign = case.instrument.tick_size, 1 if request.side == "buy" else -1

    def away(percent: Decimal | None, direction: int) -> Decimal | None:
        if percent is None:
            return None
        return on_grid(case.price * (1 + direction * sign * percent / 100), step, ROUND_HALF_EVEN)

    profit, loss = away(limits.default_target_pct, 1), away(limits.default_stop_pct, -1)
    return replace(
        request,
        order_class="bracket" if profit is not None and loss is not None else "oto",
        take_profit_price=profit,
        stop_loss_price=loss,
    )
