"""The look of our PDF documents: colours, figures, tables, and the frame of every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Table

from core.money import to_major

INK, SOFT, LINE = colors.HexColor("#171a26"), colors.HexColor("#666c7d"), colors.HexColor("#d8dbe4")
ACCENT, UP, DOWN = colors.HexColor("#4338ca"), colors.HexColor("#0f766e"), colors.HexColor("#c2410c")
TINT, WARN, WARN_INK = colors.HexColor("#f4f5f9"), colors.HexColor("#fdf0cf"), colors.HexColor("#7c4a03")
SANS, BOLD = "Helvetica", "Helvetica-Bold"
MARGIN, TOP, BOTTOM = 40.0, 66.0, 48.0
WIDTH = A4[0] - 2 * MARGIN
Command = tuple[Any, ...]


def printable(value: str) -> str:
    """What the standard PDF fonts can set: Western European text; other characters become "?"."""
    shown = "".join(char for char in value if char.isprintable())
    return shown.encode("cp1252", "replace").decode("cp1252")


def fit(value: str, width: float, font: str = SANS, size: float = 8) -> str:
    """`value`, shortened with an ellipsis to `width` points."""
    text = printable(value[:400])
    if stringWidth(text, font, size) <= width:
        return text
    while text and stringWidth(text + "…", font, size) > width:
        text = text[:-1]
    return text + "…"


def money(minor: int, currency: str, *, signed: bool = False) -> str:
    """An amount with its currency's decimals, thousands grouped; `signed` shows a plus as well."""
    return minus(f"{to_major(minor, currency):{'+' if signed and minor else ''},}")


def minus(text: str) -> str:
    """A figure with a dash as wide as a plus sign; the standard fonts have no minus sign."""
    return text.replace("-", "–")


def number(value: Decimal, places: int = 0) -> str:
    """A quantity or price: thousands grouped, `places` decimals or as many as it has."""
    decimals = format(value, "f").partition(".")[2].rstrip("0")
    return minus(f"{value:,.{max(places, len(decimals))}f}")


@dataclass(frozen=True, slots=True)
class Running:
    """What runs along every page: the kind of paper, its foot, and a word that marks what is not real."""

    title: str
    foot: str
    chip: str = ""


class Pages(Canvas):
    """A canvas that knows how many pages there are before it writes the first: "Page 2 of 7"."""

    def __init__(self, *args: Any, running: Running, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running = running
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802
        """Keep the page until their number is known."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Frame and write every page."""
        for number, page in enumerate(self._kept, 1):
            self.__dict__.update(page)
            self._frame(number, len(self._kept))
            super().showPage()
        super().save()

    def _frame(self, number: int, pages: int) -> None:
        running, top = self._running, A4[1]
        self.setFillColor(ACCENT)
        self.rect(0, top - 5, A4[0], 5, stroke=0, fill=1)
        self.setFillColor(INK)
        self.setFont(BOLD, 9)
        self.drawString(MARGIN, top - 34, "Trading Arena")
        self.setFillColor(SOFT)
        self.setFont(SANS, 8)
        self.drawString(MARGIN + 70, top - 34, running.title if number > 1 else "")
        if running.chip:
            self._chip(A4[0] - MARGIN, top - 34, running.chip)
        self.setStrokeColor(LINE)
        self.setLineWidth(0.5)
        self.line(MARGIN, 34, A4[0] - MARGIN, 34)
        self.setFillColor(SOFT)
        self.setFont(SANS, 7)
        self.drawString(MARGIN, 22, printable(running.foot))
        self.drawRightString(A4[0] - MARGIN, 22, f"Page {number} of {pages}")

    def _chip(self, right: float, base: float, words: str) -> None:
        width = stringWidth(words, BOLD, 7.5) + 14
        self.setFillColor(WARN)
        self.roundRect(right - width, base - 4.5, width, 15, 3, stroke=0, fill=1)
        self.setFillColor(WARN_INK)
        self.setFont(BOLD, 7.5)
        self.drawCentredString(right - width / 2, base + 0.5, words)


TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=19, leading=24, textColor=INK)
HEAD = ParagraphStyle("head", fontName=BOLD, fontSize=10.5, leading=14, textColor=INK, spaceBefore=15, spaceAfter=4)
NOTE = ParagraphStyle("note", fontName=SANS, fontSize=8, leading=11, textColor=SOFT)
PLAIN: list[Command] = [
    ("FONT", (0, 0), (-1, -1), SANS, 8),
    ("TEXTCOLOR", (0, 0), (-1, -1), INK),
    ("TOPPADDING", (0, 0), (-1, -1), 3),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ("LEFTPADDING", (0, 0), (0, -1), 0),
    ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]


def coloured(column: int, minors: Sequence[int], first: int = 1) -> list[Command]:
    """Gains green, losses orange; both carry their sign too."""
    return [
        ("TEXTCOLOR", (column, row), (column, row), UP if minor > 0 else DOWN)
        for row, minor in enumerate(minors, first)
        if minor
    ]


def grid(header: Sequence[str], rows: list[list[str]], widths: list[float], left: int, more: list[Command]) -> Table:
    """A table of figures: its first `left` columns are text, the others right-aligned. The header repeats."""
    style = [
        *PLAIN,
        ("FONT", (0, 0), (-1, 0), BOLD, 7),
        ("TEXTCOLOR", (0, 0), (-1, 0), SOFT),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.35, LINE),
        ("ALIGN", (left, 0), (-1, -1), "RIGHT"),
        *more,
    ]
    return LongTable([list(header), *rows], colWidths=widths, style=style, repeatRows=1)


@dataclass(frozen=True, slots=True)
class Words:
    """A centred line of a certificate. `y` in points: from the bottom edge, or below the top edge when negative."""

    y: float
    font: str
    size: float
    colour: Any
    text: str


def certificate(title: str, lines: Sequence[Words]) -> bytes:
    """One A4 page, landscape, framed. The same words give the same bytes."""
    width, height = landscape(A4)
    target = BytesIO()
    canvas = Canvas(target, pagesize=(width, height), invariant=True)
    canvas.setTitle(title[:120])
    canvas.setStrokeColor(LINE)
    canvas.rect(28, 28, width - 56, height - 56)
    canvas.setStrokeColor(ACCENT)
    canvas.setLineWidth(3)
    canvas.line(28, height - 28, width - 28, height - 28)
    for line in lines:
        canvas.setFont(line.font, line.size)
        canvas.setFillColor(line.colour)
        y = line.y if line.y >= 0 else height + line.y
        canvas.drawCentredString(width / 2, y, fit(line.text, width - 120, line.font, line.size))
    canvas.showPage()
    canvas.save()
    return target.getvalue()
