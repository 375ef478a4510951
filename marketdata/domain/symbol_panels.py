"""What higher floors show on a symbol's page: contests that list it, signals about it. Register from `ready()`.

A panel is asked for each page that is shown, so it must be quick; one that fails is left out of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SymbolPanel:
    """A part of the page: a template of the app that made it, and what the template needs."""

    template: str
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PanelRequest:
    """Whose page it is: the instrument, and who looks (None for a visitor)."""

    instrument_id: int
    symbol: str
    user_id: int | None


PanelMaker = Callable[[PanelRequest], SymbolPanel | None]
_makers: dict[str, tuple[int, PanelMaker]] = {}


def register_symbol_panel(order: int, name: str, fn: PanelMaker) -> None:
    """Let `fn` add a panel to every symbol's page, or None for nothing; registering a name again replaces it."""
    _makers[name] = (order, fn)


def unregister_symbol_panel(name: str) -> None:
    """Forget a panel (tests)."""
    _makers.pop(name, None)


def symbol_panels() -> list[tuple[str, PanelMaker]]:
    """The registered panels by name, in the order in which they are shown."""
    return [(name, fn) for name, (_, fn) in sorted(_makers.items(), key=lambda item: (item[1][0], item[0]))]
