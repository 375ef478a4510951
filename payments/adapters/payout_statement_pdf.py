"""What a person was owed, asked for and got, as an A4 PDF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
)

from core.pdf import BOTTOM, MARGIN, NOTE, TITLE, TOP, WIDTH, Pages, Running, fit, grid, money, printable
from payments.domain.papers import StatementLine


def payout_statement_pdf(name: str, lines: Sequence[StatementLine], *, since: datetime, until: datetime) -> bytes:
    """The bytes of the paper; sums by currency at its end."""
    rows = [
        [f"{line.at:%-d %b %Y, %H:%M}", fit(line.memo or line.kind, WIDTH * 0.48),
         money(line.amount_minor, line.currency, signed=True), line.currency]
        for line in lines
    ]  # fmt: skip
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.amount_minor
    rows += [
        ["", "Together", money(minor, currency, signed=True), currency] for currency, minor in sorted(sums.items())
    ]
    span = f"{since:%-d %B %Y} to {until:%-d %B %Y}, times in UTC"
    story: list[Flowable] = [Paragraph("Payouts", TITLE), Paragraph(printable(f"{name}, {span}"), NOTE), Spacer(1, 12)]
    if lines:
        widths = [WIDTH * 0.22, WIDTH * 0.5, WIDTH * 0.18, WIDTH * 0.1]
        story.append(grid(["WHEN", "WHAT", "AMOUNT", ""], rows, widths, 2, []))
    else:
        story.append(Paragraph("Nothing was owed or paid in this time.", NOTE))
    target = BytesIO()
    document = BaseDocTemplate(target, pagesize=A4, invariant=1, title="Payouts", author="Trading Arena")
    document.addPageTemplates(PageTemplate(frames=[Frame(MARGIN, BOTTOM, WIDTH, A4[1] - TOP - BOTTOM, 0, 0, 0, 0)]))
    running = Running("Payouts", f"{name[:60]}  ·  {span}")
    document.build(story, canvasmaker=lambda *args, **kwargs: Pages(*args, running=running, **kwargs))
    return target.getvalue()
