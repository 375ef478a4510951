"""Rules in plain English, made from the same data that decides. Every figure shown comes from the rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from decimal import Decimal
from typing import Any

from core.money import exponent
from trading.domain.rules import conduct as c
from trading.domain.rules import limits as lim
from trading.domain.rules import rewards as rew
from trading.domain.rules.knobs import Amount
from trading.domain.rules.limits import Rule
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.times import Reset
from trading.domain.types import plain

_BASES = {
    "initial": "the initial balance",
    "reference": "the day's reference",
    "high_water": "the high-water mark",
    "equity": "equity",
    "profit": "the profit",
}
_SEVERITIES = {
    "fail": "positions are closed, orders cancelled and the account is locked for good",
    "soft": "positions are closed, orders cancelled and the account is locked until the next reset",
    "warn": "you are told",
}
_DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}


def money(amount: Decimal, currency: str) -> str:
    """Major units with grouping and at least the currency's places: 1234.5 USD -> "1,234.50 USD"."""
    text = f"{amount:,.{exponent(currency)}f}" if amount == round(amount, exponent(currency)) else f"{amount:,}"
    return f"{text} {currency}"


def minor(amount_minor: int, currency: str) -> str:
    """Minor units as money text."""
    return money(Decimal(amount_minor).scaleb(-exponent(currency)), currency)


def size(amount: Amount, currency: str) -> str:
    """An amount: "5% of the initial balance" or "500.00 USD"."""
    if amount.basis == "fixed":
        return money(amount.value, currency)
    return f"{plain(amount.value)}% of {_BASES[amount.basis]}"


def clock(at: time) -> str:
    """HH:MM, seconds when there are any."""
    return at.isoformat("seconds" if at.second else "minutes")


def when(reset: Reset) -> str:
    """A reset."""
    return f"{clock(reset.time)} {reset.zone}"


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _levels(levels: tuple[int, ...], of: str) -> str:
    if not levels:
        return ""
    text = ", ".join(f"{level}%" for level in levels[:-1])
    return f" You are told at {text + ' and ' if text else ''}{levels[-1]}% of the {of}."


def _consequence(severity: str) -> str:
    return f" On a breach {_SEVERITIES[severity]}."


def _daily_loss(rule: lim.DailyLoss, currency: str) -> str:
    start = {"balance": "balance", "equity": "equity", "max": "balance or equity, whichever is larger,"}[rule.reference]
    tested = "equity, open positions and costs included," if rule.tested == "equity" else "the closed balance"
    line = "at or below" if rule.comparator == "at_or_below" else "below"
    return (
        f"Daily loss: {tested} may not be {line} the {start} at {when(rule.reset)} less {size(rule.amount, currency)}."
        + _consequence(rule.severity)
        + _levels(rule.warn_at, "limit")
    )


def _max_loss(rule: lim.MaxLoss, currency: str) -> str:
    base = {
        "static": "the initial balance",
        "end_of_day": f"the highest closing balance (days close at {when(rule.reset)})",
        "intraday": "the highest equity reached, unrealised profit included,",
    }[rule.trailing]
    tested = "equity, open positions and costs included," if rule.tested == "equity" else "the closed balance"
    line = "at or below" if rule.comparator == "at_or_below" else "below"
    text = f"Maximum loss: {tested} may not be {line} {base} less {size(rule.amount, currency)}."
    if rule.trailing != "static":
        above = f" plus {money(rule.lock_offset, currency)}" if rule.lock_offset else ""
        text += (
            " The floor never falls."
            if rule.lock == "never"
            else f" The floor never falls, and stops rising at the initial balance{above}."
        )
    return text + _consequence(rule.severity) + _levels(rule.warn_at, "limit")


def _target(rule: lim.ProfitTarget, currency: str) -> str:
    tested = "the closed balance" if rule.tested == "balance" else "equity"
    flat = " with no position open" if rule.require_flat else ""
    return f"Profit target: {tested} must reach the initial balance plus {size(rule.amount, currency)}{flat}."


_EFFECTS = {"passing": "passing", "payout": "a payout", "both": "passing and a payout"}


def _min_days(rule: lim.MinTradingDays, currency: str) -> str:
    how = "a new position is opened in it"
    if rule.counts == "profit" and rule.min_profit:
        how = f"it closes with a profit of at least {size(rule.min_profit, currency)}"
    return (
        f"Trading days: {_EFFECTS[rule.effect]} needs {count(rule.days, 'day')}. "
        f"A day counts when {how}; days end at {when(rule.reset)}."
    )


def _consistency(rule: lim.Consistency, _currency: str) -> str:
    line = "at most" if rule.comparator == "at_or_below" else "less than"
    base = "the total profit" if rule.denominator == "total_profit" else "the sum of winning days"
    return (
        f"Consistency: the best day may make {line} {plain(rule.percent)}% of {base}. It holds back "
        f"{_EFFECTS[rule.effect]} until then and is never a breach. Days end at {when(rule.reset)}."
    )


def _inactivity(rule: lim.Inactivity, _currency: str) -> str:
    return f"Inactivity: {count(rule.days, 'day')} without a trade ends the phase." + _levels(rule.warn_at, "time")


def _time_limit(rule: lim.TimeLimit, _currency: str) -> str:
    if rule.days is None:
        return "Time limit: none."
    origin = "the start" if rule.counted_from == "start" else "the first trade"
    return f"Time limit: {count(rule.days, 'day')} from {origin}." + _levels(rule.warn_at, "time")


def _symbols(symbols: tuple[str, ...]) -> str:
    return ", ".join(symbols) if symbols else "any symbol"


def _loss_per_trade(rule: c.LossPerTrade, currency: str) -> str:
    where = "counted open or closed" if rule.tested == "open" else "counted when it is closed"
    line = "more than" if rule.comparator == "above" else "as much as or more than"
    return (
        f"Loss per trade: no trade may lose {line} {size(rule.amount, currency)}, {where}; "
        "an order whose stop risks it is not taken." + _consequence(rule.severity)
    )


def _stop(rule: c.StopRequired, _currency: str) -> str:
    far = rule.max_distance_percent
    return "Stop-loss: an order that opens a position needs one." + (
        f" It may be at most {plain(far)}% from the price." if far is not None else ""
    )


def _instruments(rule: c.AllowedInstruments, _currency: str) -> str:
    parts = []
    if rule.asset_classes:
        parts.append(f"only {', '.join(rule.asset_classes)}")
    if rule.allow:
        parts.append(f"only {', '.join(rule.allow)}")
    if rule.deny:
        parts.append(f"not {', '.join(rule.deny)}")
    return f"Instruments: {'; '.join(parts)}."


def _sessions(rule: c.AllowedSessions, _currency: str) -> str:
    windows = "; ".join(
        f"{', '.join(_DAYS[day] for day in window.days)} {clock(window.start)} to {clock(window.end)}"
        for window in rule.windows
    )
    return f"Sessions: positions are opened only {windows} ({rule.zone})."


def _overnight(rule: c.NoOvernight, _currency: str) -> str:
    days = "" if len(rule.days) == len(_DAYS) else f" ({', '.join(_DAYS[day] for day in rule.days)})"
    return (
        f"No overnight: no position is held or opened from {clock(rule.flat_by)}{days} "
        f"until {clock(rule.reopen)} {rule.zone}." + _consequence(rule.severity)
    )


def _weekend(rule: c.FlatByWeekend, _currency: str) -> str:
    return (
        f"Weekend: no position is held or opened from {_DAYS[rule.flat_day]} {clock(rule.flat_by)} until "
        f"{_DAYS[rule.reopen_day]} {clock(rule.reopen)} {rule.zone}." + _consequence(rule.severity)
    )


def _news(rule: c.NewsBlackout, _currency: str) -> str:
    level = "" if rule.impact == "low" else f" of {rule.impact} impact" + (" or more" if rule.impact != "high" else "")
    stops = " A stop or target that fills then counts too." if rule.include_stops else ""
    before, after = count(rule.minutes_before, "minute"), count(rule.minutes_after, "minute")
    return (
        f"News: no position is opened from {before} before until {after} after scheduled news{level}.{stops}"
        + _consequence(rule.severity)
    )


def _scaling(rule: rew.Scaling, currency: str) -> str:
    paid = f" and {count(rule.min_payouts, 'payout')}" if rule.min_payouts else ""
    cap = f", up to {money(rule.cap, currency)}" if rule.cap is not None else ""
    return (
        f"Scaling: after every {count(rule.every_months, 'month')} ({rule.zone}) with a profit of at least "
        f"{plain(rule.min_profit_percent)}%{paid} the account grows by {plain(rule.increase_percent)}% "
        f"of the original balance{cap}."
    )


def _payout(rule: rew.Payout, currency: str) -> str:
    first = f"the first {count(rule.first_after_days, 'day')} after the first trade"
    again = f"then every {count(rule.every_days, 'day')}"
    when_first = first if rule.first_after_days else "the first as soon as there was a trade"
    when_next = again if rule.every_days else "then whenever you ask"
    text = f"Payout: {when_first}, {when_next}. You receive {plain(rule.split_percent)}% of the profit withdrawn"
    for step in rule.split_steps:
        text += f", {plain(step.percent)}% after {count(step.after, 'payout')}"
    text += f". The least is {money(rule.minimum, currency)}." if rule.minimum else "."
    if rule.cap is not None:
        text += f" The most is {size(rule.cap, currency)}."
    if rule.buffer is not None:
        text += f" Profit of {size(rule.buffer, currency)} stays in the account."
    needs = [
        word
        for wanted, word in (
            (rule.requires_flat, "no open position"),
            (rule.requires_no_orders, "no resting order"),
            (rule.requires_identity, "a finished identity check"),
        )
        if wanted
    ]
    text += f" It needs {', '.join(needs)}." if needs else ""
    return text + (
        " The amount leaves the account."
        if rule.after == "deduct"
        else " All profit leaves the account, which starts again."
    )


def _second_chance(rule: rew.SecondChance, currency: str) -> str:
    parts = []
    if rule.free_retries:
        retries = "1 free retry" if rule.free_retries == 1 else f"{rule.free_retries} free retries"
        parts.append(f"{retries} when the time ran out without a breach and in profit")
    if rule.reset_price is not None:
        bound = "" if rule.max_resets is None else f", at most {rule.max_resets} times"
        parts.append(f"a reset for {money(rule.reset_price, currency)}{bound}")
    if rule.refund_fee_with_payout is not None:
        parts.append(f"{plain(rule.refund_percent)}% of the fee is refunded with payout {rule.refund_fee_with_payout}")
    return f"Second chance: {'; '.join(parts) or 'none'}."


_WORDS: dict[str, Callable[[Any, str], str]] = {
    "daily_loss": _daily_loss,
    "max_loss": _max_loss,
    "profit_target": _target,
    "min_trading_days": _min_days,
    "consistency": _consistency,
    "inactivity": _inactivity,
    "time_limit": _time_limit,
    "max_quantity": lambda r, _: f"Position size: at most {plain(r.quantity)} units of {_symbols(r.symbols)}.",
    "max_notional": lambda r, cur: f"Position value: at most {size(r.amount, cur)} in {_symbols(r.symbols)}.",
    "max_gross_exposure": lambda r, cur: f"Exposure: all positions together are worth at most {size(r.amount, cur)}.",
    "max_symbol_share": lambda r, _: f"Concentration: one symbol is at most {plain(r.percent)}% of equity.",
    "max_open_positions": lambda r, _: f"Open positions: at most {r.count} at once.",
    "max_lots_per_order": lambda r, _: f"Order size: at most {plain(r.lots)} lots an order.",
    "loss_per_trade": _loss_per_trade,
    "stop_required": _stop,
    "allowed_instruments": _instruments,
    "allowed_sessions": _sessions,
    "no_overnight": _overnight,
    "flat_by_weekend": _weekend,
    "news_blackout": _news,
    "scaling": _scaling,
    "payout": _payout,
    "second_chance": _second_chance,
}


def words(rule: Rule, currency: str) -> str:
    """The rule in plain English; amounts of money in `currency`."""
    return _WORDS[rule.kind](rule, currency)


def rule_set_words(rule_set: RuleSet) -> list[str]:
    """Each rule of the set in plain English, in order."""
    return [words(rule, rule_set.currency) for rule in rule_set.rules]
