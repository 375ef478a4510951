"""Pictures of standings, to be shown where a contest's address is shared: 1200 by 630 pixels, PNG.

Text is set in Inter, each character from the first of its files that has it. What none has (Chinese, emoji, ...) is
written without its accents or left out; where nothing remains of a name, the fallback stands for it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from threading import Lock

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

WIDTH, HEIGHT = 1200, 630
EDGE = 64
GROUND, RAISED, LINE = "#0c0f17", "#151925", "#272c3b"
INK, INK_2, INK_3 = "#f0f1f5", "#b3b8c6", "#878d9e"
UP, DOWN, WARN, WARN_WASH, AGENT = "#4fd1ad", "#ff8a66", "#e6bd62", "#3a2f14", "#c8a4f4"
FOLDER = "static/vendor/inter-5.3.0"
FILES = ("latin", "latin-ext", "cyrillic", "greek", "vietnamese")
MAX_TEXT = 200
# A face is one object of FreeType, and two threads that draw with it at once would disturb each other.
_lock = Lock()


@dataclass(frozen=True, slots=True)
class CardRow:
    """Somebody's standing in words; `points`: equity in minor units, oldest first. `rank` None: not ranked."""

    rank: int | None
    name: str
    kind: str
    return_pct: str
    value: str
    points: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """What is on a card: one participant's standing, or the first three. `initial`: the line of the sparklines."""

    title: str
    fallback: str
    status: str
    labels: tuple[str, ...]
    rows: tuple[CardRow, ...]
    participants: int
    initial: int
    is_one: bool


@lru_cache(maxsize=64)
def card_png(card: Card) -> bytes:
    """The picture. The last 64 are kept."""
    with _lock:
        image = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
        draw = ImageDraw.Draw(image)
        _head(draw, card)
        if not card.rows:
            _text(draw, (EDGE, 330), "Nobody has joined yet.", 36, INK_2)
        elif card.is_one:
            _one(image, draw, card, card.rows[0])
        else:
            for index, row in enumerate(card.rows[:3]):
                _row(image, draw, card, row, 282 + index * 88)
        _foot(draw, card)
        out = BytesIO()
        image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _head(draw: ImageDraw.ImageDraw, card: Card) -> None:
    for x, y, high, colour in ((EDGE, 68, 24, DOWN), (EDGE + 14, 54, 48, INK), (EDGE + 28, 62, 24, UP)):
        draw.rectangle((x, y, x + 8, y + high), fill=colour)
    _text(draw, (EDGE + 52, 60), "Trading Arena", 30, INK, 650)
    right: float = WIDTH - EDGE
    for label in reversed(card.labels):
        width = _width(label.upper(), 20, 650)
        draw.rounded_rectangle((right - width - 28, 58, right, 96), 6, fill=WARN_WASH)
        _text(draw, (right - width - 14, 65), label.upper(), 20, WARN, 650)
        right -= width + 40
    title = drawable(card.title) or card.fallback
    for size in (60, 50, 42, 36):
        if _width(title, size, 680) <= WIDTH - 2 * EDGE:
            break
    _text(draw, (EDGE, 138 + (60 - size) // 2), title, size, INK, 680, WIDTH - 2 * EDGE)
    _text(draw, (EDGE, 222), card.status, 26, INK_2, width=WIDTH - 2 * EDGE)


def _one(image: Image.Image, draw: ImageDraw.ImageDraw, card: Card, row: CardRow) -> None:
    draw.rounded_rectangle((EDGE, 286, WIDTH - EDGE, 550), 16, fill=RAISED, outline=LINE, width=2)
    rank = f"#{row.rank}" if row.rank else "–"
    size = 84 if len(rank) <= 3 else 60 if len(rank) <= 4 else 42
    _text(draw, (EDGE + 36, 322 + (84 - size) // 2), rank, size, INK, 700)
    left = EDGE + 36 + int(_width(rank, size, 700)) + 32
    _text(draw, (left, 326), _name(row), 40, AGENT if row.kind == "agent" else INK, 600, 600 - left)
    _text(draw, (left, 382), row.value, 30, INK_2, width=600 - left)
    _text(draw, (EDGE + 36, 448), _percent(row), 60, _tone(row), 680)
    _spark(image, (620, 316, WIDTH - EDGE - 36, 520), row, card.initial)


def _row(image: Image.Image, draw: ImageDraw.ImageDraw, card: Card, row: CardRow, top: int) -> None:
    draw.line((EDGE, top, WIDTH - EDGE, top), fill=LINE, width=2)
    _text(draw, (EDGE, top + 24), str(row.rank or "–"), 36, INK_2, 650)
    _text(draw, (EDGE + 64, top + 24), _name(row), 36, AGENT if row.kind == "agent" else INK, 600, 360)
    _spark(image, (510, top + 18, 660, top + 72), row, card.initial)
    _right(draw, 880, top + 24, _percent(row), 36, _tone(row), 650)
    size = next((size for size in (26, 22, 18) if _width(row.value, size, 450) <= 236), 15)
    _right(draw, WIDTH - EDGE, top + 24 + (36 - size), row.value, size, INK_2, 450)


def _foot(draw: ImageDraw.ImageDraw, card: Card) -> None:
    people = f"{card.participants:,} in it" if card.participants else ""
    _text(draw, (EDGE, 572), "Virtual money. No investment advice.", 22, INK_3)
    _right(draw, WIDTH - EDGE, 572, people, 22, INK_3, 450)


def _spark(image: Image.Image, box: tuple[int, int, int, int], row: CardRow, initial: int) -> None:
    """The curve in a box, drawn at twice the size so that its edges are smooth."""
    points = [float(value) for value in row.points] or [float(initial)]
    points = points * 2 if len(points) == 1 else points
    left, top, right, bottom = box
    wide, high = (right - left) * 2, (bottom - top) * 2
    low, best = min(*points, float(initial)), max(*points, float(initial))
    span = best - low

    def height(value: float) -> float:
        return 8 + (high - 16) * ((best - value) / span if span else 0.5)

    layer = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    base = height(float(initial))
    for x in range(0, wide, 20):
        pen.line((x, base, x + 8, base), fill=LINE, width=3)
    step = (wide - 12) / (len(points) - 1)
    pen.line([(6 + index * step, height(value)) for index, value in enumerate(points)], _tone(row), 7, "curve")
    layer = layer.resize((right - left, bottom - top), Image.Resampling.LANCZOS)
    image.paste(layer, (left, top), layer)


def _name(row: CardRow) -> str:
    return drawable(row.name) or ("An agent" if row.kind == "agent" else "A trader")


def _percent(row: CardRow) -> str:
    sign = "" if row.return_pct.startswith("-") or _flat(row) else "+"
    return f"{sign}{row.return_pct.replace('-', '−')}%"


def _flat(row: CardRow) -> bool:
    return not row.return_pct.strip("-0.")


def _tone(row: CardRow) -> str:
    return INK_2 if _flat(row) else DOWN if row.return_pct.startswith("-") else UP


def _right(draw: ImageDraw.ImageDraw, right: int, top: int, text: str, size: int, colour: str, weight: int) -> None:
    _text(draw, (right - int(_width(text, size, weight)), top), text, size, colour, weight)


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    colour: str,
    weight: int = 450,
    width: float | None = None,
) -> None:
    """Write a line from its top left, cut short with an ellipsis where it is wider than `width`."""
    text = drawable(text)
    if width is not None and _width(text, size, weight) > width:
        while text and _width(f"{text}…", size, weight) > width:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    x, y = at
    for file, part in _runs(text):
        font = _font(file, size, weight)
        draw.text((x, y + size), part, fill=colour, font=font, anchor="ls")
        x += font.getlength(part)


def _width(text: str, size: int, weight: int) -> float:
    return sum(_font(file, size, weight).getlength(part) for file, part in _runs(drawable(text)))


def _runs(text: str) -> list[tuple[str, str]]:
    """The text in parts, each with the file that has all its characters."""
    runs: list[tuple[str, str]] = []
    for char in text:
        file = _file_of(char) or FILES[0]
        if runs and (runs[-1][0] == file or char == " "):
            runs[-1] = (runs[-1][0], runs[-1][1] + char)
        else:
            runs.append((file, char))
    return runs


@lru_cache(maxsize=1_000)
def drawable(text: str) -> str:
    """What can be drawn of a text, in one line, at most 200 characters; empty when nothing can."""
    out = []
    for char in unicodedata.normalize("NFC", text[:MAX_TEXT]):
        if char.isspace():
            out.append(" ")
        elif unicodedata.category(char)[0] in "CM":
            continue
        elif _file_of(char):
            out.append(char)
        else:
            plain = [part for part in unicodedata.normalize("NFKD", char) if part.isalnum() and _file_of(part)]
            out.extend(plain)
    return " ".join("".join(out).split())


@lru_cache(maxsize=4_096)
def _file_of(char: str) -> str | None:
    """The first file that has a character: what a file has not, it draws as it draws U+E123."""
    return next((file for file in FILES if _mask(file, char) != _mask(file, "\ue123")), None)


def _mask(file: str, char: str) -> bytes:
    return bytes(_font(file, 20, 450).getmask(char))


@lru_cache(maxsize=200)
def _font(file: str, size: int, weight: int) -> FreeTypeFont:
    path = settings.BASE_DIR / FOLDER / f"inter-{file}-wght-normal.woff2"
    font = ImageFont.truetype(str(path), size)
    font.set_variation_by_axes([weight])
    return font


def labels_of(*, is_simulated: bool, is_replay: bool) -> tuple[str, ...]:
    """What the prices of a contest are, when they are not the market's own."""
    found: Sequence[tuple[bool, str]] = ((is_simulated, "Simulated"), (is_replay, "Replayed prices"))
    return tuple(words for holds, words in found if holds)
