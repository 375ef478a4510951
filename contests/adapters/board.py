"""The latest standings of each contest in Redis, as raw int64 columns, of which a reader takes only the rows it wants.

Keys written in one transaction: what is said of the whole (`meta`), the accounts in ascending order (`ids`) with the
place of each (`places`), and each column, best first (`0`, `1`, ...). Accounts take eight bytes each, and all else
four where its numbers allow: half of the bytes is a third of the time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from redis.client import NEVER_DECODE

from contests.domain.standings import Ints
from core.redis import ask, client

TTL = 7 * 86_400
COLUMNS = 7
HEAD = 200
MOST_ROWS = 1_000
_NOBODY = 0
_NARROW = 2**31

# One look at one state: the reader's account is found by halving, and its neighbours are cut out of each column.
_SLICE = """
if redis.call('EXISTS', unpack(KEYS)) < #KEYS then return false end
local start, count, account = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local total = redis.call('STRLEN', KEYS[2]) / 8
local function cut(key, from, to)
    local width = redis.call('STRLEN', key) / total
    return redis.call('GETRANGE', key, from * width, to * width - 1)
end
local function number(text) return (struct.unpack('<i' .. #text, text)) end
if account > 0 then
    local low, high = 0, total - 1
    start = 0
    while low <= high do
        local middle = math.floor((low + high) / 2)
        local found = number(cut(KEYS[2], middle, middle + 1))
        if found == account then
            start = math.max(number(cut(KEYS[3], middle, middle + 1)) - math.floor(count / 2), 0)
            break
        elseif found < account then low = middle + 1 else high = middle - 1 end
    end
end
local stop = math.min(start + count, total)
local out = {redis.call('GET', KEYS[1]), math.max(stop - start, 0)}
for column = 4, #KEYS do
    out[column - 1] = start < stop and cut(KEYS[column], start, stop) or ''
end
return out
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of the standings: [COLUMNS, k], best first, with what is said of the whole."""

    meta: dict[str, Any]
    columns: Ints


def _key(contest_id: int) -> str:
    return f"contest:{contest_id}:standings:{COLUMNS}"


def _keys(contest_id: int) -> list[str]:
    return [f"{_key(contest_id)}:{part}" for part in ("meta", "ids", "places", *range(COLUMNS))]


def _pack(column: Ints, *, narrow: bool = True) -> memoryview:
    fits = narrow and len(column) > 0 and int(column.min()) >= -_NARROW and int(column.max()) < _NARROW
    return np.ascontiguousarray(column, dtype="<i4" if fits else "<i8").view(np.uint8).data


def _unpack(packed: Sequence[bytes], number: int) -> Ints:
    """Columns of so many numbers each; raises ValueError where the bytes are others."""
    table = np.zeros((len(packed), number), dtype=np.int64)
    for row, column in zip(table, packed, strict=True):
        row[:] = np.frombuffer(column, dtype="<i4" if len(column) == 4 * number else "<i8")
    return table


def board_write(contest_id: int, *, meta: dict[str, Any], columns: Ints) -> None:
    """Show standings. `columns` is [COLUMNS, n]: account, rank, previous rank, value, cash, trades, score; best
    first."""
    places = np.argsort(columns[0])
    parts = [_pack(columns[0][places], narrow=False), *map(_pack, (places, *columns))]
    values = zip(_keys(contest_id), [json.dumps(meta), *parts], strict=True)
    ask(client(), [("MULTI",), *(("SET", key, value, "EX", TTL) for key, value in values), ("EXEC",)])


def board_slice(contest_id: int, *, start: int, count: int, around: int | None = None) -> Slice | None:
    """Up to MOST_ROWS rows from `start` on, or with the account `around` in their middle; None when nothing is shown.

    What is not on the board is not found: then the rows are the first ones.
    """
    count = max(0, min(count, MOST_ROWS))
    keys = _keys(contest_id)
    found = _raw("EVAL", _SLICE, len(keys), *keys, max(start, 0), count, _NOBODY if around is None else around)
    return Slice(json.loads(found[0]), _unpack(found[2:], found[1])) if found else None


def board_read(contest_id: int, *, head_only: bool) -> tuple[dict[str, Any], Ints] | None:
    """The meta data with the first HEAD rows, or with all; None when nothing is shown."""
    if head_only:
        head = board_slice(contest_id, start=0, count=HEAD)
        return None if head is None else (head.meta, head.columns)
    meta, ids, _, *columns = _raw("MGET", *_keys(contest_id))
    if meta is None or ids is None or None in columns:
        return None
    return json.loads(meta), _unpack(columns, len(ids) // 8)


def told_write(contest_id: int, columns: Ints) -> None:
    """Keep the ranks that people were last told. `columns` is [2, n]: account, rank."""
    packed = b"".join(_pack(column, narrow=False) for column in columns)
    client().set(f"{_key(contest_id)}:told", packed, ex=TTL)


def told_read(contest_id: int) -> Ints | None:
    """The ranks that people were last told; None when nothing is kept."""
    packed = _raw("GET", f"{_key(contest_id)}:told")
    if packed is None:
        return None
    half = len(packed) // 2
    return _unpack([packed[:half], packed[half:]], half // 8)


def _raw(*command: Any) -> Any:
    """The reply as bytes: the client reads text, which packed numbers are not."""
    send: Any = client().execute_command
    return send(*command, **{NEVER_DECODE: True})
