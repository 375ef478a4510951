"""Verdicts as operators look at them: whose, by which numbers, and whether they hold when they are computed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.money import Money
from propfirm.models import PropPhase
from trading.domain.rules import Observation
from trading.domain.rules.wire import decode
from trading.models import Verdict
from trading.selectors.rules import VerdictView, verdict_check, verdict_view


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A verdict with the account of the firm that it is about. `holds` is None until it was computed again."""

    view: VerdictView
    number: str
    account_id: int
    phase: str
    numbers: tuple[tuple[str, str], ...]
    holds: bool | None = None
    differences: tuple[str, ...] = ()


def verdict_rows(rows: Iterable[Verdict]) -> list[VerdictRow]:
    """Verdicts with their accounts and numbers; two queries more, whatever their number."""
    found = list(rows)
    phases = PropPhase.objects.filter(trading_account_id__in={row.account_id for row in found})
    names = {
        trading: (number, pk, name)
        for trading, number, pk, name in phases.values_list(
            "trading_account_id", "account__number", "account_id", "name"
        )
    }
    figures = Verdict.objects.filter(pk__in=[row.pk for row in found])
    numbers = {
        pk: numbers_of(figures or {}, state or {}, inputs or {})
        for pk, figures, state, inputs in figures.values_list(
            "pk", "evidence__figures", "evidence__state", "evidence__inputs"
        )
    }
    return [VerdictRow(verdict_view(row), *names[row.account_id], tuple(numbers[row.pk])) for row in found]


def checked(rows: Iterable[VerdictRow]) -> list[VerdictRow]:
    """Each computed again from its own evidence."""
    return [_checked(row) for row in rows]


def _checked(row: VerdictRow) -> VerdictRow:
    found = verdict_check(row.view.id)
    return row if found is None else replace(row, holds=found[1].ok, differences=found[1].differences)


# What is shown first, and how it is called; other amounts follow under their own names.
_NAMES = {
    "floor_minor": "floor", "tested_minor": "compared", "reference_minor": "reference", "allowance_minor": "allowance",
    "level": "level, %", "available_minor": "available", "gross_minor": "withdrawn", "trader_minor": "trader",
    "firm_minor": "firm", "split_percent": "share, %",
}  # fmt: skip


def numbers_of(
    figures: Mapping[str, Any], state: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """The numbers that a verdict names, in words: money in the account's currency, then the account as it was seen."""
    currency = str(state.get("currency", "USD"))
    found = []
    for name in sorted(figures, key=lambda item: (list(_NAMES).index(item) if item in _NAMES else len(_NAMES), item)):
        value = figures[name]
        label = _NAMES.get(name, name.removesuffix("_minor").replace("_", " "))
        if type(value) is int and name.endswith("_minor"):
            found.append((label, _amount(value, currency)))
        elif name in _NAMES and isinstance(value, str | int):
            found.append((label, str(value)))
    seen = inputs.get("observation")
    if seen is not None:
        read = decode(Observation, seen)
        found += [("balance", _amount(read.balance_minor, currency)), ("equity", _amount(read.equity_minor, currency))]
    return found


def _amount(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).amount:,f} {currency}".replace("-", "\N{MINUS SIGN}")
