"""The latest standings of each contest in Redis: the top as rows, everything as packed int64 columns."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from contests.domain.standings import Ints
from core.redis import client

TTL = 7 * 86_400
COLUMNS = 6


def _key(contest_id: int) -> str:
    return f"contest:{contest_id}:standings"


def board_write(contest_id: int, *, meta: dict[str, Any], top: list[dict[str, Any]], columns: Ints) -> None:
    """Show standings. `columns` is [COLUMNS, n]: account, rank, previous rank, value, cash, trades; best first."""
    pipe = client().pipeline(transaction=True)
    packed = base64.b64encode(np.ascontiguousarray(columns, dtype="<i8").tobytes()).decode()
    values: dict[Any, Any] = {
        "meta": json.dumps(meta),
        "top": json.dumps(top, separators=(",", ":")),
        "columns": packed,
    }
    pipe.hset(_key(contest_id), mapping=values)
    pipe.expire(_key(contest_id), TTL)
    pipe.execute()


def board_top(contest_id: int) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """The meta data and the top rows, or None when nothing is shown."""
    meta, top = client().hmget(_key(contest_id), ["meta", "top"])
    return (json.loads(meta), json.loads(top)) if meta and top else None


def board_columns(contest_id: int) -> tuple[dict[str, Any], Ints] | None:
    """The meta data and all columns, or None when nothing is shown."""
    meta, packed = client().hmget(_key(contest_id), ["meta", "columns"])
    if not meta or packed is None:
        return None
    flat = np.frombuffer(base64.b64decode(packed), dtype="<i8").astype(np.int64)
    return json.loads(meta), flat.reshape(COLUMNS, -1)


def board_drop(contest_id: int) -> None:
    """Forget the standings of a contest; readers then compute them."""
    client().delete(_key(contest_id))
