"""Reading files: what is taken, what is refused and why."""

from datetime import date
from decimal import Decimal

import pytest

from core.errors import Invalid
from marketdata.domain.imports import csv_actions, csv_bars
from marketdata.domain.lean import Factor, factor_actions, lean_bars
from marketdata.domain.types import Action
from marketdata.tests.factories import weekdays

TODAY = date(2024, 6, 1)
HEADER = "date,open,high,low,close,volume\n"
GOOD = HEADER + "2024-01-08,10,12,9,11,1000\n2024-01-09,11,11.5,10.25,11,0\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-01-10,NaN,12,9,11,1000", "the open is not a finite number"),
        ("2024-01-10,10,Infinity,9,11,1000", "the high is not a finite number"),
        ("2024-01-10,10,12,-9,11,1000", "a price is not above zero"),
        ("2024-01-10,10,12,0,11,1000", "a price is not above zero"),
        ("2024-01-10,10,8,9,8.5,1000", "the high is below the low"),
        ("2024-01-10,13,12,9,11,1000", "the open or the close is outside low to high"),
        ("2024-01-10,10,12,9,8,1000", "the open or the close is outside low to high"),
        ("2024-01-10,ten,12,9,11,1000", "the open is not a number: 'ten'"),
        ("2024-01-10,10,12,9,11,-1", "the volume is negative"),
        ("2024-01-10,10,1e30,9,11,1", "the high is too large"),
        ("2024-01-10,10,12,9,11,1e99", "the volume is too large"),
        ("10/01/2024,10,12,9,11,1000", "the date is not YYYY-MM-DD: '10/01/2024'"),
        ("2024-06-02,10,12,9,11,1000", "2024-06-02 is in the future"),
        ("2024-01-08,10,12,9,11,1000", "2024-01-08 is there already, in row 2"),
        ("2024-01-10,10,12,9,11", "the number of columns is not that of the header"),
        ("2024-01-10,10,12,9,11,1,2", "the number of columns is not that of the header"),
    ],
)
def test_bad_rows_are_named(row, reason):
    with pytest.raises(Invalid) as refused:
        csv_bars(GOOD + row + "\n", today=TODAY)
    assert refused.value.code == "bad_rows"
    assert refused.value.details == {"count": 1, "rows": [{"row": 4, "reason": reason}]}
    assert refused.value.message == f"1 bad rows; row 4: {reason}."


def test_many_bad_rows_are_counted_and_the_first_shown():
    with pytest.raises(Invalid) as refused:
        csv_bars(HEADER + "x,1,1,1,1,1\n" * 100, today=TODAY)
    assert refused.value.details["count"] == 100
    assert len(refused.value.details["rows"]) == 20


@pytest.mark.parametrize(
    "text", ["", "date,open\n", "2024-01-08,10,12,9,11,1000\n", "\x00", HEADER.replace("low", "lo")]
)
def test_a_header_is_needed(text):
    with pytest.raises(Invalid) as refused:
        csv_bars(text, today=TODAY)
    assert refused.value.code in {"bad_header", "bad_rows"}


def test_no_rows():
    with pytest.raises(Invalid) as refused:
        csv_bars(HEADER, today=TODAY)
    assert refused.value.code == "no_rows"


def test_columns_in_any_order_rows_in_any_order():
    text = "\ufeffVolume, Close,low,high,open,DATE\n5, 2 ,1,3,1.5,2024-01-09\n\n7,2,1,3,1.5,2024-01-08\n"
    bars = csv_bars(text, today=TODAY).bars
    assert [(bar.date.day, bar.volume) for bar in bars] == [(8, 7), (9, 5)]
    assert bars[0].close == Decimal(2)


def test_columns_that_are_not_needed_are_ignored_and_dates_may_carry_a_time():
    text = (
        "Unnamed: 0,Date,Open,High,Low,Close,Adj Close,Volume\n"
        "0,2004-08-19 00:00:00,10,12,9,11,5.5,1000\n1,2004-08-20T00:00:00-04:00,11,12,9,11,5.5,1000.0\n"
    )
    parsed = csv_bars(text, today=TODAY)
    assert [(bar.date, bar.open, bar.volume) for bar in parsed.bars] == [
        (date(2004, 8, 19), 10, 1000),
        (date(2004, 8, 20), 11, 1000),
    ]
    unnamed = ",Open,High,Low,Close,Volume\n2004-08-19,10,12,9,11,1000\n"
    assert csv_bars(unnamed, today=TODAY).bars[0].date == date(2004, 8, 19)
    with pytest.raises(Invalid) as refused:
        csv_bars("Date,Open,High,Low,Close,Close,Volume\n", today=TODAY)
    assert refused.value.code == "bad_header"


def test_what_is_not_quite_right_is_mended_and_told():
    text = HEADER + "2024-01-08,10.0123456789,12,9,11,5\n2024-01-09,10,12,9.5,12.01,5\n2024-01-10,8.98,12,9,11,5\n"
    parsed = csv_bars(text, today=TODAY)
    assert [(str(bar.open), str(bar.high), str(bar.low)) for bar in parsed.bars] == [
        ("10.012346", "12.000000", "9.000000"),
        ("10.000000", "12.010000", "9.500000"),
        ("8.980000", "12.000000", "8.980000"),
    ]
    assert parsed.warnings == [
        "2024-01-09: the open or the close is a little outside 9.500000 to 12.000000; "
        "the range was widened to 9.500000 to 12.010000",
        "2024-01-10: the open or the close is a little outside 9.000000 to 12.000000; "
        "the range was widened to 8.980000 to 12.000000",
        "prices of 1 days, the first 2024-01-08, had more than six decimals and were rounded to six",
    ]


def test_odd_volume_is_noted():
    days = weekdays(date(2024, 1, 1), 30)
    text = HEADER + "".join(f"{day},1,1,1,1,{5_000_000_000 if n == 20 else 10_000}\n" for n, day in enumerate(days))
    [note] = csv_bars(text, today=TODAY).warnings
    assert note.startswith(f"{days[20]}: volume 5000000000")


def test_actions():
    text = "symbol,ex_date,kind,value\naaa,2024-01-09,split,4\nAAA,2024-01-09,dividend,0.25\n"
    day = date(2024, 1, 9)
    assert csv_actions(text, symbols=["AAA"]) == {
        "AAA": [Action("split", day, Decimal(4)), Action("dividend", day, Decimal("0.25"))]
    }
    for row, reason in (
        ("BBB,2024-01-09,split,4", "BBB is not being imported"),
        ("AAA,2024-01-09,merger,4", "the kind is not one of split, dividend, symbol_change, delisting"),
        ("AAA,2024-01-10,split,0", "the value is not above zero"),
        ("AAA,2024-01-10,split,x", "the value is not a number: 'x'"),
        ("AAA,2024-01-09,split,4", "a second split of AAA on 2024-01-09"),
    ):
        with pytest.raises(Invalid) as refused:
            csv_actions(text + row, symbols=["AAA"])
        assert refused.value.details["rows"] == [{"row": 4, "reason": reason}]


def test_changes_of_symbol_and_delistings():
    text = "symbol,ex_date,kind,value,new_symbol\nAAA,2024-01-09,symbol_change,,zzz\nAAA,2024-02-09,delisting,0,\n"
    assert csv_actions(text, symbols=["AAA"]) == {
        "AAA": [
            Action("symbol_change", date(2024, 1, 9), Decimal(0), "ZZZ"),
            Action("delisting", date(2024, 2, 9), Decimal(0)),
        ]
    }
    for row, reason in (
        ("AAA,2024-01-10,symbol_change,,", "a symbol_change, and nothing else, has a new_symbol of 1 to 16 characters"),
        ("AAA,2024-01-10,split,2,ZZZ", "a symbol_change, and nothing else, has a new_symbol of 1 to 16 characters"),
        ("AAA,2024-02-10,delisting,1,", "a second delisting of AAA on 2024-02-10"),
        ("AAA,2024-02-10,delisting,-1,", "the value is not above zero"),
    ):
        with pytest.raises(Invalid) as refused:
            csv_actions(text + row, symbols=["AAA"])
        assert refused.value.details["rows"] == [{"row": 4, "reason": reason}]


def factor(day, price, split, reference="0"):
    return Factor(day, Decimal(price), Decimal(split), Decimal(reference))


def test_factors_give_splits_and_dividends():
    days = [date(2014, 6, 5), date(2014, 6, 6), date(2014, 6, 9), date(2014, 8, 6), date(2014, 8, 7)]
    factors = [
        factor(date(1998, 1, 2), "0.89", "0.0357143"),
        factor(date(2014, 6, 6), "0.9011818", "0.0357143", "645.57"),
        factor(date(2014, 8, 6), "0.9011818", "0.25", "94.97"),
        factor(date(2050, 12, 31), "0.9056638", "0.25"),
    ]
    assert factor_actions(factors, days) == [
        Action("split", date(2014, 6, 9), Decimal("7.00000000")),
        Action("dividend", date(2014, 8, 7), Decimal("0.47000000")),
    ]


def test_a_dividend_with_a_split_is_of_the_new_share():
    days = [date(2024, 1, 8), date(2024, 1, 9)]
    factors = [factor(days[0], "0.98", "0.5", "100"), factor(date(2050, 12, 31), "1", "1")]
    split, dividend = factor_actions(factors, days)
    assert (split.value, dividend.value) == (2, 1)


def test_factors_in_a_hole_of_the_bars_keep_their_dates():
    days = [date(2004, 11, 30), date(2011, 3, 23)]
    factors = [
        factor(date(2004, 11, 1), "0.9", "1"),
        factor(date(2005, 12, 16), "0.9", "1", "40"),
        factor(date(2006, 12, 15), "0.91", "1", "44"),
        factor(date(2050, 1, 1), "0.92", "1"),
    ]
    actions = factor_actions(factors, days)
    assert [action.ex_date for action in actions] == [date(2005, 12, 19), date(2006, 12, 18)]


def test_lean_bars_before_the_factor_file_are_another_company():
    text = "20120517 00:00,10000,10000,10000,10000,5\n20120518 00:00,380000,450000,380000,382300,5"
    parsed = lean_bars(text, "20120518,1,1,1\n20501231,1,1,0", today=TODAY)
    assert [bar.close for bar in parsed.bars] == [Decimal("38.23")]
    assert parsed.warnings == ["1 bars before 2012-05-18 left out: the factor file begins there"]


@pytest.mark.parametrize(
    "text", ["20120518 00:00,1,1,1,1", "2012-05-18,1,1,1,1,1", "20120518,1,1,1,x,1", "20120518,9,1,1,1,1"]
)
def test_bad_lean_rows(text):
    with pytest.raises(Invalid) as refused:
        lean_bars("20120517 00:00,1,1,1,1,1\n" + text, None, today=TODAY)
    assert refused.value.details["rows"][0]["row"] == 2
