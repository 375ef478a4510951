"""A certificate as one A4 page, landscape. The same certificate gives the same bytes."""

from __future__ import annotations

from io import BytesIO

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from contests.domain.certificates import CertificateView
from core.pdf import ACCENT, BOLD, INK, LINE, SANS, SOFT, fit, money


def certificate_pdf(found: CertificateView, address: str) -> bytes:
    """The bytes of the page. `address`: where anyone can look whether it is true."""
    width, height = landscape(A4)
    target = BytesIO()
    canvas = Canvas(target, pagesize=(width, height), invariant=True)
    canvas.setTitle(f"{found.contest}: {found.name}"[:120])
    canvas.setStrokeColor(LINE)
    canvas.rect(28, 28, width - 56, height - 56)
    canvas.setStrokeColor(ACCENT)
    canvas.setLineWidth(3)
    canvas.line(28, height - 28, width - 28, height - 28)
    rank = f"Rank {found.rank:,} of {found.ranked:,}"
    prices = "simulated prices" if found.is_simulated else found.source
    lines = [
        (height - 120, SANS, 14, SOFT, "Trading Arena certifies that"),
        (height - 175, BOLD, 34, INK, found.name),
        (height - 220, SANS, 14, SOFT, "came in the contest"),
        (height - 262, BOLD, 24, INK, found.contest),
        (height - 330, BOLD, 40, ACCENT, rank),
        (height - 372, SANS, 14, INK, _figures(found)),
        (height - 396, SANS, 12, SOFT, found.badge or ""),
        (92, SANS, 10, SOFT, f"Ended {found.ended_at:%d %B %Y %H:%M} UTC, virtual money, {prices}"),
        (74, SANS, 10, SOFT, f"Whether it is true: {address}"),
        (56, SANS, 7, SOFT, f"Standings {found.final_hash}"),
    ]
    for y, font, size, colour, text in lines:
        canvas.setFont(font, size)
        canvas.setFillColor(colour)
        canvas.drawCentredString(width / 2, y, fit(text, width - 120, font, size))
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _figures(found: CertificateView) -> str:
    parts = [f"{found.return_pct}% return", f"{money(found.value_minor, found.currency)} {found.currency}"]
    if found.score:
        parts.append(f"{found.scoring}: {found.score}")
    return ", ".join([*parts, f"{found.trades:,} trades"])
