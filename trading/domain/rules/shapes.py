"""Knobs that are made of parts: amounts over a basis, times, zones, lists and groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any

from trading.domain.rules.knobs import PERCENT, Amount, Choice, Number, Problem, Spec, Step, Text, Whole
from trading.domain.rules.times import WEEKDAYS, Reset, Window, zone_info
from trading.domain.types import plain

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


@dataclass(frozen=True, slots=True)
class AmountOf:
    """An Amount over some bases; `{"basis": "initial", "value": "5"}`."""

    bases: tuple[str, ...]
    most: Decimal | None = Decimal(100)
    zero: bool = False

    def read(self, raw: Any) -> Amount:
        """The Amount; percentages at most `most`."""
        if not isinstance(raw, Mapping) or set(raw) != {"basis", "value"}:
            raise Problem('Give {"basis": ..., "value": ...}.')
        try:
            basis = Choice(self.bases).read(raw["basis"])
        except Problem as problem:
            raise Problem(problem.message, "basis") from problem
        above, least = (None, Decimal(0)) if self.zero else (Decimal(0), None)
        try:
            value = Number(above, least, None if basis == "fixed" else self.most).read(raw["value"])
        except Problem as problem:
            raise Problem(problem.message, "value") from problem
        return Amount(basis, value)

    def write(self, value: Amount) -> dict[str, str]:
        """Both parts."""
        return {"basis": value.basis, "value": plain(value.value)}

    def schema(self) -> dict[str, Any]:
        """An object of basis and value."""
        return {
            "type": "object",
            "properties": {"basis": {"enum": list(self.bases)}, "value": Number().schema()},
            "required": ["basis", "value"],
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class Clock:
    """A wall-clock time, HH:MM or HH:MM:SS."""

    def read(self, raw: Any) -> time:
        """The time."""
        if not isinstance(raw, str) or not re.fullmatch(_CLOCK, raw):
            raise Problem('Give a time of day as "HH:MM".')
        return time.fromisoformat(raw)

    def write(self, value: time) -> str:
        """Seconds only when there are any."""
        return value.isoformat("seconds" if value.second else "minutes")

    def schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "pattern": _CLOCK}


@dataclass(frozen=True, slots=True)
class Zone:
    """The name of an IANA zone that has a region ("Europe/Prague") or "UTC": never an offset."""

    def read(self, raw: Any) -> str:
        """The name, when the zone exists."""
        try:
            if not isinstance(raw, str) or (raw != "UTC" and "/" not in raw) or raw.startswith("Etc/GMT"):
                raise KeyError(raw)
            zone_info(raw)
        except (KeyError, ValueError, OSError) as error:
            raise Problem('Name an IANA time zone, for example "Europe/Prague" or "UTC"; offsets are not taken.') from (
                error
            )
        return raw

    def write(self, value: str) -> str:
        """Unchanged."""
        return value

    def schema(self) -> dict[str, Any]:
        """A string; that the zone exists is checked on reading."""
        return {"type": "string", "pattern": r"^(UTC|[A-Za-z_]+/.+)$", "not": {"pattern": "^Etc/GMT"}}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one spec, without repeats, optionally in rising order."""

    item: Spec
    least: int = 0
    most: int = 500
    rising: bool = False

    def read(self, raw: Any) -> tuple[Any, ...]:
        """A tuple."""
        if not isinstance(raw, list | tuple) or not self.least <= len(raw) <= self.most:
            raise Problem(f"Give a list of {self.least} to {self.most} items.")
        found: list[Any] = []
        for index, item in enumerate(raw):
            try:
                found.append(self.item.read(item))
            except Problem as problem:
                dot = "." if problem.path and not problem.path.startswith("[") else ""
                raise Problem(problem.message, f"[{index}]{dot}{problem.path}") from problem
            if found[-1] in found[:-1] or (self.rising and index and found[-1] < found[-2]):
                raise Problem("Repeats an item." if not self.rising else "Must rise.", f"[{index}]")
        return tuple(found)

    def write(self, value: tuple[Any, ...]) -> list[Any]:
        """A list."""
        return [self.item.write(item) for item in value]

    def schema(self) -> dict[str, Any]:
        """An array."""
        return {
            "type": "array",
            "items": self.item.schema(),
            "minItems": self.least,
            "maxItems": self.most,
            "uniqueItems": True,
        }


@dataclass(frozen=True, slots=True)
class Maybe:
    """A spec, or null."""

    item: Spec

    def read(self, raw: Any) -> Any:
        """The value or None."""
        return None if raw is None else self.item.read(raw)

    def write(self, value: Any) -> Any:
        """The value or None."""
        return None if value is None else self.item.write(value)

    def schema(self) -> dict[str, Any]:
        """Either."""
        return {"anyOf": [{"type": "null"}, self.item.schema()]}


@dataclass(frozen=True, slots=True)
class Group:
    """An object with named parts, made into `made`."""

    made: type[Any]
    parts: tuple[tuple[str, Spec], ...]

    def read(self, raw: Any) -> Any:
        """The value made of its parts, all required."""
        names = [name for name, _ in self.parts]
        if not isinstance(raw, Mapping) or set(raw) != set(names):
            raise Problem(f"Give an object with: {', '.join(names)}.")
        found = {}
        for name, spec in self.parts:
            try:
                found[name] = spec.read(raw[name])
            except Problem as problem:
                dot = "." if problem.path and not problem.path.startswith("[") else ""
                raise Problem(problem.message, f"{name}{dot}{problem.path}") from problem
        return self.made(**found)

    def write(self, value: Any) -> dict[str, Any]:
        """The parts."""
        return {name: spec.write(getattr(value, name)) for name, spec in self.parts}

    def schema(self) -> dict[str, Any]:
        """An object."""
        return {
            "type": "object",
            "properties": {name: spec.schema() for name, spec in self.parts},
            "required": [name for name, _ in self.parts],
            "additionalProperties": False,
        }


DAYS = ListOf(Choice(WEEKDAYS), least=1, most=7)
RESET = Group(Reset, (("time", Clock()), ("zone", Zone())))
WINDOW = Group(Window, (("days", DAYS), ("start", Clock()), ("end", Clock())))
STEP = Group(Step, (("after", Whole(1, 1000)), ("percent", PERCENT)))
SYMBOLS = ListOf(Text(32))
