"""The rules of a contest as an account policy of the order path. Pure: data in, a denial or nothing out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from contests.domain.constraints import Constraints
from trading.domain.ports import PolicyContext
from trading.domain.types import Denial


def policy_data(
    constraints: Constraints, allowed_symbols: tuple[str, ...], ends_at: datetime | None = None
) -> dict[str, Any]:
    """What the group of a contest stores for its policy. `ends_at`: its end on the market's clock, where known."""
    data = constraints.as_json()
    if constraints.closing_minutes and ends_at is not None:
        data["opens_until"] = (ends_at - timedelta(minutes=constraints.closing_minutes)).isoformat()
    if allowed_symbols:
        data["allowed_symbols"] = sorted(allowed_symbols)
    return data


def contest_policy(policy: Mapping[str, Any], context: PolicyContext) -> Denial | None:
    """Judge an order by the rules of its contest: symbols, the last minutes, trades a day, share of one position.

    What only reduces a position is always allowed.
    """
    return _symbol(policy, context) or _late(policy, context) or _trades(policy, context) or _share(policy, context)


def _symbol(policy: Mapping[str, Any], context: PolicyContext) -> Denial | None:
    allowed = policy.get("allowed_symbols")
    if not allowed or context.request.symbol in allowed or not context.opens:
        return None
    return Denial(
        "symbol_not_allowed",
        f"{context.request.symbol} is not traded in this contest. Choose one of its {len(allowed)} symbols.",
        {"allowed_symbols": list(allowed)},
    )


def _late(policy: Mapping[str, Any], context: PolicyContext) -> Denial | None:
    until = policy.get("opens_until")
    if until is None or not context.opens or context.market_at is None:
        return None
    if datetime.fromisoformat(context.market_at) < datetime.fromisoformat(until):
        return None
    return Denial(
        "closing_minutes",
        f"In the last {policy['closing_minutes']} minutes of this contest nothing may be opened. Close what you hold, "
        "or let it be marked at the end.",
        {"closing_minutes": policy["closing_minutes"], "opens_until": until},
    )


def _trades(policy: Mapping[str, Any], context: PolicyContext) -> Denial | None:
    limit = policy.get("max_trades_per_day")
    if limit is None or not context.opens or (context.trades_today or 0) < int(limit):
        return None
    return Denial(
        "daily_trade_limit",
        f"This contest allows {limit} trades a market day and you have made them, orders that wait included. "
        "Cancel one that waits, or trade again on the next day.",
        {"limit": int(limit), "trades_today": context.trades_today},
    )


def _share(policy: Mapping[str, Any], context: PolicyContext) -> Denial | None:
    percent = policy.get("max_position_pct")
    if percent is None or not context.opens:
        return None
    equity = context.equity_minor if context.equity_minor is not None else context.cash_minor
    if Decimal(context.position_notional_minor) * 100 <= Decimal(str(percent)) * equity:
        return None
    share = (Decimal(context.position_notional_minor) * 100 / equity).quantize(Decimal("0.1")) if equity > 0 else None
    room = Decimal(str(percent)) * equity / 100 - (context.position_notional_minor - context.notional_minor)
    most = int(room * context.request.quantity / context.notional_minor) if context.notional_minor and room > 0 else 0
    advice = f"Buy {most:,} shares or less." if most else "You hold as much of it as the contest allows."
    return Denial(
        "position_limit",
        f"This contest allows {percent}% of your equity in one symbol; this order would make it {share}%. {advice}",
        {"max_position_pct": str(percent), "position_pct": str(share), "max_quantity": str(most)},
    )
