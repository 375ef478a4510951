"""Odds as they are asked for: histories of accounts, and answers that are kept for a while."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar

import numpy as np
from django.core.cache import cache
from redis.exceptions import RedisError

from core.errors import Invalid
from propfirm.domain.odds import PATHS, odds
from propfirm.domain.odds_figures import Odds
from propfirm.domain.odds_firm import FirmOdds, firm
from propfirm.domain.odds_live import LiveAccount, LiveLiability, live_liability
from propfirm.domain.odds_styles import STYLES, Preset, odds_style_read
from propfirm.domain.odds_types import (
    LEAST_TRADES,
    SESSIONS,
    Habits,
    History,
    OddsPlan,
    Trading,
)
from propfirm.selectors.odds import (
    MAX_POOLED_FILLS,
    AccountTrades,
    closed_trades,
    funded_accounts,
    own_account_ids,
)
from trading.domain.rules import RuleSet

__all__ = [
    "OWN",
    "STYLES",
    "HistoryRead",
    "Preset",
    "firm_for",
    "history_of",
    "history_of_accounts",
    "liability_of",
    "odds_for",
    "odds_style_read",
    "style_for",
]

OWN = "own"
# Raised when the model changes, so that answers of the old one are not given any more.
MODEL = 1
KEPT_SECONDS = 3_600
_LEAST_BALANCE = 0.1
T = TypeVar("T")


# Histories


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """A history, or None and why there is none."""

    history: History | None
    trades: int
    accounts: int
    reason: str = ""


def history_of(user_id: int) -> HistoryRead:
    """The closed trades of a person's own accounts, the newest 5,000. Read only."""
    return _read(closed_trades(own_account_ids(user_id)), "Your own trades")


def style_for(asked: Mapping[str, Any], user_id: int | None, history: HistoryRead | None = None) -> Trading:
    """The way of trading that is asked for: `preset` "own" draws from the asker's own closed trades.

    `history`: theirs, where it has been read already.

    Raises Invalid `odds_style_invalid`, and `no_history` when there is none to draw from.
    """
    if asked.get("preset") != OWN:
        return odds_style_read(asked)
    if user_id is None:
        raise Invalid("no_history", "Sign in to use your own trades.")
    read = history or history_of(user_id)
    if read.history is None:
        raise Invalid("no_history", read.reason, {"trades": read.trades})
    return read.history


def history_of_accounts(account_ids: Sequence[int], name: str = "") -> HistoryRead:
    """The closed trades of some accounts together: each account's days stay in a row, one account after another."""
    return _read(closed_trades(list(account_ids), most=MAX_POOLED_FILLS), name)


def _read(found: Sequence[AccountTrades], name: str) -> HistoryRead:
    trades, used = sum(len(item.trades) for item in found), [item for item in found if item.trades]
    if trades < LEAST_TRADES:
        words = f"{trades} closed trades are too few: from {LEAST_TRADES} on they say something."
        return HistoryRead(None, trades, len(used), words)
    return HistoryRead(_history(used, name), trades, len(used))


def _history(found: Sequence[AccountTrades], name: str) -> History:
    days: list[list[float]] = []
    sessions = 0
    dates = [trip.closed_at.date() for item in found for trip in item.trades if trip.closed_at is not None]
    has_weekends = any(day.weekday() >= 5 for day in dates)
    for item in found:
        by_day = _by_day(item)
        days += by_day.values()
        first, last = min(by_day), max(by_day)
        span = (last - first).days + 1
        sessions += span if has_weekends else int(np.busday_count(first, last)) + 1
    share = min(len(days) / max(sessions, 1), 1.0)
    return History.of(days, share, sessions=365 if has_weekends else SESSIONS, name=name)


def _by_day(item: AccountTrades) -> dict[date, list[float]]:
    """Results of an account's trades by the day that they closed on, as shares of the balance at the time.

    The balance is walked back from the present one; where little is left of it, results would be without measure, so it
    is at least a tenth of the initial one.
    """
    balance, least = item.balance_minor, max(item.initial_minor * _LEAST_BALANCE, 1)
    found: dict[date, list[float]] = {}
    for trip in reversed(item.trades):
        balance -= trip.net_minor
        if trip.closed_at is not None:
            found.setdefault(trip.closed_at.date(), []).insert(0, trip.net_minor / max(balance, least))
    return dict(sorted(found.items()))


# Answers


def _kept(what: str, asked: Any, make: Callable[[], T]) -> T:
    """The answer to a question that was asked within the hour, else a new one."""
    text = json.dumps([MODEL, what, asked], sort_keys=True, default=str)
    key = f"odds:{hashlib.sha256(text.encode()).hexdigest()}"
    try:
        kept: T | None = cache.get(key)
    except RedisError:
        return make()
    if kept is not None:
        return kept
    found = make()
    try:
        cache.set(key, found, KEPT_SECONDS)
    except RedisError:
        return found
    return found


def _asked(plan: OddsPlan, trading: Trading) -> list[Any]:
    days = trading.days if isinstance(trading, History) else ()
    rules = [phase.document_hash for phase in plan.phases]
    return [rules, plan.initial_minor, plan.price_minor, plan.currency, trading.to_json(), days]


def odds_for(
    *,
    rule_sets: Sequence[RuleSet],
    initial_minor: int,
    price_minor: int,
    currency: str,
    style: Trading,
    paths: int = PATHS,
    seed: int = 1,
    habits: Habits | None = None,
    horizon_days: int = SESSIONS,
) -> Odds:
    """The odds of a plan for one way of trading, kept for an hour. The last of `rule_sets` is the funded phase's.

    A second or two of work when it is new. Raises what propfirm.domain.odds.odds raises.
    """
    plan = OddsPlan(phases=tuple(rule_sets), initial_minor=initial_minor, price_minor=price_minor, currency=currency)
    habits = habits or Habits()
    asked = [_asked(plan, style), paths, seed, habits.to_json(), horizon_days]
    return _kept(
        "odds",
        asked,
        lambda: odds(plan, style, paths=paths, seed=seed, habits=habits, horizon_days=horizon_days),
    )


def firm_for(
    *,
    plan: OddsPlan,
    mix: Sequence[tuple[Trading, float]],
    paths: int = PATHS,
    seed: int = 1,
    habits: Habits | None = None,
    horizon_days: int = SESSIONS,
) -> FirmOdds:
    """What an account of a plan brings and costs the firm over a mix of (way of trading, share), kept for an hour.

    Raises what propfirm.domain.odds_firm.firm raises.
    """
    habits = habits or Habits()
    styles, weights = [trading for trading, _ in mix], [weight for _, weight in mix]
    asked = [[_asked(plan, trading) for trading in styles], weights, paths, seed, habits.to_json(), horizon_days]
    return _kept(
        "firm",
        asked,
        lambda: firm(plan, styles, weights, paths=paths, seed=seed, habits=habits, horizon_days=horizon_days),
    )


def _with_history(account: LiveAccount, trades: AccountTrades | None) -> LiveAccount:
    if trades is None or len(trades.trades) < LEAST_TRADES:
        return account
    return replace(account, history=_history([trades], ""))


def liability_of(
    fees: Mapping[int, int], *, at: datetime, fallback: Trading | None = None, seed: int = 1
) -> list[tuple[RuleSet, LiveLiability]]:
    """What funded accounts could ask for at the market's time `at` and may within 30 and 90 days, by rule set.

    `fees`: what was paid for each, minor units by trading account id; all of one market. Accounts with fewer than
    LEAST_TRADES closed trades trade as `fallback`, else as all the others together. Seconds of work for thousands.
    """
    own = {item.account_id: item for item in closed_trades(list(fees), most=MAX_POOLED_FILLS)}
    pooled = fallback or _read(list(own.values()), "All funded accounts").history
    found = []
    for rule_set, accounts in funded_accounts(dict(fees)):
        known = [_with_history(account, own.get(account.account_id)) for account in accounts]
        found.append((rule_set, live_liability(rule_set, known, at=at, fallback=pooled, seed=seed)))
    return found
