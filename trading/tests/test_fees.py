"""Charges: contract notes computed by hand, the rates' days, and what holds for any order."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.errors import DomainError
from core.money import to_minor
from trading.domain.fees import FeeCase, charges, check_schedule, describe, schedule_names, total
from trading.domain.schedules import MARKETS
from trading.domain.schedules.words import LABELS

TODAY = date(2026, 11, 20)


def us(side="sell", quantity="1000", price="50", on=TODAY, **more):
    amount = to_minor(Decimal(quantity) * Decimal(price), "USD")
    return FeeCase(side, Decimal(quantity), Decimal(price), amount, "USD", on, "NASDAQ", **more)


def india(side, product, quantity="100", price="1500", on=TODAY, exchange="NSE", **more):
    amount = to_minor(Decimal(quantity) * Decimal(price), "INR")
    return FeeCase(side, Decimal(quantity), Decimal(price), amount, "INR", on, exchange, product, **more)


def paid(schedule, case):
    return {charge.kind: charge.minor for charge in charges(schedule, case)}


@pytest.mark.parametrize(
    ("on", "sec", "taf", "cat"),
    [
        # 1,000 shares at 50 dollars: sales of 50,000. Rates per million, per share; each rounded up to the cent.
        (date(2025, 5, 13), 139, 17, 4),  # 27.80 -> 1.39; 0.166; 0.035
        (date(2025, 5, 14), 0, 17, 4),  # section 31 at zero
        (date(2025, 12, 31), 0, 17, 4),
        (date(2026, 1, 1), 0, 20, 1),  # 0.195; 0.003
        (date(2026, 4, 3), 0, 20, 1),
        (date(2026, 4, 4), 103, 20, 1),  # 20.60 -> 1.03
        (date(2026, 9, 30), 103, 20, 1),
        (date(2026, 10, 1), 103, 0, 1),  # TAF holiday
        (date(2026, 12, 31), 103, 0, 1),
        (date(2027, 1, 1), 103, 20, 1),
        (date(2005, 3, 31), 165, 8, 0),  # 32.90 -> 1.645; 0.075
        (date(2005, 4, 1), 209, 8, 0),  # 41.80
        (date(2024, 8, 31), 139, 17, 0),  # before the audit trail fee
    ],
)
def test_a_us_sale_pays_the_rates_of_its_day(on, sec, taf, cat):
    expected = {kind: minor for kind, minor in (("sec", sec), ("taf", taf), ("cat", cat)) if minor}
    assert paid("us", us(on=on)) == expected


def test_a_us_purchase_pays_neither_sec_nor_taf():
    assert paid("us", us("buy", "100000")) == {"cat": 30}


@pytest.mark.parametrize(
    ("on", "shares", "taf"),
    [
        (date(2026, 6, 1), 50_205, 979),  # 9.789975 -> 9.79, just under the cap
        (date(2026, 6, 1), 50_206, 979),  # 9.79017 would be 9.80
        (date(2024, 6, 3), 1_000_000, 830),
        (date(2012, 3, 1), 1_000_000, 475),
        (date(2012, 2, 29), 1_000_000, 450),
    ],
)
def test_the_trading_activity_fee_is_capped(on, shares, taf):
    assert paid("us", us(quantity=str(shares), price="1", on=on))["taf"] == taf


def test_an_indian_delivery_note():
    # 100 shares at 1,500 rupees: turnover 150,000.
    # STT 0.1% = 150; NSE 0.00307% = 4.605 -> 4.60; SEBI 0.0001% = 0.15; stamp 0.015% = 22.50 -> 23;
    # GST 18% of (0 + 4.60 + 0.15) = 0.855 -> 0.86 (85.5 paise, half to even)
    assert paid("in", india("buy", "delivery")) == {
        "stt": 15_000,
        "exchange": 460,
        "sebi": 15,
        "stamp": 2_300,
        "gst": 86,
    }
    sale = india("sell", "delivery", exchange="BSE")
    # BSE 0.00375% = 5.625 -> 5.62; GST 18% of 5.77 = 1.0386 -> 1.04
    assert paid("in", sale) == {"stt": 15_000, "exchange": 562, "sebi": 15, "gst": 104}


def test_an_indian_intraday_note():
    # Brokerage 0.03% = 45, capped at 20; GST 18% of (20 + 4.60 + 0.15) = 4.455 -> 4.46; stamp 0.003% = 4.50 -> 5
    buy = india("buy", "intraday")
    assert paid("in", buy) == {"brokerage": 2_000, "exchange": 460, "sebi": 15, "stamp": 500, "gst": 446}
    # STT 0.025% = 37.50 -> 38 on the sale
    sale = india("sell", "intraday")
    assert paid("in", sale) == {"brokerage": 2_000, "stt": 3_800, "exchange": 460, "sebi": 15, "gst": 446}
    # 10 shares: turnover 15,000; brokerage 4.50; exchange 0.4605 -> 0.46; SEBI 0.015 -> 0.02; STT 3.75 -> 4
    small = india("sell", "intraday", quantity="10")
    assert paid("in", small) == {"brokerage": 450, "stt": 400, "exchange": 46, "sebi": 2, "gst": 90}


@pytest.mark.parametrize(
    ("on", "delivery", "intraday"),
    [
        (date(2004, 9, 30), None, None),
        (date(2004, 10, 1), 75_000, 15_000),
        (date(2005, 6, 1), 100_000, 20_000),
        (date(2012, 6, 30), 125_000, 25_000),
        (date(2012, 7, 1), 100_000, 25_000),
    ],
)
def test_indian_transaction_tax_follows_its_history(on, delivery, intraday):
    million = {"quantity": "1000", "price": "1000", "on": on}
    assert paid("in", india("sell", "delivery", **million)).get("stt") == delivery
    assert paid("in", india("sell", "intraday", **million)).get("stt") == intraday


def test_gst_reached_the_sebi_fee_in_july_2022():
    crore = {"quantity": "10000", "price": "1000"}
    # Exchange 0.00345% of a crore = 345; SEBI 10. 18% of 345 = 62.10, of 355 = 63.90.
    assert paid("in", india("buy", "delivery", on=date(2022, 7, 17), **crore))["gst"] == 6_210
    assert paid("in", india("buy", "delivery", on=date(2022, 7, 18), **crore))["gst"] == 6_390


def test_old_history_pays_the_earliest_known_rate_and_a_real_venue_refuses():
    old = us(on=date(2001, 1, 2))
    assert paid("us", old) == {"sec": 234, "taf": 8}  # 46.80 per million, 0.000075 per share
    with pytest.raises(DomainError) as refused:
        charges("us", old, live=True)
    assert refused.value.code == "fee_schedule_not_dated"
    assert charges("us", us(), live=True) == charges("us", us())
    assert "the earliest known rate" in " ".join(describe("us", date(2001, 1, 2)))


def test_free_and_plain_commissions():
    assert charges("none", us()) == ()
    assert paid("bps:5", us()) == {"commission": 2_500}
    assert paid("pct:0.1", us()) == {"commission": 5_000}
    assert charges("bps:0", us()) == ()


@pytest.mark.parametrize(
    ("quantity", "price", "commission"),
    [("100", "50", 100), ("1000", "50", 500), ("10", "5", 50), ("1", "5", 5)],
)
def test_a_commission_of_its_own_on_top_of_a_market(quantity, price, commission):
    # 0.005 a share, at least 1 dollar, at most 1% of the order (which wins over the minimum).
    found = paid("us:share=0.005,min=1,max_pct=1", us("buy", quantity, price))
    assert found["commission"] == commission


def test_an_indian_account_can_have_its_own_brokerage():
    assert paid("in:order=20", india("buy", "delivery"))["brokerage"] == 2_000
    assert paid("in:bps=3,max=20", india("buy", "intraday")) == paid("in", india("buy", "intraday"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "uk",
        "bps",
        "bps:",
        "bps:-1",
        "bps:1e3",
        "bps:10001",
        "pct:101",
        "us:",
        "us:share",
        "us:tip=1",
        "in:bps=1,bps=2",
    ],
)
def test_an_unknown_schedule_is_named_with_the_forms_that_exist(name):
    with pytest.raises(DomainError) as refused:
        check_schedule(name)
    assert refused.value.code == "fee_schedule_unknown"
    assert "bps:<basis points>" in refused.value.message


def test_cases_that_a_market_cannot_charge():
    for case, code in (
        (replace(india("buy", "delivery"), exchange="LSE"), "fee_exchange_unknown"),
        (replace(india("buy", "delivery"), product="futures"), "fee_product_unknown"),
        (replace(india("buy", "delivery"), currency="USD"), "fee_currency_mismatch"),
    ):
        with pytest.raises(DomainError) as refused:
            charges("in", case)
        assert refused.value.code == code
    with pytest.raises(ValueError, match="positive quantity"):
        charges("us", us(quantity="0"))


def test_exchange_codes_of_both_kinds_are_one_exchange():
    for one, other in (("NSE", "XNSE"), ("BSE", "XBOM")):
        assert charges("in", india("buy", "delivery", exchange=one)) == charges(
            "in", india("buy", "delivery", exchange=other)
        )


def test_the_words_come_from_the_same_data():
    assert describe("none", TODAY) == ["Commission: none."]
    words = describe("in", TODAY, "NSE", "intraday")
    assert words[0].startswith("Brokerage: 0.03% of the order's value, at most 20 INR an order")
    assert "0.025% of sales, to the nearest whole INR (since 1 June 2006; Finance Act 2006)" in words[1]
    assert words[-1].startswith("GST: 18% of brokerage, exchange charge and SEBI fee (since 18 July 2022;")
    us_words = " ".join(describe("us", TODAY))
    assert "Commission: none." in us_words
    assert "SEC fee: 0.00206% of sales, rounded up (since 4 April 2026; SEC Release 34-104909" in us_words
    assert "FINRA trading activity fee: none. Fee holiday to 31 December 2026." in us_words
    assert len(schedule_names()) == len(set(schedule_names()))


@pytest.mark.parametrize("market", sorted(MARKETS))
def test_the_data_is_dated_sourced_and_unambiguous(market):
    lines = MARKETS[market].lines
    keys = [(line.kind, line.side, line.exchange, line.product, line.since) for line in lines]
    assert len(keys) == len(set(keys))
    for line in lines:
        assert line.source
        assert line.kind in LABELS
        assert 0 <= line.rate < 1
    # At most one line of a kind is in force for a case.
    for side in ("buy", "sell"):
        for exchange in set(MARKETS[market].exchanges.values()) or {""}:
            for product in MARKETS[market].products or ("delivery",):
                words = describe(market, TODAY, exchange, product)
                assert len(words) == len({text.split(":")[0] for text in words}), (side, words)


CENTS = st.integers(1, 50_000_00).map(lambda cents: Decimal(cents) / 100)
DAYS = st.integers(0, 8_300).map(lambda days: date(2004, 1, 1) + timedelta(days=days))
ORDERS = st.tuples(
    st.sampled_from(["us", "us:share=0.005,min=1,max_pct=1", "us:order=4.95", "in", "in:bps=10,min=5,max=30"]),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["delivery", "intraday"]),
    DAYS,
)


def order_case(order, quantity, price, before=0, before_minor=0):
    name, side, product, on = order
    currency = "INR" if name.startswith("in") else "USD"
    amount = to_minor(quantity * price, currency)
    return FeeCase(side, quantity, price, amount, currency, on, "NSE", product, Decimal(before), before_minor)


@given(order=ORDERS, parts=st.lists(st.tuples(st.integers(1, 40_000), CENTS), min_size=1, max_size=8))
@example(order=("in", "buy", "intraday", TODAY), parts=[(1, Decimal(3))] * 8)
def test_an_order_filled_in_parts_pays_exactly_what_it_pays_whole(order, parts):
    sums, quantity, amount = {}, 0, 0
    for size, price in parts:
        case = order_case(order, Decimal(size), price, quantity, amount)
        for charge in charges(order[0], case):
            assert charge.minor > 0
            sums[charge.kind] = sums.get(charge.kind, 0) + charge.minor
        quantity, amount = quantity + size, amount + case.notional_minor
    whole = replace(order_case(order, Decimal(quantity), Decimal(amount) / 100 / quantity), notional_minor=amount)
    assert sums == paid(order[0], whole)


@given(order=ORDERS, quantity=st.integers(1, 1_000_000), more=st.integers(0, 1_000_000), price=CENTS)
def test_a_larger_order_never_pays_less(order, quantity, more, price):
    small = paid(order[0], order_case(order, Decimal(quantity), price))
    large = paid(order[0], order_case(order, Decimal(quantity + more), price))
    assert all(large.get(kind, 0) >= minor for kind, minor in small.items())


@given(
    bps=st.integers(0, 100_000).map(lambda n: Decimal(n) / 10),
    quantity=st.decimals("0.000001", 100_000, places=6),
    price=st.decimals("0.0001", 10_000, places=4),
    side=st.sampled_from(["buy", "sell"]),
    filled=st.integers(0, 100),
)
def test_basis_points_round_the_exact_notional_once(bps, quantity, price, side, filled):
    case = FeeCase(
        side, quantity, price, to_minor(quantity * price, "USD"), "USD", TODAY, filled_quantity=Decimal(filled)
    )
    expected = to_minor(quantity * price * bps / 10_000, "USD")
    assert total(charges(f"bps:{bps}", case)) == expected
    assume(bps <= 1_000)
    assert total(charges(f"pct:{bps / 100}", case)) == expected
