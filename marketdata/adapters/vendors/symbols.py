"""Symbols as vendors write them, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

Source = Callable[[str], Mapping[str, str]]


def _none(_provider: str) -> Mapping[str, str]:
    return {}


class Symbols:
    """Translates one vendor's symbols. What is not in the table (`Instrument.vendor_symbols`) is the same on both
    sides, but for the sign between a share and its class.
    """

    def __init__(self, provider: str, source: Source = _none, *, class_sign: str = ".") -> None:
        self._provider = provider
        self._source = source
        self._sign = class_sign

    def theirs(self, symbol: str) -> str:
        """Our symbol as the vendor writes it."""
        found = self._source(self._provider).get(symbol)
        return found if found is not None else symbol.upper().replace(".", self._sign)

    def map(self, symbols: Iterable[str]) -> dict[str, str]:
        """The vendor's symbols, each with ours; what comes in twice goes out once."""
        return {self.theirs(symbol): symbol for symbol in symbols}

    def ours(self, theirs: str) -> str:
        """A vendor's symbol as ours, for what was found by searching."""
        for symbol, written in self._source(self._provider).items():
            if written == theirs:
                return symbol
        return theirs.replace(self._sign, ".") if self._sign != "." else theirs
