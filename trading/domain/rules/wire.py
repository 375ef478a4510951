"""Frozen dataclasses to JSON and back, canonical JSON and its hash. Exact: integers, decimal strings, UTC instants."""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from trading.domain.types import plain

T = TypeVar("T")

# A field that came later: left out at its default, so that evidence from before it keeps its words and its hash.
ADDED = {"added": True}


def canonical(data: Any) -> str:
    """JSON with sorted keys, no spaces and plain ASCII: the same data is always the same text. Floats are refused."""
    _refuse_floats(data)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(data: Any) -> str:
    """SHA-256 of the canonical JSON (hex)."""
    return hashlib.sha256(canonical(data).encode()).hexdigest()


def _refuse_floats(data: Any) -> None:
    if isinstance(data, float):
        raise TypeError("evidence holds no floats")
    if isinstance(data, Mapping):
        for item in data.values():
            _refuse_floats(item)
    elif isinstance(data, list | tuple):
        for item in data:
            _refuse_floats(item)


def moment(at: datetime) -> str:
    """An aware instant as ISO 8601 in UTC. Raises ValueError when it has no zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(UTC).isoformat()


def encode(value: Any) -> Any:
    """A value made of dataclasses, tuples, Decimals and times as JSON data."""
    if is_dataclass(value) and not isinstance(value, type):
        known = ((item, getattr(value, item.name)) for item in fields(value))
        return {
            item.name: encode(found)
            for item, found in known
            if not (item.metadata.get("added") and found == item.default)
        }
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


@lru_cache(maxsize=64)
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def decode(cls: type[T], data: Mapping[str, Any]) -> T:
    """The dataclass that `encode` wrote; fields that `data` lacks keep their defaults, unknown ones are left out.

    Raises TypeError, ValueError or KeyError when the data does not fit.
    """
    hints: dict[str, Any] = _hints(cls)  # type: ignore[arg-type]
    return cls(**{name: _value(hint, data[name]) for name, hint in hints.items() if name in data})


def _value(hint: Any, raw: Any) -> Any:  # noqa: PLR0911
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [item for item in typing.get_args(hint) if item is not type(None)]
        return None if raw is None else _value(inner[0], raw)
    if origin is tuple:
        return tuple(_value(typing.get_args(hint)[0], item) for item in raw)
    if is_dataclass(hint):
        return decode(typing.cast("type[Any]", hint), raw)
    if hint is datetime:
        found = datetime.fromisoformat(raw)
        moment(found)
        return found
    if hint is time:
        return time.fromisoformat(raw)
    if hint is Decimal:
        return Decimal(raw)
    if hint in (int, str, bool) and type(raw) is not hint:
        raise TypeError(f"{raw!r} is not {hint.__name__}")
    return raw
