"""Finding an instrument by what a person types: its symbol, the beginning of a word of its name, or a part of it."""

from __future__ import annotations

from marketdata.pages.board import Row, base_rows

MAX_QUERY = 60
SUGGESTIONS = 8


def search(query: str, limit: int = SUGGESTIONS) -> list[Row]:
    """The instruments that fit, best first."""
    text = " ".join(query[:MAX_QUERY].split()).casefold()
    text = text.rpartition(":")[2]
    if not text:
        return []
    ranked = [(rank, row.symbol, row) for row in base_rows() if (rank := _rank(row, text)) is not None]
    return [row for *_, row in sorted(ranked, key=lambda item: item[:2])[:limit]]


def _rank(row: Row, text: str) -> int | None:
    symbol, name = row.symbol.casefold(), row.name.casefold()
    if symbol == text:
        return 0
    if symbol.startswith(text):
        return 1
    if name.startswith(text):
        return 2
    if any(word.startswith(text) for word in name.split()):
        return 3
    return 4 if text in name or text in symbol else None
