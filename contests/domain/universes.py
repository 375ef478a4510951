"""Universes: words that stand for all symbols of a market that are alike. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from marketdata.domain.types import ListingView

FIELDS = ("sector", "exchange", "segment")


def universe_symbols(word: str, listings: Sequence[ListingView]) -> tuple[str, ...]:
    """The symbols that a word stands for: of a universe all that belong to it, else the symbol itself.

    `sector:`, `exchange:` or `segment:`, then the name; letter case, spaces and dashes in it do not matter. A universe
    without any symbol comes back as the word, to be refused by whoever looks it up.
    """
    field, colon, name = word.partition(":")
    field = field.strip().lower()
    if not colon or field not in FIELDS:
        return (word.upper(),)
    wanted = _bare(name)
    found = tuple(listing.symbol for listing in listings if _bare(getattr(listing, field)) == wanted)
    return found or (word,)


def _bare(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
