"""Finding instruments: by id, by symbol, by what a person types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from core.errors import NotFound
from marketdata.models import Instrument

MAX_SEARCH = 60


@dataclass(frozen=True, slots=True)
class InstrumentView:
    """An instrument as others see it."""

    id: int
    symbol: str
    name: str
    exchange: str
    currency: str
    sector: str
    kind: str
    segment: str
    tick_size: Decimal
    lot_size: Decimal
    is_simulated: bool
    is_active: bool

    @property
    def ticker(self) -> str:
        """EXCHANGE:SYMBOL, by which it can be asked for everywhere."""
        return f"{self.exchange}:{self.symbol}"


def instrument_view(row: Instrument) -> InstrumentView:
    """A row as others see it."""
    return InstrumentView(
        id=row.pk,
        symbol=row.symbol,
        name=row.name,
        exchange=row.exchange,
        currency=row.currency,
        sector=row.sector,
        kind=row.kind,
        segment=row.segment,
        tick_size=row.tick_size,
        lot_size=row.lot_size,
        is_simulated=row.is_simulated,
        is_active=row.is_active,
    )


def instrument_get(asset: str) -> InstrumentView:
    """An instrument by its id, its symbol or EXCHANGE:SYMBOL, in any case. Raises NotFound `unknown_symbol`."""
    found = instrument_find(asset)
    if found is None:
        raise NotFound("unknown_symbol", "There is no such symbol.", {"symbol": asset[:33]})
    return found


def instrument_find(asset: str) -> InstrumentView | None:
    """The same, or None."""
    text = asset.strip()[:33].upper()
    if not text or not text.isprintable():
        return None
    exchange, _, symbol = text.rpartition(":")
    rows = Instrument.objects.all()
    if text.isascii() and text.isdecimal():  # a symbol of digits only is asked for with its exchange
        found = rows.filter(pk=int(text)).first() if len(text) < 19 else None
    else:
        found = rows.filter(symbol=symbol).first()
    if found is None or (exchange and found.exchange.upper() != exchange):
        return None
    return instrument_view(found)


def instruments_by_symbols(symbols: Sequence[str]) -> dict[str, InstrumentView]:
    """Instruments by the symbols asked for (SYMBOL or EXCHANGE:SYMBOL, any case), in one query."""
    wanted = {text: text.strip().upper().rpartition(":") for text in symbols if text.isprintable()}
    rows = Instrument.objects.filter(symbol__in={symbol for _, _, symbol in wanted.values()})
    known = {row.symbol: instrument_view(row) for row in rows}
    found = {}
    for text, (exchange, _, symbol) in wanted.items():
        view = known.get(symbol)
        if view is not None and exchange in ("", view.exchange.upper()):
            found[text] = view
    return found


def instruments_query(*, search: str = "", exchange: str = "", kind: str = "") -> QuerySet[Instrument]:
    """What fits, best first: the symbol itself, symbols that begin so, names that begin so, names that hold it.

    Only what still trades. `instrument_view` shows a row.
    """
    rows = Instrument.objects.filter(is_active=True)
    text = " ".join(search[:MAX_SEARCH].split())
    prefix, _, rest = text.rpartition(":")
    if prefix and not exchange:
        exchange, text = prefix, rest
    if exchange:
        rows = rows.filter(exchange__iexact=exchange)
    if kind:
        rows = rows.filter(kind=kind.lower())
    if not text:
        return rows.order_by("symbol")
    rank = Case(
        When(symbol__iexact=text, then=Value(0)),
        When(symbol__istartswith=text, then=Value(1)),
        When(name__istartswith=text, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    fits = Q(symbol__istartswith=text) | Q(name__icontains=text)
    return rows.filter(fits).annotate(rank=rank).order_by("rank", "symbol")


def instruments_search(query: str, *, exchange: str = "", kind: str = "", limit: int = 30) -> list[InstrumentView]:
    """The first that fit, best first."""
    rows = instruments_query(search=query, exchange=exchange, kind=kind)[: max(1, min(limit, 100))]
    return [instrument_view(row) for row in rows]


def exchange_codes() -> list[str]:
    """The exchanges of which there is any instrument."""
    rows = Instrument.objects.filter(is_active=True).order_by("exchange")
    return list(rows.values_list("exchange", flat=True).distinct()[:100])
