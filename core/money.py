"""Exact money: an integer count of a currency's minor unit.

Prices and quantities are `Decimal`; they become money once, when a fill is posted, rounding half-even.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from core.errors import DomainError

# ISO 4217 minor-unit exponents that are not 2.
_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3, "JOD": 3}


def exponent(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217): USD 2, JPY 0, KWD 3."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Round a major-unit amount half-even to integer minor units. Raises DomainError on NaN or infinity."""
    if not amount.is_finite():
        raise DomainError("invalid_amount", "The amount is not a finite number.")
    return int(amount.scaleb(exponent(currency)).to_integral_value(rounding=ROUND_HALF_EVEN))


def to_major(minor: int, currency: str) -> Decimal:
    """Minor units as an exact major-unit Decimal with the currency's places (12345 USD -> 123.45)."""
    return Decimal(minor).scaleb(-exponent(currency))


def major_text(minor: int, currency: str) -> str:
    """Minor units as the text that the API carries (12345 USD -> "123.45")."""
    return str(to_major(minor, currency))


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: `minor` integer minor units of `currency` (ISO 4217 code)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError("Money.minor must be an int")

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Money from a major-unit amount ("12.34"). Raises DomainError when it is not a number."""
        try:
            return cls(to_minor(Decimal(amount), currency), currency)
        except InvalidOperation as error:
            raise DomainError("invalid_amount", "The amount is not a number.") from error

    @property
    def amount(self) -> Decimal:
        """The amount in major units."""
        return to_major(self.minor, self.currency)

    def _check(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"currencies differ: {self.currency} and {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._check(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._check(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._check(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._check(other)
        return self.minor <= other.minor

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"
