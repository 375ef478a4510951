"""Statements: they add up or are not made; CSV that no spreadsheet runs; a PDF that says what it is."""

import base64
import csv
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import DomainError
from core.money import to_minor
from trading.adapters.statement_csv import statement_csv
from trading.adapters.statement_pdf import statement_pdf
from trading.domain.fees import FeeCase, charges, total
from trading.domain.performance import EquityPoint, TradeFill, performance
from trading.domain.positions import Holding, apply_fill
from trading.domain.statement import (
    CashEvent,
    Heading,
    Standing,
    StatementFill,
    StatementPosition,
    bridge,
    build_statement,
)

START = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
HEADING = Heading(
    account_id=4711,
    account_name="Main account",
    owner="Zoë Ångström",
    currency="USD",
    market="Replay of 2026",
    simulated=True,
    start=START,
    end=START + timedelta(days=30),
    generated_at=START + timedelta(days=31),
    zone=ZoneInfo("America/New_York"),
)
# side, quantity, cents
ORDERS = [("buy", 100, 10_000), ("sell", 40, 11_000), ("sell", 100, 9_050), ("buy", 10, 9_200)]


def made(orders=ORDERS, events=(), opening_cash=10_000_000, last=9_100, symbol="ACME"):
    """What a period holds: opening and closing standing, fills with their charges, the position at the end."""
    cash, held, fills = opening_cash, Holding(), []
    for number, (side, quantity, cents) in enumerate(orders):
        at, size, price = START + timedelta(hours=number), Decimal(quantity), Decimal(cents) / 100
        notional = to_minor(size * price, "USD")
        paid = charges("us:share=0.005,min=1", FeeCase(side, size, price, notional, "USD", at.date()))
        held, realized = apply_fill(held, side, size, notional)
        cash += (notional if side == "sell" else -notional) - total(paid)
        fills.append(StatementFill(at, 900 + number, symbol, side, size, price, "USD", notional, realized, paid))
    cash += sum(event.minor for event in events)
    value = to_minor(held.quantity * Decimal(last) / 100, "USD")
    open_now = [StatementPosition(symbol, held.quantity, Decimal(last) / 100, "USD", held.cost_minor, value)]
    closing = Standing(cash, held.cost_minor, cash + value)
    return {
        "opening": Standing(opening_cash, 0, opening_cash),
        "closing": closing,
        "fills": fills,
        "events": list(events),
        "positions": open_now if held.quantity else [],
    }


EVENTS = [
    CashEvent(START, "deposit", 50_000_00, note="Top-up"),
    CashEvent(START, "dividend", -1_234, "ACME", "paid on the short"),
    # A split's fraction: cash of 5.00, of which 4.00 was its cost.
    CashEvent(START, "split", 500, "ACME", balance_minor=100),
]


def test_the_balance_goes_from_opening_to_closing():
    statement = build_statement(HEADING, **made(events=EVENTS[:2]))
    # 40 of 100 sold at 110 (+400), 60 at 90.50 (-570), 40 opened short, 10 of them covered at 92 (-15).
    assert bridge(statement) == [
        ("Opening balance", 10_000_000),
        ("Realised P&L", -18_500),
        ("Commission", -400),
        ("SEC fee", -29),
        ("FINRA trading activity fee", -3),
        ("Audit trail fee", -4),
        ("Deposit", 5_000_000),
        ("Dividend", -1_234),
        ("Closing balance", 14_979_830),
    ]
    # Short 30 from 90.50, now 91.00.
    assert statement.closing.unrealized_minor == -1_500
    assert statement.closing.equity_minor == 14_978_330
    assert statement.notes == ["Simulated trading: no order reached a market and no real money moved."]
    assert build_statement(replace(HEADING, simulated=False), **made()).notes == []


def test_a_split_fraction_moves_cash_and_balance_apart():
    inputs = made(orders=ORDERS[:1], events=EVENTS[2:])
    held = inputs["positions"][0]
    inputs["positions"] = [replace(held, cost_minor=held.cost_minor - 400)]
    closing = inputs["closing"]
    inputs["closing"] = replace(closing, cost_minor=closing.cost_minor - 400)
    statement = build_statement(HEADING, **inputs)
    assert ("Split", 100) in bridge(statement)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("cash", lambda made: made | {"events": [CashEvent(START, "deposit", 1)]}),
        ("cash", lambda made: made | {"fills": made["fills"][:-1]}),
        (
            "the balance",
            lambda made: made | {"fills": [replace(made["fills"][0], realized_minor=1), *made["fills"][1:]]},
        ),
        ("the positions' cost", lambda made: made | {"positions": [replace(made["positions"][0], cost_minor=1)]}),
        ("equity", lambda made: made | {"positions": [replace(made["positions"][0], value_minor=1)]}),
    ],
)
def test_a_statement_that_does_not_add_up_is_not_made(what, change):
    with pytest.raises(DomainError) as refused:
        build_statement(HEADING, **change(made()))
    assert refused.value.code == "statement_unbalanced"
    assert refused.value.details["what"] == what


@given(
    orders=st.lists(
        st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 500), st.integers(100, 90_000)), max_size=12
    ),
    flow=st.integers(-(10**6), 10**6),
    last=st.integers(100, 90_000),
)
def test_any_period_adds_up(orders, flow, last):
    statement = build_statement(HEADING, **made(orders, [CashEvent(START, "adjustment", flow)], last=last))
    lines = bridge(statement)
    assert sum(minor for _, minor in lines[:-1]) == lines[-1][1]
    rows = list(csv.reader("".join(statement_csv(statement)).splitlines()))
    fills = [row for row in rows if row[0] == "Fills"][1:]
    assert len(fills) == len(orders)
    # The charges' own columns add up to the column of all charges.
    assert all(Decimal(row[10]) == sum(map(Decimal, row[11:])) for row in fills)


def test_rows_are_bounded_and_totals_are_not():
    whole = build_statement(HEADING, **made(ORDERS * 5, EVENTS[:2] * 3))
    cut = build_statement(HEADING, **made(ORDERS * 5, EVENTS[:2] * 3), max_rows=4)
    assert bridge(cut) == bridge(whole)
    assert (len(cut.fills), cut.fills_total, len(cut.events), cut.events_total) == (4, 20, 4, 6)
    assert "The first 4 of 20 fills are listed" in cut.notes[1]
    assert "The first 4 of 6 cash entries are listed" in cut.notes[2]
    text = "".join(statement_csv(cut))
    assert "The first 4 of 20 fills" in text
    assert "The first 4 of 20 fills" in pages_of(statement_pdf(cut))[0]


def figures():
    points = [EquityPoint(START + timedelta(days=n), 10_000_000 + 70_000 * (n % 3)) for n in range(10)]
    return performance(points, [TradeFill(START, 1, "ACME", "buy", Decimal(1), Decimal(1), 100)])


def test_csv_by_the_line():
    lines = list(statement_csv(build_statement(HEADING, **made(events=EVENTS[:1]), performance=figures())))
    assert all(line.endswith("\r\n") and line.count("\n") == 1 for line in lines)
    text = "".join(lines)
    assert "Statement,Time zone,America/New_York\r\n" in text
    assert "Balance,Realised P&L,-185.00\r\n" in text
    assert 'Performance,"Maximum drawdown, %",1.3807\r\n' in text
    assert "Performance,Profit factor,\r\n" in text
    assert "Positions,ACME,-30,91,USD,-2715.00,-2730.00,-15.00\r\n" in text
    assert "Cash,2026-08-03T09:30:00-04:00,Deposit,,50000.00,Top-up\r\n" in text
    assert (
        "Fills,2026-08-03T10:30:00-04:00,901,ACME,sell,40,110,USD,4400.00,400.00,1.12,1.00,0.10,0.01,0.01\r\n" in text
    )


NASTY = st.one_of(st.text(max_size=20), st.text(alphabet="=+-@\t\r\n ＝＋,\"';|a1", max_size=8))


@given(name=NASTY, owner=NASTY, note=NASTY, symbol=NASTY)
@example(name=" =1+1", owner="\t=1", note="-2+3", symbol="@A")
@example(name="\tA", owner="\rA", note="\nA", symbol="＝A")
def test_no_cell_is_a_formula(name, owner, note, symbol):
    heading = replace(HEADING, account_name=name, owner=owner)
    statement = build_statement(heading, **made(events=[CashEvent(START, "deposit", -5, symbol, note)], symbol=symbol))
    text = "".join(statement_csv(statement))
    for row in csv.reader(StringIO(text, newline="")):
        for cell in row:
            if cell.lstrip()[:1] in tuple("=+-@＝＋－＠") or cell[:1] in tuple("\t\r\n"):
                # Only our own negative figures begin so.
                assert re.fullmatch(r"-\d+(\.\d+)?", cell), cell


def pages_of(pdf):
    """The text of each page's drawing, with its PDF escapes undone."""
    pages = []
    for raw in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        drawn = zlib.decompress(base64.a85decode(b"<~" + raw.strip(), adobe=True))
        text = b" ".join(re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", drawn)).decode("latin-1")
        text = re.sub(r"\\(\d{3})", lambda octal: bytes([int(octal[1], 8)]).decode("cp1252"), text)
        pages.append(re.sub(r"\\(.)", r"\1", text))
    return pages


def test_every_page_says_that_it_is_simulated():
    statement = build_statement(HEADING, **made(ORDERS * 40, EVENTS[:2]), performance=figures())
    pages = pages_of(statement_pdf(statement))
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert "SIMULATED" in page
        assert f"Page {number} of {len(pages)}" in page
        assert "times in America/New_York" in page
    live = build_statement(replace(HEADING, simulated=False), **made())
    assert not any("SIMULATED" in page or "Simulated" in page for page in pages_of(statement_pdf(live)))


def test_the_first_page_has_the_figures():
    statement = build_statement(HEADING, **made(events=EVENTS[:2]), performance=figures())
    page = pages_of(statement_pdf(statement))[0]
    for words in (
        "Zoë Ångström",
        "Main account (no. 4711)",
        "3 Aug 2026, 09:30 to 2 Sep 2026, 09:30",
        "Opening balance 100,000.00",
        "Realised P&L –185.00",
        "Deposit +50,000.00",
        "Closing balance 149,798.30",
        "Closing equity 149,783.30",
        "Maximum drawdown 1.38%",
        "Profit factor –",
        "Commission 1.00, SEC fee 0.10, FINRA trading activity fee 0.01, Audit trail fee 0.01",
    ):
        assert words in page, words


def test_the_same_statement_is_the_same_file():
    statement = build_statement(HEADING, **made(), performance=figures())
    assert statement_pdf(statement) == statement_pdf(statement)


def test_an_empty_period_is_a_statement():
    nothing = Standing(0, 0, 0)
    pages = pages_of(statement_pdf(build_statement(HEADING, nothing, nothing, [])))
    assert len(pages) == 1
    assert "No open positions." in pages[0]
    assert pages[0].count("None in this period.") == 2


@pytest.mark.parametrize(
    "name", ["प्रिया शर्मा", "王小明 😀", "<b>bold</b> & <font>", "x" * 5_000, "", "\x00\x07tab\t", "(a\\b)"]
)
def test_any_name_can_be_printed(name):
    heading = replace(HEADING, account_name=name, owner=name, market=name)
    inputs = made(symbol=name or "X", events=[CashEvent(START, "deposit", 1, name, name)])
    pages = pages_of(statement_pdf(build_statement(heading, **inputs)))
    assert "■" not in "".join(pages)
    if name.startswith("<b>"):
        assert "<b>bold</b>" in pages[0]
