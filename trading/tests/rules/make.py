"""Rule sets, states and observations for the tests, in whole dollars where that reads better."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trading.domain.rules import (
    Closing,
    FillFact,
    Observation,
    OrderFacts,
    PositionFact,
    RuleSet,
    evaluate_mark,
    roll_day,
    start,
)

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
PRAGUE = {"time": "00:00", "zone": "Europe/Prague"}


def days(number):
    return timedelta(days=number)


def rules(*items, currency="USD"):
    return RuleSet.from_json({"version": 1, "name": "Test", "currency": currency, "rules": list(items)})


def percent(value, basis="initial"):
    return {"basis": basis, "value": str(value)}


def fixed(value):
    return {"basis": "fixed", "value": str(value)}


def cents(dollars):
    return int(Decimal(str(dollars)) * 100)


def begin(rule_set, dollars=100_000, at=T0):
    return start(rule_set, initial_minor=cents(dollars), at=at)


def seen(balance, equity=None, at=T0, positions=None):
    """An observation in dollars; a floating result is one position that makes it."""
    equity = balance if equity is None else equity
    floating = cents(equity) - cents(balance)
    if positions is None:
        positions = (held(floating),) if floating else ()
    return Observation(at, cents(balance), cents(equity), tuple(positions))


def held(profit_minor, symbol="AAA"):
    price = Decimal(100) + Decimal(profit_minor) / 100
    return PositionFact(symbol, Decimal(1), price, 10_000 + profit_minor, 10_000, source="replay", quoted_at=T0)


def mark(rule_set, state, balance, equity=None, at=T0):
    return evaluate_mark(rule_set, state, seen(balance, equity, at))


def roll(rule_set, state, balance, equity=None, at=None):
    """Roll at the state's next reset, closing at the same figures."""
    found = seen(balance, equity, at or state.next_reset())
    return roll_day(rule_set, state, found, Closing(found.balance_minor, found.equity_minor))


def order(**changed):
    facts = {
        "at": T0,
        "symbol": "AAA",
        "side": "buy",
        "quantity": Decimal(10),
        "price": Decimal(100),
        "balance_minor": cents(100_000),
        "equity_minor": cents(100_000),
        "notional_minor": cents(1_000),
    }
    return OrderFacts(**(facts | changed))


def fill(**changed):
    facts = {
        "at": T0,
        "symbol": "AAA",
        "opened": True,
        "increased": True,
        "realized_minor": 0,
        "balance_minor": cents(100_000),
        "equity_minor": cents(100_000),
    }
    return FillFact(**(facts | changed))


def told(verdicts):
    return [(verdict.kind, verdict.code) for verdict in verdicts]


def kinds(verdicts):
    return [verdict.kind for verdict in verdicts]
