"""US equities: SEC section 31, FINRA trading activity fee, consolidated audit trail. Checked 20 Nov 2026.

Rounded up to the cent for each order (brokers round each fee up; several do so over a day's orders of an account).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from trading.domain.schedules.lines import BEGINNING, Line, Market

_MILLION = Decimal(1_000_000)


def _sec(since: date, per_million: str, source: str) -> Line:
    return Line("sec", since, source, rate=Decimal(per_million) / _MILLION, side="sell", rounding="up")


def _taf(since: date, per_share: str, most: str, source: str, note: str = "") -> Line:
    top = Decimal(most) if most else None
    return Line("taf", since, source, per_unit=Decimal(per_share), most=top, side="sell", rounding="up", note=note)


def _cat(since: date, per_share: str, source: str, note: str = "") -> Line:
    return Line("cat", since, source, per_unit=Decimal(per_share), rounding="up", note=note)


# Dollars per million of sales.
SEC = (
    _sec(date(2003, 4, 1), "46.80", "SEC Fee Rate Advisory 12, fiscal year 2003"),
    _sec(date(2004, 2, 22), "39.00", "SEC Fee Rate Advisory, fiscal year 2004"),
    _sec(date(2004, 4, 1), "23.40", "SEC Fee Rate Advisory 8, fiscal year 2004"),
    _sec(date(2005, 1, 7), "32.90", "SEC Fee Rate Advisory, fiscal year 2005"),
    _sec(date(2005, 4, 1), "41.80", "SEC Fee Rate Advisory 7, fiscal year 2005"),
    _sec(date(2005, 12, 22), "30.70", "SEC Fee Rate Advisory, fiscal year 2006"),
    _sec(date(2007, 3, 17), "15.30", "SEC Fee Rate Advisory, fiscal year 2007"),
    _sec(date(2008, 1, 25), "11.00", "SEC Fee Rate Advisory, fiscal year 2008"),
    _sec(date(2008, 4, 1), "5.60", "FINRA Information Notice 3/10/08"),
    _sec(date(2009, 4, 10), "25.70", "SEC Fee Rate Advisory, fiscal year 2009"),
    _sec(date(2010, 1, 15), "12.70", "SEC release 2009-270"),
    _sec(date(2010, 4, 1), "16.90", "FINRA Information Notice 3/10/10"),
    _sec(date(2011, 1, 21), "19.20", "SEC release 2010-255"),
    _sec(date(2012, 2, 21), "18.00", "SEC Fee Rate Advisory 5, fiscal year 2012"),
    _sec(date(2012, 4, 1), "22.40", "SEC Fee Rate Advisory, fiscal year 2012"),
    _sec(date(2013, 5, 25), "17.40", "SEC Release 34-69449, 78 FR 25515"),
    _sec(date(2014, 3, 18), "22.10", "FINRA Information Notice 3/3/14"),
    _sec(date(2015, 2, 14), "18.40", "SEC Fee Rate Advisory, fiscal year 2015"),
    _sec(date(2016, 2, 16), "21.80", "SEC Fee Rate Advisory, fiscal year 2016"),
    _sec(date(2017, 7, 4), "23.10", "SEC Fee Rate Advisory, fiscal year 2017"),
    _sec(date(2018, 5, 22), "13.00", "FINRA Information Notice 5/7/18"),
    _sec(date(2019, 4, 16), "20.70", "SEC Fee Rate Advisory 2, fiscal year 2019"),
    _sec(date(2020, 2, 18), "22.10", "SEC Release 34-87918, 85 FR 2218"),
    _sec(date(2021, 2, 25), "5.10", "SEC Fee Rate Advisory 2, fiscal year 2021"),
    _sec(date(2022, 5, 14), "22.90", "SEC Fee Rate Advisory, fiscal year 2022"),
    _sec(date(2023, 2, 27), "8.00", "SEC Release 34-96724, 88 FR 5051"),
    _sec(date(2024, 5, 22), "27.80", "SEC Release 34-99973"),
    _sec(date(2025, 5, 14), "0", "SEC Fee Rate Advisory, fiscal year 2025"),
    _sec(date(2026, 4, 4), "20.60", "SEC Release 34-104909, 91 FR 10643"),
)

# Dollars per share sold, and the most that one trade pays.
TAF = (
    _taf(date(2004, 11, 1), "0.000075", "3.75", "NASD Notice to Members 04-84"),
    _taf(date(2011, 7, 1), "0.000090", "4.50", "FINRA Regulatory Notice 11-27"),
    _taf(date(2012, 3, 1), "0.000095", "4.75", "FINRA Regulatory Notice 12-06"),
    _taf(date(2012, 7, 1), "0.000119", "5.95", "77 FR 27527"),
    _taf(date(2022, 1, 1), "0.000130", "6.49", "SR-FINRA-2020-032"),
    _taf(date(2023, 1, 1), "0.000145", "7.27", "SR-FINRA-2020-032"),
    _taf(date(2024, 1, 1), "0.000166", "8.30", "SR-FINRA-2020-032"),
    _taf(date(2026, 1, 1), "0.000195", "9.79", "FR Doc. 2024-27764, schedule of 2026"),
    _taf(date(2026, 10, 1), "0", "", "SR-FINRA-2026-021, Release 34-106409", "Fee holiday to 31 December 2026."),
    _taf(date(2027, 1, 1), "0.000195", "9.79", "SR-FINRA-2026-020", "Held to the end of 2028."),
)

# Dollars per share, both sides.
CAT = (
    _cat(BEGINNING, "0", "CAT funding model of 6 September 2023", "There was no such fee before September 2024."),
    _cat(date(2024, 9, 1), "0.000035", "CAT Fee 2024-1 (CAT NMS Plan, FAQ V6)"),
    _cat(date(2026, 1, 1), "0.000003", "Alpaca's fee page", "The day of the change is assumed."),
)

US = Market("US equities", "USD", (*SEC, *TAF, *CAT), checked=date(2026, 11, 20))
