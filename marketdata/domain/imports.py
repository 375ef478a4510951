"""Reading price files in CSV. Pure: text in; bars, actions and rates out, or every bad row and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import median

from core.errors import Invalid
from marketdata.domain.rows import bad_rows, iso_date, number, rows_read, with_header
from marketdata.domain.types import Action, Bar

BAR_COLUMNS = ("date", "open", "high", "low", "close", "volume")
ACTION_COLUMNS = ("symbol", "ex_date", "kind", "value")
PLACES = Decimal("0.000001")
EIGHT_PLACES = Decimal("0.00000001")
ODD_VOLUME = 300
REPAIRED_SHARE = Decimal("0.005")  # an open or close this far outside low to high is taken for rounding
_KINDS = ("split", "dividend", "symbol_change", "delisting")


@dataclass(frozen=True, slots=True)
class ParsedSeries:
    """Bars in order of date, actions (None: the files say nothing of them), and what looked odd but was taken."""

    bars: list[Bar]
    actions: list[Action] | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Notes:
    """What was taken although it was not quite right: days with rounded prices, and ranges that were widened."""

    rounded: list[date] = field(default_factory=list)
    widened: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """To be read by who imports."""
        days = len(self.rounded)
        more = f"prices of {days} days, the first {self.rounded[0]}, had more than six decimals" if days else ""
        return [*self.widened, *([f"{more} and were rounded to six"] if more else [])]


def csv_bars(text: str, *, today: date) -> ParsedSeries:
    """Bars from CSV with a header of date,open,high,low,close,volume in any order and case; more columns are ignored.

    Raises Invalid `bad_rows` or `bad_header`.
    """
    notes = Notes()
    rows = with_header(text, BAR_COLUMNS)
    return series_of(rows_read(rows, lambda row: read_bar(iso_date(row[0]), row[1:], Decimal(1), today, notes)), notes)


def csv_actions(text: str, *, symbols: Sequence[str]) -> dict[str, list[Action]]:
    """Corporate actions by symbol from CSV with the header symbol,ex_date,kind,value and, if wanted, new_symbol.

    Kinds: split (new shares per old), dividend (cash per share as traded on the ex-date), symbol_change (new_symbol; no
    value), delisting (ex_date: the first day without trading; cash per share, or 0 for the last close).
    """

    def read(row: list[str]) -> tuple[str, Action]:
        symbol = row[0].strip().upper()
        if symbol not in symbols:
            raise ValueError(f"{symbol or 'an empty symbol'} is not being imported")
        return symbol, _action(row[1:])

    found: dict[str, list[Action]] = {symbol: [] for symbol in symbols}
    for line, (symbol, action) in rows_read(with_header(text, ACTION_COLUMNS, ("new_symbol",)), read):
        once = action.kind == "delisting"
        if any(other.kind == action.kind and (once or other.ex_date == action.ex_date) for other in found[symbol]):
            raise bad_rows([(line, f"a second {action.kind} of {symbol} on {action.ex_date}")])
        found[symbol].append(action)
    return found


def _action(cells: Sequence[str]) -> Action:
    ex_date, kind, new_symbol = iso_date(cells[0]), cells[1].strip().lower(), cells[3].strip().upper()
    if kind not in _KINDS:
        raise ValueError(f"the kind is not one of {', '.join(_KINDS)}")
    is_optional = kind in ("symbol_change", "delisting")
    value = Decimal(0) if is_optional and not cells[2].strip() else number(cells[2], "value")
    value = value.quantize(EIGHT_PLACES, rounding=ROUND_HALF_EVEN)
    if value < 0 or (value == 0 and not is_optional):
        raise ValueError("the value is not above zero")
    if (kind == "symbol_change") != bool(new_symbol) or len(new_symbol) > 16:
        raise ValueError("a symbol_change, and nothing else, has a new_symbol of 1 to 16 characters")
    return Action(kind, ex_date, value, new_symbol)


def series_of(rows: Sequence[tuple[int, Bar]], notes: Notes) -> ParsedSeries:
    """Bars in order of date; raises Invalid when there are none, or two of one day."""
    if not rows:
        raise Invalid("no_rows", "There are no bars in the file.")
    first: dict[date, int] = {}
    twice = []
    for line, bar in rows:
        if bar.date in first:
            twice.append((line, f"{bar.date} is there already, in row {first[bar.date]}"))
        first.setdefault(bar.date, line)
    if twice:
        raise bad_rows(twice)
    bars = sorted((bar for _, bar in rows), key=lambda bar: bar.date)
    return ParsedSeries(bars, None, [*notes.lines(), *_odd_volumes(bars)])


def _odd_volumes(bars: Sequence[Bar]) -> list[str]:
    """Days whose volume is out of all proportion to the days around them: often a vendor's mistake in scale."""
    odd = []
    for index, bar in enumerate(bars):
        around = [other.volume for other in bars[max(index - 10, 0) : index + 11] if other is not bar]
        if around and bar.volume > ODD_VOLUME * max(median(around), 1000):
            odd.append(f"{bar.date}: volume {bar.volume} is {ODD_VOLUME} times or more that of the days around it")
    return odd


def read_bar(day: date, cells: Sequence[str], scale: Decimal, today: date, notes: Notes) -> Bar:
    """A bar from cells in the order of BAR_COLUMNS; raises ValueError saying what is wrong with it.

    What is taken although it is not quite right is told in `notes`: more than six decimals, which are rounded, and an
    open or close just outside low to high, to which the range is widened.
    """
    if day > today:
        raise ValueError(f"{day} is in the future")
    exact = [number(cell, name) / scale for cell, name in zip(cells, BAR_COLUMNS[1:5], strict=False)]
    opens, high, low, close = (price.quantize(PLACES, rounding=ROUND_HALF_EVEN) for price in exact)
    volume = int(number(cells[4], "volume"))
    if min(opens, high, low, close) <= 0:
        raise ValueError("a price is not above zero")
    if low > high:
        raise ValueError("the high is below the low")
    if volume < 0:
        raise ValueError("the volume is negative")
    if [opens, high, low, close] != exact:
        notes.rounded.append(day)
    inside_low, inside_high = min(low, opens, close), max(high, opens, close)
    if (inside_low, inside_high) != (low, high):
        if max(low - inside_low, inside_high - high) > REPAIRED_SHARE * close:
            raise ValueError("the open or the close is outside low to high")
        notes.widened.append(
            f"{day}: the open or the close is a little outside {low:f} to {high:f}; "
            f"the range was widened to {inside_low:f} to {inside_high:f}"
        )
    return Bar(day, opens, inside_high, inside_low, close, volume)
