"""The latest standings of each contest in Redis, as packed int64 columns: the head, which most pages need, and all."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from contests.domain.standings import Ints
from core.redis import client

TTL = 7 * 86_400
COLUMNS = 7
HEAD = 200


def _key(contest_id: int) -> str:
    return f"contest:{contest_id}:standings:{COLUMNS}"


def _pack(columns: Ints) -> str:
    return base64.b64encode(np.ascontiguousarray(columns, dtype="<i8").tobytes()).decode()


def board_write(contest_id: int, *, meta: dict[str, Any], columns: Ints) -> None:
    """Show standings. `columns` is [COLUMNS, n]: account, rank, previous rank, value, cash, trades, score; best
    first."""
    pipe = client().pipeline(transaction=True)
    values: dict[Any, Any] = {"meta": json.dumps(meta), "head": _pack(columns[:, :HEAD]), "all": _pack(columns)}
    pipe.hset(_key(contest_id), mapping=values)
    pipe.expire(_key(contest_id), TTL)
    pipe.execute()


def board_read(contest_id: int, *, head_only: bool) -> tuple[dict[str, Any], Ints] | None:
    """The meta data with the first HEAD rows, or with all; None when nothing is shown."""
    meta, packed = client().hmget(_key(contest_id), ["meta", "head" if head_only else "all"])
    if not meta or packed is None:
        return None
    flat = np.frombuffer(base64.b64decode(packed), dtype="<i8").astype(np.int64)
    return json.loads(meta), flat.reshape(COLUMNS, -1)


def told_write(contest_id: int, columns: Ints) -> None:
    """Keep the ranks that people were last told. `columns` is [2, n]: account, rank."""
    client().set(f"{_key(contest_id)}:told", _pack(columns), ex=TTL)


def told_read(contest_id: int) -> Ints | None:
    """The ranks that people were last told; None when nothing is kept."""
    packed = client().get(f"{_key(contest_id)}:told")
    if packed is None:
        return None
    return np.frombuffer(base64.b64decode(packed), dtype="<i8").astype(np.int64).reshape(2, -1)
