"""Figures and ages in few characters."""

from __future__ import annotations

from decimal import Decimal

_STEPS = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K"))


def compact(number: Decimal | int) -> str:
    """A large figure with three digits or so: 1234567 -> 1.23 M."""
    value = Decimal(number)
    for step, letter in _STEPS:
        if abs(value) >= step:
            part = value / step
            places = 2 if part < 10 else 1 if part < 100 else 0
            return f"{part:.{places}f} {letter}"
    return f"{value:.0f}"


def signed(value: Decimal, places: int) -> str:
    """A figure with fixed places, thousands grouped, a true minus, and a plus above zero."""
    text = f"{abs(value):,.{places}f}"
    if value == 0:
        return text
    return f"+{text}" if value > 0 else f"\N{MINUS SIGN}{text}"
