"""Candles from prints: minutes as they are traded, coarser ones rolled from them. Pure.

A minute is made of the prints that carry a last price, by the vendor's time: the first and the last of them open and
close it. Quotes without a price make no candle. A vendor's own bar of a minute replaces ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketdata.domain.feed import FeedBar, Print

MINUTE = 60_000_000
# instrument id, minutes, microseconds, open, high, low, close, volume, trades: as `adapters.bars_copy` takes it
Row = tuple[int, int, int, int, int, int, int, int, int]
# open, high, low, close, volume, trades, time of the first print, time of the last
_Minute = list[int]


class Roller:
    """Rolls minutes of many symbols. A minute stays open for `grace` after its end: late prints still amend it."""

    def __init__(self, grace: int = 5_000_000) -> None:
        self.grace = grace
        self._open: dict[tuple[int, int], _Minute] = {}
        self._replaced: dict[tuple[int, int], int] = {}
        self.closed_until = 0
        self.missed = 0

    def take(self, instrument_id: int, item: Print) -> bool:
        """Count a print; False when its minute is closed, or has been said by the vendor."""
        price, at = item.last, item.at
        minute = at - at % MINUTE
        key = (instrument_id, minute)
        bar = self._open.get(key)
        if bar is None:
            if minute < self.closed_until or key in self._replaced:
                if item.size and key not in self._replaced and minute >= self.closed_until - MINUTE:
                    self.missed += 1  # the minute has just been stored without it
                return False
            self._open[key] = [price, price, price, price, item.size, 1, at, at]
            return True
        if price > bar[1]:
            bar[1] = price
        elif price < bar[2]:
            bar[2] = price
        bar[4] += item.size
        bar[5] += 1
        if at >= bar[7]:
            bar[3], bar[7] = price, at
        elif at < bar[6]:
            bar[0], bar[6] = price, at
        return True

    def replace(self, instrument_id: int, bar: FeedBar) -> Row:
        """The vendor's own bar of a minute: ours is dropped, and prints of that minute are not counted any more."""
        key = (instrument_id, bar.at)
        self._open.pop(key, None)
        self._replaced[key] = bar.at
        return (instrument_id, 1, bar.at, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)

    def volumes(self, since: int) -> dict[int, int]:
        """What has traded, by instrument, in open minutes from a time on."""
        found: dict[int, int] = {}
        for (ident, minute), bar in self._open.items():
            if minute >= since:
                found[ident] = found.get(ident, 0) + bar[4]
        return found

    def close(self, now: int) -> list[Row]:
        """The minutes that are over, grace included, and forget them."""
        border = now - self.grace
        border -= border % MINUTE
        if border <= self.closed_until:
            return []
        self.closed_until = border
        done = [key for key in self._open if key[1] < border]
        rows = [_row(key, self._open.pop(key)) for key in done]
        self._replaced = {key: at for key, at in self._replaced.items() if at >= border - 5 * MINUTE}
        return rows

    def forming(self) -> list[Row]:
        """The open minutes as they stand: stored when the feed stops, amended when it goes on."""
        return [_row(key, bar) for key, bar in self._open.items()]


def is_whole(bar: FeedBar) -> bool:
    """Whether a vendor's bar can be a minute: whole numbers, the extremes around open and close."""
    prices = bar.open, bar.high, bar.low, bar.close
    return (
        all(value.__class__ is int for value in bar[1:])
        and bar.minutes == 1
        and bar.at % MINUTE == 0
        and 0 < bar.low <= min(prices)
        and bar.high >= max(prices)
        and bar.volume >= 0
        and bar.trades >= 0
    )


def _row(key: tuple[int, int], bar: _Minute) -> Row:
    return (key[0], 1, key[1], bar[0], bar[1], bar[2], bar[3], bar[4], bar[5])


def rolled(rows: Iterable[Row], minutes: int) -> list[Row]:
    """Coarser bars from minutes that ascend in time for each instrument; times begin at multiples of `minutes`."""
    width = minutes * MINUTE
    found: dict[tuple[int, int], list[int]] = {}
    for instrument_id, _, at, opened, high, low, close, volume, trades in rows:
        key = (instrument_id, at - at % width)
        bar = found.get(key)
        if bar is None:
            found[key] = [opened, high, low, close, volume, trades]
        else:
            bar[1], bar[2], bar[3] = max(bar[1], high), min(bar[2], low), close
            bar[4] += volume
            bar[5] += trades
    return [(key[0], minutes, key[1], *bar) for key, bar in found.items()]  # type: ignore[misc]


def recomputed(prints: Iterable[Print], ids: Mapping[str, int]) -> list[Row]:
    """Minutes from all prints at once, in no particular order: the independent check of the roller."""
    groups: dict[tuple[int, int], list[Print]] = {}
    for item in prints:
        if item.last > 0 and item.symbol in ids:
            groups.setdefault((ids[item.symbol], item.at // MINUTE * MINUTE), []).append(item)
    return sorted(_group(key, group) for key, group in groups.items())


def _group(key: tuple[int, int], group: Sequence[Print]) -> Row:
    first, last = min(item.at for item in group), max(item.at for item in group)
    opened = next(item.last for item in group if item.at == first)
    closed = [item.last for item in group if item.at == last][-1]
    prices = [item.last for item in group]
    volume = sum(item.size for item in group)
    return (key[0], 1, key[1], opened, max(prices), min(prices), closed, volume, len(group))
