"""A verdict as a file to keep: with a checksum for every value, so that what was changed in it can be named.

The proof is the computation (`verify`); checksums only say where a file was touched. Who changes a value and its
checksum is found by the hash of the inputs, and who makes that anew by the computation itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trading.domain.rules.verify import Verification, verify
from trading.domain.rules.wire import digest

CHECKSUMS = "checksums"
# What names the verdict and cannot be computed again.
LABELS = ("id", "account_id", "market_at", "created_at")
_PROOF = ("kind", "rule_key", "code", "message", "evidence")
_LENGTH = 16


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every value in JSON data; an empty list or object is a value."""
    if isinstance(data, Mapping) and data:
        for name, item in data.items():
            yield from leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(data, list) and data:
        for index, item in enumerate(data):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, data


def _checksum(path: str, value: Any) -> str:
    try:
        return digest([path, value])[:_LENGTH]
    except (TypeError, ValueError):
        return ""  # A float: no evidence holds one.


def with_checksums(data: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict's file with the checksum of every value of it."""
    return {**data, CHECKSUMS: {path: _checksum(path, value) for path, value in leaves(data)}}


def verify_file(data: Any) -> Verification:
    """Compute a downloaded verdict again from the file alone; every value of it that was touched is named.

    `LABELS` are no part of the proof: they are checked by their checksums only. A file without checksums (of an API
    client, or older than they are) is computed again all the same.
    """
    if not isinstance(data, Mapping):
        return Verification(ok=False, differences=("This is not the file of a verdict.",))
    found = _touched(data)
    found += [f"{name}: no part of a verdict." for name in data if name not in (*_PROOF, *LABELS, CHECKSUMS)]
    proved = verify({name: data[name] for name in _PROOF if name in data})
    found += [text for text in proved.differences if text not in found]
    return Verification(ok=not found, differences=tuple(found))


def _touched(data: Mapping[str, Any]) -> list[str]:
    known = data.get(CHECKSUMS)
    if known is None:
        return []
    if not isinstance(known, Mapping):
        return [f"{CHECKSUMS}: not those of a verdict."]
    now = dict(leaves({name: value for name, value in data.items() if name != CHECKSUMS}))
    found = [
        f"{path}: {value!r} was changed since the download."
        for path, value in now.items()
        if path in known and known[path] != _checksum(path, value)
    ]
    found += [f"{path}: {now[path]!r} was put in since the download." for path in now if path not in known]
    return found + [f"{path}: was taken out since the download." for path in known if path not in now]
