"""What `manage.py verify_books` checks beside the ledger itself: apps register the balances they cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A row that disagrees with the ledger. Apps may return dataclasses of their own instead."""

    subject: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How many rows a check looked at, and those that disagree."""

    checked: int
    mismatches: Sequence[Any]


BalanceCheck = Callable[[], CheckResult | Sequence[Any]]
_checks: dict[str, BalanceCheck] = {}


def register_balance_check(name: str, check: BalanceCheck) -> None:
    """Have `verify_books` run a check, which returns the mismatches, or a CheckResult that also counts the rows."""
    _checks[name] = check


def balance_checks() -> dict[str, BalanceCheck]:
    """The registered checks by name."""
    return dict(_checks)
