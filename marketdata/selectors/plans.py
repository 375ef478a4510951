"""What a definition would play over the loaded history: markets are made from it, and backtests read it directly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from core.errors import Invalid
from marketdata.domain.building import slice_build
from marketdata.domain.fx import missing_range
from marketdata.domain.layout import grid
from marketdata.domain.overlay import Overlay, overlaid
from marketdata.domain.replay import ReplayDefinition, mask_aliases
from marketdata.domain.slices import Slice
from marketdata.domain.types import ListingView, Tick
from marketdata.models import BarSeries, Instrument
from marketdata.selectors.fx import fx_dates
from marketdata.selectors.history import histories


@dataclass(frozen=True)
class ReplayPlan:
    """A definition laid out over the loaded history, with no market: its listings' ids are those of the instruments.

    It plays tick by tick what a market of the same definition would.
    """

    currency: str
    listings: tuple[ListingView, ...]
    table: Slice
    source_label: str
    is_simulated: bool

    def tick(self, index: int, overlay: Overlay | None = None) -> Tick:
        """A tick, with the bands and sizes of a venue (`Overlay.of(venue, seed)`) if wanted."""
        raw = self.table.tick(index, self.source_label)
        by_id = {view.id: view for view in self.listings}
        has_volume = self.table.completed_rows(index) > 0
        return overlaid(raw, overlay or Overlay(), by_id, prints=self.table.prints, has_volume=has_volume)


def replay_plan(definition: ReplayDefinition) -> ReplayPlan:
    """Lay a definition out; raises Invalid for symbols, history or exchange rates that are missing."""
    found = _instruments(definition.validated())
    listings = _listings(definition, found)
    table = slice_build(definition, histories(definition, listings))
    home = found[definition.symbols[0]].currency
    _require_rates(home, found, table.dates[table.warmup :])
    label, is_simulated = _source_label(definition, found)
    return ReplayPlan(home, tuple(listings), table, label, is_simulated)


def _instruments(definition: ReplayDefinition) -> dict[str, Instrument]:
    active = Instrument.objects.filter(symbol__in=definition.symbols, is_active=True)
    found = {row.symbol: row for row in active}
    missing = sorted(set(definition.symbols) - set(found))
    if missing:
        raise Invalid("unknown_symbol", "There is no history for some of the symbols.", {"symbols": missing[:50]})
    if definition.mask and len({row.currency for row in found.values()}) > 1:
        message = "All instruments of a masked market trade in one currency: rates would tell its dates."
        raise Invalid("mixed_currencies", message, {"field": "symbols"})
    return found


def _require_rates(home: str, found: Mapping[str, Instrument], sessions: Sequence[date]) -> None:
    """Every other currency needs rates against the market's for all of its sessions."""
    for other in sorted({row.currency for row in found.values()} - {home}):
        missing = missing_range(fx_dates(other, home), sessions)
        if missing:
            span = {"from": missing[0].isoformat(), "to": missing[1].isoformat()}
            message = (
                f"There are no exchange rates {other}/{home} from {span['from']} to {span['to']}. "
                "Import them with import_fx, or choose instruments of one currency."
            )
            raise Invalid("fx_missing", message, {"field": "symbols", "pair": f"{other}/{home}", **span})


def _listings(definition: ReplayDefinition, found: Mapping[str, Instrument]) -> list[ListingView]:
    """The listings in display order: real symbols, or aliases when masked."""
    if definition.mask:
        names = mask_aliases(definition.symbols, definition.seed)
    else:
        names = [(symbol, symbol) for symbol in definition.symbols]
    return [
        ListingView(
            id=found[real].pk,
            market_id=0,
            symbol=shown,
            name=f"Company {shown.title()}" if definition.mask else found[real].name,
            sector="" if definition.mask else found[real].sector,
            tick_size=grid(found[real].tick_size),
            lot_size=grid(found[real].lot_size),
            currency=found[real].currency,
            instrument_id=found[real].pk,
            position=position,
            exchange=found[real].exchange,
        )
        for position, (real, shown) in enumerate(names)
    ]


def _source_label(definition: ReplayDefinition, found: Mapping[str, Instrument]) -> tuple[str, bool]:
    """How the market says where its prices come from, and whether any of it is simulated."""
    is_simulated = any(row.is_simulated for row in found.values())
    if is_simulated:
        return "SIMULATED history", True
    if definition.mask:
        return "Replayed history, masked", False
    ids = [row.pk for row in found.values()]
    sources = (
        BarSeries.objects.filter(instrument_id__in=ids).order_by("source").values_list("source", flat=True).distinct()
    )
    return ", ".join(sources)[:200], False
