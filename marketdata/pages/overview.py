"""The overview: exchanges, movers, the heat map and one page of the table of all instruments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marketdata.pages.board import Row

MOVERS = 5
TILES = 120
HOT = (Decimal(1), Decimal(3))  # percent from which a tile is warmer
SORTS: dict[str, Callable[[Row], Any]] = {
    "symbol": lambda row: row.symbol,
    "name": lambda row: (row.name.casefold(), row.symbol),
    "last": lambda row: row.last,
    "change": lambda row: row.change_pct,
    "volume": lambda row: row.volume or None,
    "age": lambda row: row.at or (datetime.combine(row.date, datetime.min.time(), tzinfo=UTC) if row.date else None),
}


@dataclass(frozen=True, slots=True)
class Movers:
    """Who rose, who fell, and what was traded most (by money)."""

    gainers: list[Row]
    losers: list[Row]
    active: list[Row]

    @property
    def rows(self) -> list[Row]:
        """Everybody named here."""
        return [*self.gainers, *self.losers, *self.active]


@dataclass(frozen=True, slots=True)
class Tile:
    """A square of the heat map: `size` from 1 to 3 by what was traded, `heat` from -3 to 3 by how far it moved."""

    row: Row
    size: int
    heat: int

    @property
    def heat_class(self) -> str:
        """The class that colours it."""
        return f"heat-{'up' if self.heat > 0 else 'down'}-{abs(self.heat)}" if self.heat else "heat-flat"


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector of the heat map with its tiles, and what it moved on average."""

    name: str
    tiles: list[Tile]
    change_pct: Decimal


def movers_of(rows: Sequence[Row]) -> Movers:
    """The first few of each; only what moved can have risen or fallen."""
    moved = sorted((row for row in rows if row.change_pct), key=lambda row: row.change_pct or 0)
    gainers = [row for row in reversed(moved[-MOVERS:]) if (row.change_pct or 0) > 0]
    losers = [row for row in moved[:MOVERS] if (row.change_pct or 0) < 0]
    traded = sorted((row for row in rows if row.turnover), key=lambda row: -row.turnover)
    return Movers(gainers, losers, traded[:MOVERS])


def _heat(change: Decimal) -> int:
    step = sum(abs(change) >= limit for limit in HOT) + 1 if abs(change) >= Decimal("0.05") else 0
    return step if change > 0 else -step


def heat_map(rows: Sequence[Row]) -> list[Sector]:
    """The instruments that are traded most, by sector, the largest sector and the largest tile first."""
    shown = sorted((row for row in rows if row.change_pct is not None), key=lambda row: -row.turnover)[:TILES]
    large, middle = len(shown) // 8, len(shown) // 2
    sectors: dict[str, list[Tile]] = {}
    for place, row in enumerate(shown):
        size = 3 if place < large else 2 if place < middle else 1
        sectors.setdefault(row.sector or "Other", []).append(Tile(row, size, _heat(row.change_pct or Decimal(0))))
    found = [Sector(name, tiles, _average(tiles)) for name, tiles in sectors.items()]
    return sorted(found, key=lambda sector: -sum(tile.row.turnover for tile in sector.tiles))


def _average(tiles: Sequence[Tile]) -> Decimal:
    total = sum((tile.row.change_pct or Decimal(0) for tile in tiles), Decimal(0))
    return (total / len(tiles)).quantize(Decimal("0.01"))


def choices(rows: Sequence[Row], name: str) -> list[str]:
    """What a filter may be set to."""
    return sorted({getattr(row, name) for row in rows} - {""})


def filtered(rows: Sequence[Row], *, exchange: str, sector: str) -> list[Row]:
    """The rows of one exchange, one sector, or all."""
    return [row for row in rows if exchange in ("", row.exchange) and sector in ("", row.sector)]


def ordered(rows: Sequence[Row], sort: str) -> list[Row]:
    """By a column of SORTS, descending with a minus before it; what has no value comes last."""
    key = SORTS[sort.removeprefix("-")]
    known = [row for row in rows if key(row) is not None]
    known.sort(key=key, reverse=sort.startswith("-"))
    return known + [row for row in rows if key(row) is None]
