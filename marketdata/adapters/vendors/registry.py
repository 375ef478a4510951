"""Which vendors there are, which of them are set up, and in which order they are asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from core.errors import Unavailable
from marketdata.adapters.vendors.guard import Guarded
from marketdata.adapters.vendors.symbols import Source, Symbols
from marketdata.domain.providers import Provider

VENDORS = ("polygon", "alpaca", "finnhub", "alpha_vantage")
OWN = ("replay", "simulated")
NAMES = VENDORS + OWN
ALIASES = {"massive": "polygon", "alphavantage": "alpha_vantage", "mock": "simulated", "historical": "replay"}
REQUIRED = {
    "polygon": ("POLYGON_API_KEY",),
    "alpaca": ("ALPACA_API_KEY", "ALPACA_API_SECRET"),
    "finnhub": ("FINNHUB_API_KEY",),
    "alpha_vantage": ("ALPHA_VANTAGE_API_KEY",),
}
OWN_PER_MINUTE = 60_000

_lock = Lock()
_providers: dict[tuple[int, str], Provider] = {}
_symbol_source: list[Source] = []


def symbols_from(source: Source) -> None:
    """Where the table of a vendor's own symbols comes from: a function of the vendor's name."""
    _symbol_source[:] = [source]


def _symbols(provider: str) -> Mapping[str, str]:
    return _symbol_source[0](provider) if _symbol_source else {}


def missing(name: str) -> str:
    """The settings that a vendor still needs, as text; empty when it is set up."""
    return ", ".join(key for key in REQUIRED.get(name, ()) if not getattr(settings, key, ""))


def configured() -> list[str]:
    """The vendors that have their keys, in the order in which they are preferred."""
    return [name for name in VENDORS if not missing(name)]


def chain_names(config: Any = None) -> list[str]:
    """The names in DATA_SOURCE, in order. `auto` is each vendor that has its keys, else the simulated exchange; with
    USE_HISTORICAL_AS_REALTIME it is stored history alone: the present and the past are never mixed.

    A vendor that is named keeps its place without keys: whoever asks it is told what is missing.
    """
    config = settings if config is None else config
    names: list[str] = []
    for raw in config.DATA_SOURCE:
        name = ALIASES.get(raw, raw)
        if name == "auto":
            found = ["replay"] if config.USE_HISTORICAL_AS_REALTIME else configured() or ["simulated"]
        elif name in NAMES:
            found = [name]
        else:
            details = {"setting": "DATA_SOURCE", "name": raw, "known": ["auto", *NAMES]}
            raise Unavailable("unknown_provider", f"DATA_SOURCE names an unknown provider: {raw}", details)
        names += [name for name in found if name not in names]
    return names


def provider(name: str) -> Provider:
    """A vendor, guarded; one for each process. Raises Unavailable with what is missing."""
    name = ALIASES.get(name, name)
    if name not in NAMES:
        raise Unavailable("unknown_provider", f"There is no provider {name}.", {"name": name, "known": list(NAMES)})
    if lacking := missing(name):
        details = {"provider": name, "missing": lacking}
        raise Unavailable("provider_not_configured", f"{name} is not set up: {lacking} is not set.", details)
    at = (os.getpid(), name)
    with _lock:
        if at not in _providers:
            _providers[at] = _build(name)
        return _providers[at]


def per_minute(name: str) -> int:
    """How often a vendor may be asked."""
    return int(getattr(settings, f"{name.upper()}_REQUESTS_PER_MINUTE", OWN_PER_MINUTE))


def forget() -> None:
    """Build them anew when they are next asked for."""
    with _lock:
        _providers.clear()


def _build(name: str) -> Provider:
    return Guarded(
        _BUILDERS[name](),
        per_minute=per_minute(name),
        timeout=settings.VENDOR_TIMEOUT,
        rest_seconds=settings.VENDOR_REST_SECONDS,
    )


def _polygon() -> Provider:
    from marketdata.adapters.vendors.polygon import Polygon

    return Polygon(
        key=settings.POLYGON_API_KEY,
        rest_url=settings.POLYGON_REST_URL,
        stream_url=settings.POLYGON_STREAM_URL,
        timeout=settings.VENDOR_TIMEOUT,
        symbols=Symbols("polygon", _symbols),
    )


def _alpaca() -> Provider:
    from marketdata.adapters.vendors.alpaca import Alpaca

    return Alpaca(
        key=settings.ALPACA_API_KEY,
        secret=settings.ALPACA_API_SECRET,
        feed=settings.ALPACA_FEED,
        data_url=settings.ALPACA_DATA_URL,
        trading_url=settings.ALPACA_TRADING_URL,
        stream_url=settings.ALPACA_STREAM_URL,
        timeout=settings.VENDOR_TIMEOUT,
        symbols=Symbols("alpaca", _symbols),
    )


def _finnhub() -> Provider:
    from marketdata.adapters.vendors.finnhub import Finnhub

    return Finnhub(
        key=settings.FINNHUB_API_KEY,
        url=settings.FINNHUB_URL,
        stream_url=settings.FINNHUB_STREAM_URL,
        timeout=settings.VENDOR_TIMEOUT,
        symbols=Symbols("finnhub", _symbols),
    )


def _alpha_vantage() -> Provider:
    from marketdata.adapters.vendors.alpha_vantage import AlphaVantage

    return AlphaVantage(
        key=settings.ALPHA_VANTAGE_API_KEY,
        url=settings.ALPHA_VANTAGE_URL,
        timeout=settings.VENDOR_TIMEOUT,
        symbols=Symbols("alpha_vantage", _symbols, class_sign="-"),
    )


def _replay() -> Provider:
    from marketdata.adapters.vendors import replay

    return replay.build()


def _simulated() -> Provider:
    from marketdata.adapters.vendors import simulated

    return simulated.build()


_BUILDERS: dict[str, Callable[[], Provider]] = {
    **{"polygon": _polygon, "alpaca": _alpaca, "finnhub": _finnhub, "alpha_vantage": _alpha_vantage},
    **{"replay": _replay, "simulated": _simulated},
}


def _on_setting(*, setting: str, **_: Any) -> None:
    if setting.startswith(("POLYGON_", "ALPACA_", "FINNHUB_", "ALPHA_VANTAGE_", "VENDOR_", "SIMULATED_")):
        forget()


setting_changed.connect(_on_setting)
