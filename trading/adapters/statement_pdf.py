"""A statement as an A4 PDF. The same statement always gives the same bytes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from io import BytesIO

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from core.money import exponent
from core.pdf import (
    BOLD,
    BOTTOM,
    DOWN,
    HEAD,
    INK,
    MARGIN,
    NOTE,
    PLAIN,
    SANS,
    SOFT,
    TINT,
    TITLE,
    TOP,
    UP,
    WIDTH,
    Command,
    Pages,
    Running,
    coloured,
    fit,
    grid,
    minus,
    money,
    number,
)
from trading.domain.fees import total
from trading.domain.schedules.words import label
from trading.domain.statement import Heading, Statement, StatementFill, bridge, performance_figures


def price_text(value: Decimal, currency: str, account_currency: str) -> str:
    """A price with at least its currency's decimals, and the currency's code when it is not the account's."""
    return number(value, exponent(currency)) + ("" if currency == account_currency else f" {currency}")


def _running(head: Heading) -> Running:
    name = fit(head.account_name, 150, SANS, 7)
    foot = f"{name}  ·  account {head.account_id}  ·  times in {head.zone.key}"
    return Running("Account statement", foot, "SIMULATED" if head.simulated else "")


def _day(heading: Heading, at: datetime) -> str:
    local = heading.local(at)
    return f"{local.day} {local:%b %Y, %H:%M}"


def _facts(statement: Statement) -> Table:
    head = statement.heading
    cells = [
        ("ACCOUNT", f"{head.account_name} (no. {head.account_id})"),
        ("OWNER", head.owner),
        ("MARKET", head.market),
        ("CURRENCY", head.currency),
        ("PERIOD", f"{_day(head, head.start)} to {_day(head, head.end)}"),
        ("TIME ZONE", head.zone.key),
        ("FILLS", f"{statement.fills_total:,}"),
        ("MADE", _day(head, head.generated_at)),
    ]
    widths = [WIDTH * part for part in (0.39, 0.23, 0.18, 0.2)]
    rows = []
    for row in (cells[:4], cells[4:]):
        rows.append([name for name, _ in row])
        rows.append([fit(value, width - 8, SANS, 9) for (_, value), width in zip(row, widths, strict=True)])
    names: list[Command] = []
    for row_number in (0, 2):
        names += [
            ("FONT", (0, row_number), (-1, row_number), SANS, 6.5),
            ("TEXTCOLOR", (0, row_number), (-1, row_number), SOFT),
            ("BOTTOMPADDING", (0, row_number), (-1, row_number), 0),
            ("FONT", (0, row_number + 1), (-1, row_number + 1), SANS, 9),
            ("BOTTOMPADDING", (0, row_number + 1), (-1, row_number + 1), 8),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ]
    return Table(rows, colWidths=widths, style=[*PLAIN, *names])


def _tiles(statement: Statement) -> Table:
    currency = statement.heading.currency
    opening, closing = statement.opening, statement.closing
    flows = sum(entry.minor for entry in statement.cash if entry.kind in ("deposit", "withdrawal"))
    profit = closing.equity_minor - opening.equity_minor - flows
    twr = statement.performance.twr if statement.performance else None
    second = "–" if twr is None else minus(f"{twr:+.2%}")
    tiles = [
        ("Opening equity", money(opening.equity_minor, currency), INK),
        ("Closing equity", money(closing.equity_minor, currency), INK),
        ("Profit or loss", money(profit, currency, signed=True), UP if profit > 0 else DOWN if profit else INK),
        ("Time-weighted return", second, UP if (twr or 0) > 0 else DOWN if twr else INK),
    ]
    commands: list[Command] = [
        ("BACKGROUND", (0, 0), (-1, -1), TINT),
        ("LEFTPADDING", (0, 0), (-1, -1), 10),
        ("FONT", (0, 0), (-1, 0), SANS, 7.5),
        ("TEXTCOLOR", (0, 0), (-1, 0), SOFT),
        ("TOPPADDING", (0, 0), (-1, 0), 9),
        ("FONT", (0, 1), (-1, 1), BOLD, 13),
        ("BOTTOMPADDING", (0, 1), (-1, 1), 12),
        ("LINEAFTER", (0, 0), (-2, -1), 3, colors.white),
    ]
    commands += [("TEXTCOLOR", (column, 1), (column, 1), tile[2]) for column, tile in enumerate(tiles)]
    figures = [fit(figure, WIDTH / 4 - 14, BOLD, 13) for _, figure, _ in tiles]
    return Table([[name for name, *_ in tiles], figures], colWidths=[WIDTH / 4] * 4, style=[*PLAIN, *commands])


def _summary(statement: Statement) -> Table:
    """The balance's way from opening to closing beside the performance."""
    currency = statement.heading.currency
    lines = bridge(statement)
    last = len(lines)
    rows = [
        [fit(name, 150), money(minor, currency, signed=0 < number < last - 1)]
        for number, (name, minor) in enumerate(lines)
    ]
    rows.append(["Unrealised P&L", money(statement.closing.unrealized_minor, currency, signed=True)])
    rows.append(["Closing equity", money(statement.closing.equity_minor, currency)])
    strong: list[Command] = [("FONT", (0, row), (-1, row), BOLD, 8) for row in (1, last, last + 2)]
    left = grid(["Balance", currency], rows, [150, 92], 1, strong)
    if statement.performance is None:
        return Table([[left, ""]], colWidths=[WIDTH / 2] * 2, style=PLAIN)
    figures = [[figure.name, minus(figure.text)] for figure in performance_figures(statement.performance)]
    right = grid(["Performance", ""], figures, [160, 82], 1, [])
    flush: list[Command] = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    return Table([[left, right]], colWidths=[WIDTH - 242, 242], style=[*PLAIN, *flush])


def _positions(statement: Statement) -> Table:
    currency = statement.heading.currency
    rows = [
        [
            fit(held.symbol, 90),
            number(held.quantity),
            price_text(held.last_price, held.currency, currency),
            money(held.cost_minor, currency),
            money(held.value_minor, currency),
            money(held.unrealized_minor, currency, signed=True),
        ]
        for held in statement.positions
    ]
    gains = coloured(5, [held.unrealized_minor for held in statement.positions])
    header = ["Symbol", "Quantity", "Last price", f"Cost ({currency})", f"Value ({currency})", "Unrealised P&L"]
    return grid(header, rows, [95, 75, 85, 87, 87, WIDTH - 429], 1, gains)


def _events(statement: Statement) -> Table:
    head = statement.heading
    rows = [
        [
            f"{head.local(event.at):%Y-%m-%d %H:%M:%S}",
            fit(label(event.kind), 84),
            fit(event.symbol, 64),
            fit(event.note, 180),
            money(event.minor, head.currency, signed=True),
        ]
        for event in statement.events
    ]
    gains = coloured(4, [event.minor for event in statement.events])
    header = ["Time", "Entry", "Symbol", "Note", f"Cash ({head.currency})"]
    return grid(header, rows, [90, 90, 70, 186, WIDTH - 436], 4, gains)


def _fill_row(fill: StatementFill, head: Heading) -> list[str]:
    kinds = ", ".join(f"{label(charge.kind)} {money(charge.minor, head.currency)}" for charge in fill.charges)
    when = f"{head.local(fill.at):%Y-%m-%d %H:%M:%S}"
    return [
        # The second line runs on under the other columns, which are empty there.
        f"{when}\n{fit(kinds, WIDTH, SANS, 7)}" if fill.charges else when,
        fit(fill.symbol, 62),
        fill.side.capitalize(),
        number(fill.quantity),
        price_text(fill.price, fill.currency, head.currency),
        money(fill.notional_minor, head.currency),
        money(fill.realized_minor, head.currency, signed=True) if fill.realized_minor else "",
        money(total(fill.charges), head.currency),
    ]


def _fills(statement: Statement) -> Table:
    head = statement.heading
    rows = [_fill_row(fill, head) for fill in statement.fills]
    more: list[Command] = [
        ("FONT", (0, 1), (0, -1), SANS, 7, 10.5),
        ("TEXTCOLOR", (0, 1), (0, -1), SOFT),
        *coloured(6, [fill.realized_minor for fill in statement.fills]),
    ]
    header = ["Time", "Symbol", "Side", "Quantity", "Price", f"Value ({head.currency})", "Realised P&L", "Charges"]
    return grid(header, rows, [80, 68, 32, 62, 70, 78, 70, WIDTH - 460], 3, more)


def _section(story: list[Flowable], title: str, table: Table, count: int, empty: str) -> None:
    # A heading stands with at least three rows.
    story += [CondPageBreak(110), Paragraph(title, HEAD), table if count else Paragraph(empty, NOTE)]


def statement_pdf(statement: Statement) -> bytes:
    """The statement as a PDF document. Text outside Western European letters is shown as "?" (the CSV has it whole)."""
    head = statement.heading
    story: list[Flowable] = [Paragraph("Account statement", TITLE), Spacer(1, 8), _facts(statement)]
    story += [Spacer(1, 4), _tiles(statement), Spacer(1, 8)]
    story += [Paragraph(note, NOTE) for note in statement.notes]
    story += [Spacer(1, 10), _summary(statement)]
    _section(story, "Positions at the end", _positions(statement), len(statement.positions), "No open positions.")
    _section(story, "Cash entries", _events(statement), len(statement.events), "None in this period.")
    _section(story, "Fills", _fills(statement), len(statement.fills), "None in this period.")
    target = BytesIO()
    document = BaseDocTemplate(
        target,
        pagesize=A4,
        invariant=1,
        title=f"Account statement {head.account_id}",
        author="Trading Arena",
        subject="Simulated trading" if head.simulated else "",
        lang="en",
    )
    frame = Frame(MARGIN, BOTTOM, WIDTH, A4[1] - TOP - BOTTOM + 8, 0, 0, 0, 0)
    document.addPageTemplates([PageTemplate(frames=[frame])])
    document.build(story, canvasmaker=lambda *args, **kwargs: Pages(*args, running=_running(head), **kwargs))
    return target.getvalue()
