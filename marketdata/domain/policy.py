"""What prices of an exchange may be used for. Policies are data (`MarketPolicy`), read here. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of an exchange in force on a day. `live_by`: who may be shown its live prices."""

    exchange: str
    allows_money: bool
    lag_minutes: int
    live_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to do with an exchange's prices.

    `money`: entry fees or prizes are at stake. `newest`: the time of the newest price that will be shown; None: live.
    """

    money: bool
    newest: datetime | None


def refusal(policy: Policy | None, use: Use, now: datetime) -> str | None:
    """Why a use is not allowed, in words for an operator; None when it is. Without a policy nothing is forbidden."""
    if policy is None:
        return None
    if use.money and not policy.allows_money:
        return f"Prices of {policy.exchange} may not be used with entry fees or prizes. {policy.reason}".strip()
    if use.newest is None and policy.live_by != "anyone":
        who = "on the person's own broker link only" if policy.live_by == "own_broker" else "to nobody"
        return f"Live prices of {policy.exchange} may be shown {who}. {policy.reason}".strip()
    if policy.lag_minutes and (use.newest is None or now - use.newest < timedelta(minutes=policy.lag_minutes)):
        lag = _words(policy.lag_minutes)
        return f"Prices of {policy.exchange} must be at least {lag} old in a contest. {policy.reason}".strip()
    return None


def _words(minutes: int) -> str:
    if minutes % 1440 == 0:
        days = minutes // 1440
        return f"{days} day{'' if days == 1 else 's'}"
    return f"{minutes} minutes"
