"""What is known of exchanges from the start: phases of the day, price grids, bands and policies, with dates. Pure data.

It is loaded into tables, where operators change and add rows; nothing here is read while the market is open. Sources
are in docs/sessions.md.
"""

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

SEEDED = "seed: "  # how the source of a row begins that a later load may replace
LONG_AGO = date(2000, 1, 1)
US_RULES = SEEDED + "US exchange rules"
US_LULD = SEEDED + "LULD plan"
NSE_RULES = SEEDED + "NSE and BSE trading rules"
CAS_RULES = SEEDED + "SEBI circular HO/47/11/11(3)2025-MRD-POD2/I/2765/2026, closing auction"
NIGHT_RULES = SEEDED + "SEC order of 10 Apr 2026, Nasdaq night session; depends on readiness of the industry's systems"
NSE_TICKS = SEEDED + "NSE tick sizes from 15 Apr 2025"
CAS_FROM, CAS_EVE = date(2026, 8, 3), date(2026, 8, 2)
TICKS_FROM, TICKS_EVE = date(2025, 4, 15), date(2025, 4, 14)
DERIVATIVES, NIGHT, TIER_ONE = "derivatives", "night", "tier1"


@dataclass(frozen=True, slots=True)
class ExchangeSeed:
    """An exchange; `calendar` names the library's calendar that its sessions are loaded from."""

    code: str
    name: str
    country: str
    zone: str
    currency: str
    follows: str | None = None
    is_always_open: bool = False
    is_simulated: bool = False
    calendar: str = ""
    first: date | None = None
    last: date | None = None  # how far the library's holidays really go; None: by rule, any year


@dataclass(frozen=True, slots=True)
class PhaseSeed:
    """A part of a regular day, local time."""

    exchange: str
    kind: str
    segment: str
    starts: time
    ends: time
    valid_from: date
    valid_to: date | None
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TickSeed:
    """The price grid from a price on."""

    exchange: str
    price_from: Decimal
    tick_size: Decimal
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class BandSeed:
    """How far prices may move, in percent."""

    exchange: str
    kind: str
    segment: str
    price_from: Decimal
    percent: Decimal
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class PolicySeed:
    """What an exchange's prices may be used for."""

    exchange: str
    allows_money: bool
    lag_minutes: int
    live_by: str
    reason: str
    valid_from: date


def _us(code: str, name: str) -> ExchangeSeed:
    return ExchangeSeed(code, name, "US", "America/New_York", "USD", follows="US")


EXCHANGES = (  # an exchange after the one that it follows
    ExchangeSeed("US", "US equities", "US", "America/New_York", "USD", calendar="XNYS", first=LONG_AGO),
    _us("NYSE", "New York Stock Exchange"),
    _us("NASDAQ", "Nasdaq"),
    _us("ARCA", "NYSE Arca"),
    _us("AMEX", "NYSE American"),
    _us("BATS", "Cboe BZX"),
    _us("IEX", "Investors Exchange"),
    ExchangeSeed(
        *("NSE", "National Stock Exchange of India", "IN", "Asia/Kolkata", "INR"),
        calendar="XBOM",
        first=date(2006, 1, 1),
        last=date(2026, 12, 31),
    ),
    ExchangeSeed("BSE", "BSE (Bombay Stock Exchange)", "IN", "Asia/Kolkata", "INR", follows="NSE"),
    ExchangeSeed("SIMX", "Simulated Exchange", "ZZ", "UTC", "USD", is_always_open=True, is_simulated=True),
    ExchangeSeed("SIM", "Demo history", "ZZ", "America/New_York", "USD", follows="US", is_simulated=True),
)

PHASES = (
    PhaseSeed("US", "pre_market", "", time(4), time(9, 30), LONG_AGO, None, US_RULES),
    PhaseSeed("US", "continuous", "", time(9, 30), time(16), LONG_AGO, None, US_RULES),
    PhaseSeed("US", "after_hours", "", time(16), time(20), LONG_AGO, None, US_RULES),
    PhaseSeed(
        *("NASDAQ", "overnight", NIGHT, time(21), time(4), date(2026, 12, 6), None, NIGHT_RULES),
        note="Of no instrument until it has begun: clear the segment then. Belongs to the next trade date.",
    ),
    PhaseSeed("NSE", "pre_open", "", time(9), time(9, 15), date(2010, 10, 18), None, NSE_RULES),
    PhaseSeed("NSE", "continuous", "", time(9, 15), time(15, 30), LONG_AGO, None, NSE_RULES),
    PhaseSeed("NSE", "continuous", DERIVATIVES, time(9, 15), time(15, 15), CAS_FROM, None, CAS_RULES),
    PhaseSeed("NSE", "closing_auction", DERIVATIVES, time(15, 15), time(15, 35), CAS_FROM, None, CAS_RULES),
    PhaseSeed("NSE", "post_close", "", time(15, 40), time(16), LONG_AGO, CAS_EVE, NSE_RULES),
    PhaseSeed("NSE", "post_close", "", time(15, 50), time(16), CAS_FROM, None, NSE_RULES, note="One source; confirm"),
)

_INDIA_GRID = (("0", "0.01"), ("250", "0.05"), ("1000", "0.10"), ("5000", "0.50"), ("10000", "1"), ("20000", "5"))
TICK_SIZES = (
    TickSeed("US", Decimal(0), Decimal("0.0001"), LONG_AGO, None, US_RULES),
    TickSeed("US", Decimal(1), Decimal("0.01"), LONG_AGO, None, US_RULES),
    TickSeed("NSE", Decimal(0), Decimal("0.05"), LONG_AGO, TICKS_EVE, NSE_RULES),
    *(TickSeed("NSE", Decimal(low), Decimal(tick), TICKS_FROM, None, NSE_TICKS) for low, tick in _INDIA_GRID),
    TickSeed("SIMX", Decimal(0), Decimal("0.01"), LONG_AGO, None, SEEDED + "the simulated exchange's own"),
)

BANDS = (
    BandSeed("NSE", "daily", "", Decimal(0), Decimal(20), LONG_AGO, None, NSE_RULES),
    BandSeed("NSE", "dynamic", DERIVATIVES, Decimal(0), Decimal(10), LONG_AGO, None, NSE_RULES),
    BandSeed("NSE", "auction", DERIVATIVES, Decimal(0), Decimal(3), CAS_FROM, None, CAS_RULES),
    BandSeed("US", "luld", "", Decimal(0), Decimal(75), LONG_AGO, None, US_LULD + ", or $0.15 if that is less"),
    BandSeed("US", "luld", "", Decimal("0.75"), Decimal(20), LONG_AGO, None, US_LULD),
    BandSeed("US", "luld", "", Decimal("3.000001"), Decimal(10), LONG_AGO, None, US_LULD + ", tier 2"),
    BandSeed("US", "luld", TIER_ONE, Decimal("3.000001"), Decimal(5), LONG_AGO, None, US_LULD + ", tier 1"),
)

_INDIA_REASON = (
    "Indian exchanges do not allow their prices to be used for contests with money, nor to be shown live: virtual "
    "contests play prices that are 30 days old, and live prices come over a person's own broker link only."
)
_NOBODYS = "Prices of nobody's market: they are made, not traded."
POLICIES = (
    PolicySeed("US", True, 0, "anyone", "US prices may be used within the data vendor's terms.", LONG_AGO),
    PolicySeed("NSE", False, 30 * 24 * 60, "own_broker", _INDIA_REASON, LONG_AGO),
    PolicySeed("BSE", False, 30 * 24 * 60, "own_broker", _INDIA_REASON, LONG_AGO),
    PolicySeed("SIMX", True, 0, "anyone", _NOBODYS, LONG_AGO),
    PolicySeed("SIM", True, 0, "anyone", _NOBODYS, LONG_AGO),
)


def exchange_seed(code: str) -> ExchangeSeed | None:
    """What is known from the start of an exchange."""
    return next((seed for seed in EXCHANGES if seed.code == code), None)
