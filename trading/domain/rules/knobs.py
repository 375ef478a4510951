"""What a knob of a rule may be. One spec per field reads JSON, writes JSON and describes itself as JSON Schema.

Amounts of money in a rule set are major units as decimal strings; percentages are decimal strings ("5", "2.5").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

from core.money import exponent
from trading.domain.types import plain

_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,10})?$"


class Problem(ValueError):
    """One knob is wrong; the message says what is expected. `path` is relative to the knob ("value", "[2].start")."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message, self.path = message, path


class Spec(Protocol):
    """One kind of value."""

    def read(self, raw: Any) -> Any:
        """The typed value. Raises Problem."""
        ...

    def write(self, value: Any) -> Any:
        """The value as JSON."""
        ...

    def schema(self) -> dict[str, Any]:
        """The value as JSON Schema, draft 2020-12."""
        ...


def knob(spec: Spec, about: str, default: Any = MISSING) -> Any:
    """A dataclass field with its spec and what it means; without a default the knob is required."""
    if default is MISSING:
        return field(metadata={"spec": spec, "about": about})
    return field(default=default, metadata={"spec": spec, "about": about})


@lru_cache(maxsize=1024)
def fraction(value: Decimal) -> Fraction:
    """The Decimal of a knob as a fraction; rules have few, and marks ask for them again and again."""
    return Fraction(value)


@dataclass(frozen=True, slots=True)
class Amount:
    """A size: money (`fixed`, major units) or a percentage of a basis ("initial", "equity"...)."""

    basis: str
    value: Decimal

    def exact(self, bases: Mapping[str, int], currency: str) -> Fraction:
        """The exact amount in minor units, unrounded; `bases` are minor units by name. Raises KeyError."""
        if self.basis == "fixed":
            return fraction(self.value) * int(10 ** exponent(currency))
        return fraction(self.value) * bases[self.basis] / 100


@dataclass(frozen=True, slots=True)
class Step:
    """From `after` payouts on, `percent` goes to the trader."""

    after: int
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Text:
    """Free text."""

    most: int = 64
    pattern: str = r"^[A-Za-z0-9_.:-]*$"

    def read(self, raw: Any) -> str:
        """The text itself."""
        if not isinstance(raw, str) or len(raw) > self.most or not re.fullmatch(self.pattern, raw):
            raise Problem(f"Give a text of at most {self.most} letters, digits or _ . : -")
        return raw

    def write(self, value: str) -> str:
        """Unchanged."""
        return value

    def schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "maxLength": self.most, "pattern": self.pattern}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    options: tuple[str, ...]

    def read(self, raw: Any) -> str:
        """The word."""
        if not isinstance(raw, str) or raw not in self.options:
            raise Problem(f"Choose one of: {', '.join(self.options)}.")
        return raw

    def write(self, value: str) -> str:
        """Unchanged."""
        return value

    def schema(self) -> dict[str, Any]:
        """An enumeration."""
        return {"enum": list(self.options)}


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    def read(self, raw: Any) -> bool:
        """True or false."""
        if not isinstance(raw, bool):
            raise Problem("Give true or false.")
        return raw

    def write(self, value: bool) -> bool:
        """Unchanged."""
        return value

    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    least: int = 0
    most: int = 100_000

    def read(self, raw: Any) -> int:
        """The integer."""
        if isinstance(raw, bool) or not isinstance(raw, int) or not self.least <= raw <= self.most:
            raise Problem(f"Give a whole number from {self.least} to {self.most}.")
        return raw

    def write(self, value: int) -> int:
        """Unchanged."""
        return value

    def schema(self) -> dict[str, Any]:
        """An integer."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Number:
    """An exact decimal, as a string (a whole JSON number is taken too; a fraction as a JSON number is not)."""

    above: Decimal | None = Decimal(0)
    least: Decimal | None = None
    most: Decimal | None = None

    def read(self, raw: Any) -> Decimal:
        """The Decimal."""
        if isinstance(raw, bool) or not isinstance(raw, str | int) or not re.fullmatch(_NUMBER, str(raw)):
            raise Problem('Give a decimal number as a string, for example "2.5".')
        value = Decimal(str(raw))
        if self.above is not None and value <= self.above:
            raise Problem(f"Give a number above {self.above}.")
        if self.least is not None and value < self.least:
            raise Problem(f"Give a number of at least {self.least}.")
        if self.most is not None and value > self.most:
            raise Problem(f"Give a number of at most {self.most}.")
        return value

    def write(self, value: Decimal) -> str:
        """A plain decimal string."""
        return plain(value)

    def schema(self) -> dict[str, Any]:
        """A decimal string or an integer; bounds are checked on reading."""
        return {"anyOf": [{"type": "string", "pattern": _NUMBER}, {"type": "integer"}]}


PERCENT = Number(most=Decimal(100))
MONEY = Number(above=None, least=Decimal(0))
