"""The demo history, generated and loaded."""

from decimal import Decimal

from django.db import transaction

from core.errors import Conflict
from marketdata.domain.generator import DEFAULT_SEED, DemoHistory, history_generate
from marketdata.domain.types import Action
from marketdata.domain.universe import DEMO_EXCHANGE, DEMO_LICENCE, DEMO_SOURCE
from marketdata.models import BarSeries, Instrument
from marketdata.services.history import Provenance, SeriesInput, SeriesResult, series_store_in_tx

TICK = Decimal("0.01")


def demo_history_generate(*, seed: int = DEFAULT_SEED) -> list[SeriesResult]:
    """Generate and load the demo history. Doing it again with the same seed changes nothing.

    Raises Conflict when a ticker is taken by other history, or another seed would change what an unfinished market
    plays.
    """
    history = history_generate(seed)
    with transaction.atomic(durable=True):
        series = [_series(history, column) for column in range(len(history.companies))]
        return series_store_in_tx(series=series, provenance=Provenance(DEMO_SOURCE, DEMO_LICENCE, seed))


def demo_is_loaded(*, seed: int = DEFAULT_SEED) -> bool:
    """Whether the demo history of this seed is there."""
    return BarSeries.objects.filter(source=DEMO_SOURCE, seed=seed).exists()


def _series(history: DemoHistory, column: int) -> SeriesInput:
    company = history.companies[column]
    instrument, _ = Instrument.objects.get_or_create(
        symbol=company.symbol,
        defaults={
            "name": company.name,
            "sector": company.sector,
            "exchange": DEMO_EXCHANGE,
            "tick_size": TICK,
            "lot_size": Decimal(1),
            "is_simulated": True,
        },
    )
    if not instrument.is_simulated:
        raise Conflict("symbol_taken", f"{company.symbol} is already a real instrument.", {"symbol": company.symbol})
    bars = zip(history.dates, history.ohlc[:, column].tolist(), history.volume[:, column].tolist(), strict=True)
    rows = "".join(
        f"\t{day}\t{o}e-2\t{high}e-2\t{low}e-2\t{close}e-2\t{volume}\n" for day, (o, high, low, close), volume in bars
    )
    return SeriesInput(instrument, rows, _actions(history, company.symbol))


def _actions(history: DemoHistory, symbol: str) -> list[Action]:
    return [action for owner, action in history.actions if owner == symbol]
