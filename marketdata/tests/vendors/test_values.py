"""Values that a vendor says: exact when they can be, refused by name when they cannot."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.adapters.vendors import common
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.domain.feed import micro_of
from marketdata.domain.providers import ProviderError

ANYTHING = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.decimals()),
    *(st.lists(st.integers()), st.dictionaries(st.text(), st.integers())),
)


@given(st.decimals(min_value="0.000001", max_value=999_999, places=6))
def test_a_price_is_exact_as_text_and_as_a_number(value):
    expected = int(value * 1_000_000)
    assert common.price(str(value), "price") == common.price(value, "price") == expected
    assert common.price(float(value), "price") == expected


@given(ANYTHING)
def test_whatever_is_said_is_a_value_or_odd(value):
    for read in (common.price, common.price_or_none, common.count, common.stamp, common.day, common.decimal):
        try:
            found = read(value, "it")
        except common.Odd:
            continue
        assert isinstance(found, date) or found >= 0


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_a_bar_is_whole_or_refused(opened, high, low, close, volume):
    try:
        bar = common.bar("A", 1, 1, (opened, high, low, close), volume)
    except common.Odd:
        return
    assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
    assert bar.volume >= 0


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_are_exact_to_the_microsecond(at):
    text = at.isoformat().replace("+00:00", "Z")
    assert common.stamp(text, "t") == micro_of(at)
    assert common.stamp(at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z", "t") == micro_of(at)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "NaN", "-Infinity", Decimal("NaN")])
def test_what_is_no_finite_number(value):
    with pytest.raises(common.Odd) as found:
        common.price(value, "price")
    assert found.value.kind == "not_a_number"


def test_whatever_is_raised_while_reading_is_a_provider_error():
    for error in (KeyError("x"), AttributeError("y"), RecursionError(), common.Odd("malformed", "z")):
        with pytest.raises(ProviderError) as found, common.reading("vendor", "it"):
            raise error
        assert (found.value.code, found.value.__cause__) == (ProviderError.MALFORMED, error)


def test_symbols_go_there_and_back():
    symbols = Symbols("vendor", lambda name: {"INFY": "INFY.NS"} if name == "vendor" else {}, class_sign="-")
    assert symbols.map(["INFY", "BRK.B", "aapl", "INFY"]) == {"INFY.NS": "INFY", "BRK-B": "BRK.B", "AAPL": "aapl"}
    assert [symbols.ours(theirs) for theirs in ("INFY.NS", "BRK-B", "AAPL")] == ["INFY", "BRK.B", "AAPL"]
