"""Invoices and credit notes as A4 PDF, from what was kept when they were made. The same paper gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from core.pdf import (
    BOLD,
    BOTTOM,
    HEAD,
    INK,
    MARGIN,
    NOTE,
    PLAIN,
    SOFT,
    TITLE,
    TOP,
    WIDTH,
    Pages,
    Running,
    fit,
    grid,
    money,
)
from payments.domain.papers import Paper

_TITLES = {"invoice": "Invoice", "credit_note": "Credit note"}


def invoice_pdf(invoice: Paper) -> bytes:
    """The bytes of the paper."""
    told = invoice.document
    story: list[Flowable] = [
        Paragraph(f"{_TITLES[invoice.kind]} {invoice.number}", TITLE),
        Spacer(1, 8),
        _parties(invoice, told),
        Spacer(1, 14),
        _lines(invoice, told),
        Spacer(1, 8),
        _totals(invoice, told),
        *_notes(told),
    ]
    running = Running(
        _TITLES[invoice.kind],
        f"{invoice.number}  ·  {told['seller'].get('name', '')}",
        "NO MONEY MOVED" if told.get("is_simulated") else "",
    )
    target = BytesIO()
    document = BaseDocTemplate(
        target, pagesize=A4, invariant=1, title=invoice.number, author=str(told["seller"].get("name", ""))
    )
    frame = Frame(MARGIN, BOTTOM, WIDTH, A4[1] - TOP - BOTTOM, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[frame]))
    document.build(story, canvasmaker=lambda *args, **kwargs: Pages(*args, running=running, **kwargs))
    return target.getvalue()


def _parties(invoice: Paper, told: Mapping[str, Any]) -> Table:
    seller, buyer = told["seller"], told["buyer"]
    left = [seller.get("name", ""), *map(str, seller.get("address", []))]
    left += [f"Tax id {seller['tax_id']}"] if seller.get("tax_id") else []
    right = [buyer.get("name", ""), buyer.get("country", "")]
    facts = [f"Issued {invoice.issued_at:%-d %B %Y}", f"Payment {told['payment'][:8]}"]
    facts += [f"Of {told['of']}"] if told.get("of") else []
    rows = [["FROM", "TO", ""]]
    for index in range(max(len(left), len(right), len(facts))):
        rows.append([fit(part[index], WIDTH / 3 - 8) if index < len(part) else "" for part in (left, right, facts)])
    style = [*PLAIN, ("FONT", (0, 0), (-1, 0), BOLD, 7), ("TEXTCOLOR", (0, 0), (-1, 0), SOFT)]
    return Table(rows, colWidths=[WIDTH / 3] * 3, style=style, hAlign="LEFT")


def _lines(invoice: Paper, told: Mapping[str, Any]) -> Table:
    rows = []
    for line in told["lines"]:
        period = " to ".join(f"{datetime.fromisoformat(at):%-d %b %Y}" for at in line["period"] if at)
        amount = line["subtotal_minor"] if invoice.kind == "invoice" else invoice.net_minor
        rows.append([fit(line["text"], WIDTH * 0.5), period, money(amount, invoice.currency)])
        if line["discount_minor"] and invoice.kind == "invoice":
            rows.append(["Discount", "", money(-line["discount_minor"], invoice.currency)])
    widths = [WIDTH * 0.52, WIDTH * 0.28, WIDTH * 0.2]
    return grid(["WHAT", "FOR", f"AMOUNT, {invoice.currency}"], rows, widths, 2, [])


def _totals(invoice: Paper, told: Mapping[str, Any]) -> Table:
    tax = told["tax"]
    name = f"{tax['name']} {tax['country']} {tax['bp'] / 100:g} %" if tax["name"] else "Tax"
    rows = [
        ["Net", money(invoice.net_minor, invoice.currency)],
        [name, money(invoice.tax_minor, invoice.currency)],
        [f"Total, {invoice.currency}", money(invoice.total_minor, invoice.currency)],
    ]
    style = [
        *PLAIN,
        ("ALIGN", (1, 0), (1, -1), "RIGHT"),
        ("FONT", (0, -1), (-1, -1), BOLD, 10),
        ("LINEABOVE", (0, -1), (-1, -1), 0.8, INK),
    ]
    return Table(rows, colWidths=[WIDTH * 0.25, WIDTH * 0.2], style=style, hAlign="RIGHT")


def _notes(told: Mapping[str, Any]) -> list[Flowable]:
    found: list[Flowable] = []
    if told.get("reason"):
        found += [Paragraph("Reason", HEAD), Paragraph(_safe(told["reason"]), NOTE)]
    if told.get("is_simulated"):
        found += [Spacer(1, 10), Paragraph("Made with the sandbox: no money has moved, and this is no invoice.", NOTE)]
    return found


def _safe(text: str) -> str:
    return escape(text)
