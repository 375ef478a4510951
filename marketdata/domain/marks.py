"""Marks on a chart, and who puts them there: a hook, so that higher floors can add a person's own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_MARKS = 500
COLOURS = ("red", "green", "blue", "yellow")


@dataclass(frozen=True, slots=True)
class MarksRequest:
    """What a chart shows: candles of an instrument with start <= time < end in seconds; `user_id` of who looks."""

    instrument_id: int
    resolution: str
    start: int
    end: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark: a letter in a colour at a time, with a text of one or more lines. `id` is unique within its source.

    `on_bars`: drawn over the candle; `on_scale`: drawn on the axis of time.
    """

    id: str
    time: int
    label: str
    lines: tuple[str, ...]
    colour: str = "blue"
    on_bars: bool = True
    on_scale: bool = True


MarksSource = Callable[[MarksRequest], Sequence[Mark]]
_sources: dict[str, MarksSource] = {}


def register_marks_source(name: str, fn: MarksSource) -> None:
    """Ask `fn` for marks of every chart; registering a name again replaces it."""
    _sources[name] = fn


def unregister_marks_source(name: str) -> None:
    """Forget a source (tests)."""
    _sources.pop(name, None)


def marks_of(request: MarksRequest) -> list[Mark]:
    """The marks of all sources in the range, in order of time, the latest 500; ids begin with the source's name."""
    found = [
        Mark(f"{name}-{mark.id}", mark.time, mark.label, mark.lines, mark.colour, mark.on_bars, mark.on_scale)
        for name, source in sorted(_sources.items())
        for mark in source(request)
        if request.start <= mark.time < request.end
    ]
    return sorted(found, key=lambda mark: (mark.time, mark.id))[-MAX_MARKS:]
