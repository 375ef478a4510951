"""Indian equities through a discount broker: brokerage, STT, exchange, SEBI, stamp duty, GST. Checked 20 Nov 2026.

Rounded for each order (a contract note rounds over a client's day): STT and stamp duty to the rupee, the rest to the
paisa. Depository charges of a delivery sale are the broker's own and are left out.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from trading.domain.schedules.lines import BEGINNING, Line, Market
from trading.domain.types import Side


def _percent(text: str) -> Decimal:
    return Decimal(text) / 100


def _stt(since: date, product: str, percent: str, source: str) -> Line:
    # Delivery is taxed on both sides, intraday on the sale.
    side: Side | None = None if product == "delivery" else "sell"
    return Line("stt", since, source, rate=_percent(percent), product=product, side=side, rounding="unit")


def _exchange(since: date, exchange: str, percent: str, source: str, note: str = "") -> Line:
    return Line("exchange", since, source, rate=_percent(percent), exchange=exchange, note=note)


def _stamp(product: str, percent: str) -> Line:
    note = "Before July 2020 the duty was each state's own."
    source = "Indian Stamp Act as amended by the Finance Act 2019"
    day = date(2020, 7, 1)
    return Line("stamp", day, source, rate=_percent(percent), product=product, side="buy", rounding="unit", note=note)


def _gst(since: date, percent: str, source: str, *, sebi: bool = False, note: str = "") -> Line:
    taxes = ("brokerage", "exchange", "sebi") if sebi else ("brokerage", "exchange")
    return Line("gst", since, source, rate=_percent(percent), taxes=taxes, note=note)


BROKERAGE = (
    Line("brokerage", BEGINNING, "Example of a discount broker, 2026", product="delivery", note="Delivery is free."),
    Line(
        "brokerage",
        BEGINNING,
        "Example of a discount broker, 2026",
        rate=_percent("0.03"),
        most=Decimal(20),
        product="intraday",
    ),
)

_NO_STT = "Finance (No. 2) Act 2004: none before"
STT = (
    _stt(BEGINNING, "delivery", "0", _NO_STT),
    _stt(date(2004, 10, 1), "delivery", "0.075", "Finance (No. 2) Act 2004"),
    _stt(date(2005, 6, 1), "delivery", "0.1", "Finance Act 2005"),
    _stt(date(2006, 6, 1), "delivery", "0.125", "Finance Act 2006"),
    _stt(date(2012, 7, 1), "delivery", "0.1", "Finance Act 2012"),
    _stt(BEGINNING, "intraday", "0", _NO_STT),
    _stt(date(2004, 10, 1), "intraday", "0.015", "Finance (No. 2) Act 2004"),
    _stt(date(2005, 6, 1), "intraday", "0.02", "Finance Act 2005"),
    _stt(date(2006, 6, 1), "intraday", "0.025", "Finance Act 2006"),
)

_IPFT = "With the investor protection fund's 0.0001 %."
EXCHANGE = (
    _exchange(date(2020, 1, 1), "NSE", "0.00325", "NSE charges before January 2021"),
    _exchange(date(2021, 1, 1), "NSE", "0.00345", "NSE: 6 % more from January 2021"),
    _exchange(date(2023, 4, 1), "NSE", "0.00335", "NSE, 24 March 2023", _IPFT),
    _exchange(date(2024, 4, 1), "NSE", "0.00322", "Brokers' charge lists, 2024"),
    _exchange(date(2024, 10, 1), "NSE", "0.00307", "NSE, 27 September 2024: 0.00297 %", _IPFT),
    _exchange(date(2023, 4, 1), "BSE", "0.00375", "BSE: 375 rupees per crore"),
)

SEBI = (
    Line("sebi", date(2019, 4, 1), "SEBI: 10 rupees per crore", rate=_percent("0.0001")),
    Line("sebi", date(2020, 6, 1), "SEBI: 5 rupees per crore to March 2021", rate=_percent("0.00005")),
    Line("sebi", date(2021, 4, 1), "SEBI: 10 rupees per crore", rate=_percent("0.0001")),
)

STAMP = (_stamp("delivery", "0.015"), _stamp("intraday", "0.003"))

GST = (
    _gst(date(2015, 6, 1), "14", "Service tax, Finance Act 2015", note="Service tax, before GST."),
    _gst(date(2015, 11, 15), "14.5", "Service tax with the Swachh Bharat cess", note="Service tax, before GST."),
    _gst(date(2016, 6, 1), "15", "Service tax with the Krishi Kalyan cess", note="Service tax, before GST."),
    _gst(date(2017, 7, 1), "18", "GST on brokers' services"),
    _gst(date(2022, 7, 18), "18", "GST, on SEBI's fee too", sebi=True),
)

INDIA = Market(
    "Indian equities",
    "INR",
    (*BROKERAGE, *STT, *EXCHANGE, *SEBI, *STAMP, *GST),
    checked=date(2026, 11, 20),
    exchanges={"NSE": "NSE", "XNSE": "NSE", "BSE": "BSE", "XBOM": "BSE"},
    products=("delivery", "intraday"),
)
