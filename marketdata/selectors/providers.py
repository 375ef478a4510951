"""How the vendors are doing, and what is known of symbols at them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.errors import Unavailable
from marketdata.adapters.vendors import records, registry
from marketdata.adapters.vendors.budget import Budget
from marketdata.models import Instrument

TABLE_SECONDS = 60.0
_tables: dict[str, tuple[float, dict[str, str]]] = {}


@dataclass(frozen=True, slots=True)
class ProviderState:
    """One provider as an operator sees it. `place` is its place in the chain (0: asked first; None: not in use);
    `circuit` is closed, open or half-open; ages are in seconds; `budget_left` is of the running minute.
    """

    name: str
    is_configured: bool
    missing: str
    place: int | None
    circuit: str
    failures: int
    calls: int
    ok_at: datetime | None
    ok_age: float | None
    error_at: datetime | None
    error_age: float | None
    error_code: str
    error: str
    latency_ms: float | None
    budget: int
    budget_left: int

    @property
    def is_well(self) -> bool:
        """Set up, and its last word was an answer."""
        if not self.is_configured or self.circuit != "closed":
            return False
        return self.error_at is None or (self.ok_at is not None and self.ok_at >= self.error_at)


def provider_states() -> list[ProviderState]:
    """All providers: those in the chain first, in its order."""
    try:
        chain = registry.chain_names()
    except Unavailable:
        chain = []
    names = [*chain, *(name for name in registry.NAMES if name not in chain)]
    rows = records.read_all(names)
    return [_state(name, chain.index(name) if name in chain else None, rows[name]) for name in names]


def _state(name: str, place: int | None, row: Mapping[str, str]) -> ProviderState:
    lacking, budget = registry.missing(name), registry.per_minute(name)
    ok_at, error_at = _time(row.get("ok_at")), _time(row.get("error_at"))
    return ProviderState(
        name=name,
        is_configured=not lacking,
        missing=lacking,
        place=place,
        circuit=row.get("state") or "closed",
        failures=int(row.get("failures") or 0),
        calls=int(row.get("calls") or 0),
        ok_at=ok_at,
        ok_age=_age(ok_at),
        error_at=error_at,
        error_age=_age(error_at),
        error_code=row.get("error_code") or "",
        error=row.get("error") or "",
        latency_ms=float(row["latency_ms"]) if row.get("latency_ms") else None,
        budget=budget,
        budget_left=Budget(name, budget).left() if name in registry.VENDORS else budget,
    )


def _time(raw: str | None) -> datetime | None:
    return datetime.fromtimestamp(float(raw), tz=UTC) if raw else None


def _age(at: datetime | None) -> float | None:
    return None if at is None else max(0.0, (datetime.now(tz=UTC) - at).total_seconds())


def vendor_symbols(provider: str) -> Mapping[str, str]:
    """Our symbols as this vendor writes them, for instruments where that differs; read once a minute."""
    read_at, table = _tables.get(provider, (0.0, {}))
    if not read_at or time.monotonic() - read_at > TABLE_SECONDS:
        rows = Instrument.objects.filter(vendor_symbols__has_key=provider).values_list("symbol", "vendor_symbols")
        table = {symbol: str(written[provider]) for symbol, written in rows if written[provider]}
        _tables[provider] = (time.monotonic(), table)
    return table


def vendor_symbols_forget() -> None:
    """Read the tables again when they are next asked for."""
    _tables.clear()


def symbols_simulated(symbols: Sequence[str]) -> dict[str, bool]:
    """Whether each of these instruments is an invented one; unknown symbols are left out."""
    rows = Instrument.objects.filter(symbol__in=list(symbols)).values_list("symbol", "is_simulated")
    return dict(rows)
