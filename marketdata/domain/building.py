"""Laying out a whole slice: the tables of every instrument, and the prints of its sessions. Pure."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from core.errors import Invalid
from marketdata.domain.layout import Column, History, column_build, grid, slice_sessions
from marketdata.domain.replay import ReplayDefinition, day_path, mask_shift, spread
from marketdata.domain.slices import Slice, name_at


def slice_build(definition: ReplayDefinition, histories: Sequence[History]) -> Slice:
    """Lay out a slice; raises Invalid when a symbol does not cover it, or when two would have one symbol at once."""
    dates, warmup = slice_sessions(definition, histories)
    shift = mask_shift(dates[warmup]) if definition.mask else timedelta(0)
    columns = tuple(column_build(definition, history, dates, warmup, shift) for history in histories)
    _require_unique(columns)
    ohlc = np.stack([column.ohlc for column in columns], axis=1)
    last = day_path(ohlc[warmup:], definition).transpose(0, 2, 1).reshape(-1, len(histories))
    bid, ask = spread(last, definition.spread_bps)
    return Slice(
        columns=columns,
        listing_ids=tuple(history.listing_id for history in histories),
        tick_sizes=tuple(grid(history.tick_size) for history in histories),
        dates=tuple(day + shift for day in dates),
        warmup=warmup,
        ohlc=ohlc,
        volume=np.stack([column.volume for column in columns], axis=1),
        last=last,
        bid=bid,
        ask=ask,
        prints=definition.prints,
        basis=definition.basis,
    )


def _require_unique(columns: Sequence[Column]) -> None:
    """A change of symbol must not give two instruments of a market the same one, a delisted one included."""
    for row in sorted({since for column in columns for since, _ in column.names}):
        names = [name_at(column, row) for column in columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f"A change of symbol would give two instruments the symbol {twice[0]}. Leave one of them out."
            raise Invalid("symbol_clash", message, {"field": "symbols", "symbols": twice})
