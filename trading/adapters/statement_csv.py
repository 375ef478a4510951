"""A statement as CSV: lines are streamed, and no cell can be taken for a formula by a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import StringIO

from core.csv_cells import safe_cell
from core.money import to_major
from trading.domain.fees import total
from trading.domain.schedules.words import label
from trading.domain.statement import Figure, Statement, bridge, performance_figures
from trading.domain.types import plain


def _short(value: Decimal) -> Decimal:
    """A quantity or price without trailing zeros."""
    return Decimal(plain(value))


def _figure_row(figure: Figure) -> Sequence[object]:
    percent = figure.unit in ("percent", "change")
    name = f"{figure.name}, %" if percent else figure.name
    if figure.value is None:
        return ("Performance", name, "")
    return ("Performance", name, round(Decimal(str(figure.value)) * (100 if percent else 1), 4))


def _heading_rows(statement: Statement) -> Iterator[Sequence[object]]:
    head = statement.heading
    yield ("Statement", "Field", "Value")
    yield ("Statement", "Account", head.account_name)
    yield ("Statement", "Account number", head.account_id)
    yield ("Statement", "Owner", head.owner)
    yield ("Statement", "Market", head.market)
    yield ("Statement", "Currency", head.currency)
    yield ("Statement", "From", head.local(head.start).isoformat())
    yield ("Statement", "To", head.local(head.end).isoformat())
    yield ("Statement", "Time zone", head.zone.key)
    yield ("Statement", "Made at", head.local(head.generated_at).isoformat())
    for note in statement.notes:
        yield ("Statement", "Note", note)


def _rows(statement: Statement) -> Iterator[Sequence[object]]:
    head = statement.heading

    def money(minor: int) -> Decimal:
        return to_major(minor, head.currency)

    yield from _heading_rows(statement)
    yield ("Balance", "Line", "Amount")
    for name, minor in bridge(statement):
        yield ("Balance", name, money(minor))
    for name, standing in (("Opening", statement.opening), ("Closing", statement.closing)):
        yield ("Balance", f"{name} unrealised P&L", money(standing.unrealized_minor))
        yield ("Balance", f"{name} equity", money(standing.equity_minor))
        yield ("Balance", f"{name} cash", money(standing.cash_minor))
    if statement.performance is not None:
        yield ("Performance", "Figure", "Value")
        for figure in performance_figures(statement.performance):
            yield _figure_row(figure)
    yield ("Positions", "Symbol", "Quantity", "Last price", "Price currency", "Cost", "Value", "Unrealised P&L")
    for held in statement.positions:
        figures = (money(held.cost_minor), money(held.value_minor), money(held.unrealized_minor))
        yield ("Positions", held.symbol, _short(held.quantity), _short(held.last_price), held.currency, *figures)
    yield ("Cash", "Time", "Kind", "Symbol", "Amount", "Note")
    for event in statement.events:
        at = head.local(event.at).isoformat()
        yield ("Cash", at, label(event.kind), event.symbol, money(event.minor), event.note)
    kinds = [charge.kind for charge in statement.charges]
    names = [label(kind) for kind in kinds]
    columns = ("Quantity", "Price", "Price currency", "Value", "Realised P&L", "Charges")
    yield ("Fills", "Time", "Order", "Symbol", "Side", *columns, *names)
    for fill in statement.fills:
        own = {charge.kind: charge.minor for charge in fill.charges}
        figures = (money(fill.notional_minor), money(fill.realized_minor), money(total(fill.charges)))
        at = head.local(fill.at).isoformat()
        first = (at, fill.order_id, fill.symbol, fill.side, _short(fill.quantity), _short(fill.price), fill.currency)
        yield ("Fills", *first, *figures, *(money(own.get(kind, 0)) for kind in kinds))


def statement_csv(statement: Statement) -> Iterator[str]:
    """The statement as CSV lines (RFC 4180), a section's name in the first column and its header in its first row.

    Amounts are plain major units, times ISO 8601 in the statement's zone. No cell can be taken for a formula.
    """
    line = StringIO(newline="")
    writer = csv.writer(line)
    for row in _rows(statement):
        writer.writerow([format(cell, "f") if isinstance(cell, Decimal) else safe_cell(cell) for cell in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
