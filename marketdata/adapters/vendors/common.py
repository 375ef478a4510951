"""What all vendors share: reading values that a vendor says, and telling errors apart."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import orjson
import structlog

from marketdata.domain.feed import MICRO, FeedBar, LiveQuote, Print, micro_of
from marketdata.domain.providers import DAY_MINUTES, ProviderError

logger = structlog.get_logger(__name__)

US_EXCHANGES = frozenset({"US", "NYSE", "NASDAQ", "ARCA", "AMEX", "BATS", "IEX"})
INDIAN_EXCHANGES = frozenset({"NSE", "BSE"})
NEW_YORK = ZoneInfo("America/New_York")
# Our codes of the exchanges as vendors name them: MIC, or their own words.
EXCHANGES = {
    **{"XNYS": "NYSE", "XNAS": "NASDAQ", "ARCX": "ARCA", "XASE": "AMEX", "IEXG": "IEX", "XNSE": "NSE", "XBOM": "BSE"},
    **{"NYSEARCA": "ARCA", "NYSE ARCA": "ARCA", "NYSE MKT LLC": "AMEX", "NYSE AMERICAN": "AMEX"},
    **{code: code for code in US_EXCHANGES | INDIAN_EXCHANGES},
}
MAX_TEXT = 300
_PRICE_BOUND = Decimal(10) ** 9
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$")


class Odd(Exception):
    """A value that cannot be. `kind` is one of marketdata.domain.feed.Anomaly."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind


def now_micros() -> int:
    """Now, in microseconds since the epoch."""
    return time.time_ns() // 1_000


def price(value: Any, what: str) -> int:
    """A positive price in micros."""
    found = price_or_none(value, what)
    if not found:
        raise Odd("not_positive", f"{what} is missing or zero")
    return found


def price_or_none(value: Any, what: str) -> int:
    """A price in micros, 0 where the vendor says none (nothing or zero)."""
    if value is None:
        return 0
    number = _decimal(value, what)
    if number < 0:
        raise Odd("not_positive", f"{what} is negative")
    if number >= _PRICE_BOUND:
        raise Odd("malformed", f"{what} is too large")
    return int((number * MICRO).to_integral_value())


def count(value: Any, what: str) -> int:
    """A whole number of units, 0 where the vendor says none; parts of a unit are not counted."""
    if value is None:
        return 0
    if type(value) is int and 0 <= value < 2**62:
        return value
    number = _decimal(value, what)
    if not 0 <= number < 2**62:
        raise Odd("not_positive" if number < 0 else "malformed", f"{what} is out of bounds")
    return int(number)


def _decimal(value: Any, what: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Odd("malformed", f"{what} is not a number")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except ArithmeticError as error:
        raise Odd("malformed", f"{what} is not a number") from error
    if not number.is_finite():
        raise Odd("not_a_number", f"{what} is not a finite number")
    return number


def decimal(value: Any, what: str) -> Decimal:
    """A positive Decimal, as an amount or a ratio."""
    number = _decimal(value, what)
    if number <= 0:
        raise Odd("not_positive", f"{what} is missing or not positive")
    return number


def document(value: Any, what: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise Odd("malformed", f"{what} is not an object")
    return value


def rows(value: Any, what: str) -> list[Any]:
    """A JSON array; nothing counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Odd("malformed", f"{what} is not a list")
    return value


def text(value: Any, limit: int = MAX_TEXT) -> str:
    """Text, cut to `limit`; empty where there is none."""
    return "" if value is None else str(value).strip()[:limit]


def stamp(value: Any, what: str) -> int:
    """An RFC 3339 time, of up to nanoseconds, as microseconds."""
    found = _STAMP.match(value) if isinstance(value, str) else None
    if found is None:
        raise Odd("malformed", f"{what} is not a time")
    whole, part, zone = found.groups()
    try:
        at = datetime.fromisoformat(whole + zone.replace("Z", "+00:00"))
    except ValueError as error:
        raise Odd("malformed", f"{what} is not a time") from error
    return micro_of(at) + int((part or "0").ljust(6, "0")[:6])


def since_epoch(value: Any, unit: int, what: str) -> int:
    """A time counted in `unit` of a second (1, 1000, 10**9, ...) as microseconds."""
    found = count(value, what)
    if not found:
        raise Odd("malformed", f"{what} is missing")
    at = found * MICRO // unit
    if at >= 10**17:
        raise Odd("malformed", f"{what} is not a time")
    return at


def day(value: Any, what: str) -> date:
    """A date as YYYY-MM-DD."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Odd("malformed", f"{what} is not a date") from error


def day_micros(on: date) -> int:
    """Where a day's bar begins: 00:00 UTC of its trade date."""
    return micro_of(datetime(on.year, on.month, on.day, tzinfo=UTC))


def trade_date(at: int) -> date:
    """The trade date of an instant in New York."""
    return datetime.fromtimestamp(at // MICRO, tz=NEW_YORK).date()


def bar(symbol: str, minutes: int, at: int, ohlc: tuple[Any, Any, Any, Any], volume: Any, trades: Any = 0) -> FeedBar:
    """A checked bar; a day's begins at 00:00 UTC of its trade date in New York, whatever the vendor says."""
    opened, high, low, close = (price(value, name) for value, name in zip(ohlc, _OHLC, strict=True))
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise Odd("malformed", "a bar's low and high do not hold its open and close")
    begins = day_micros(trade_date(at)) if minutes == DAY_MINUTES else at
    return FeedBar(symbol, minutes, begins, opened, high, low, close, count(volume, "volume"), count(trades, "trades"))


_OHLC = ("open", "high", "low", "close")


def latest(
    provider: str, quote: Print, *, session: date | None = None, ohlv: tuple[int, int, int, int], previous_close: int
) -> LiveQuote:
    """A quote as the board keeps it, of what a vendor says of the session (open, high, low, volume)."""
    return LiveQuote(
        *(0, quote.symbol, quote.bid, quote.ask, quote.last, quote.bid_size, quote.ask_size, quote.at),
        *(now_micros(), provider, session or trade_date(quote.at), *ohlv, previous_close),
    )


def status_error(
    provider: str, status: int, body: bytes, headers: Mapping[str, str], hide: tuple[str, ...]
) -> ProviderError:
    """What an HTTP status other than 200 means."""
    message = f"HTTP {status}: {said(body, hide)}"
    if status == 401:
        code = ProviderError.UNAUTHORIZED
    elif status in (402, 403):
        code = ProviderError.NOT_ENTITLED
    elif status == 404:
        code = ProviderError.NOT_FOUND
    elif status == 429:
        return ProviderError(provider, ProviderError.RATE_LIMITED, message, retry_after(headers))
    elif status in (408, 413, 499) or status >= 500:
        code = ProviderError.UNAVAILABLE
    elif status < 400:
        code = ProviderError.MALFORMED
    else:
        code = ProviderError.UNSUPPORTED
    return ProviderError(provider, code, message)


def said(body: bytes, hide: tuple[str, ...]) -> str:
    """A vendor's own words in an error's body, short and without our keys."""
    try:
        found = orjson.loads(body)
    except ValueError:
        return "the answer is not JSON" if body else "the answer is empty"
    words = found if isinstance(found, str) else ""
    if isinstance(found, dict):
        words = next((str(found[key]) for key in ("message", "error", "msg", "status") if found.get(key)), "")
    return hidden(words, hide) or "no reason given"


def hidden(words: str, hide: tuple[str, ...]) -> str:
    """Words without keys, cut."""
    for secret in hide:
        if secret:
            words = words.replace(secret, "***")
    return words[:MAX_TEXT]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until a vendor is to be asked again, as its headers say."""
    raw, until = headers.get("Retry-After"), headers.get("X-Ratelimit-Reset")
    try:
        if raw is not None:
            return max(0.0, float(raw))
        return None if until is None else max(0.0, float(until) - time.time())
    except ValueError:
        return None


@contextmanager
def reading(provider: str, what: str) -> Iterator[None]:
    """Whatever goes wrong inside is a ProviderError: what we cannot read is MALFORMED."""
    try:
        yield
    except ProviderError:
        raise
    except Odd as odd:
        _malformed(provider, f"{what}: {odd}", odd)
    except Exception as error:  # the vendors' clients raise anything at all when an answer is not as they expect
        logger.warning("vendor_answer_unread", provider=provider, what=what, error=type(error).__name__)
        _malformed(provider, f"{what}: the answer cannot be read ({type(error).__name__})", error)


def _malformed(provider: str, message: str, cause: Exception) -> NoReturn:
    raise ProviderError(provider, ProviderError.MALFORMED, message) from cause
