"""The demo history: daily bars of invented companies from a seeded random process. See docs/demo-history.md.

The only source of chance is the raw 64-bit stream of NumPy's PCG64, whose values NumPy promises never to change; every
distribution is made from it here. Shocks are rounded before they compound, so that the last bit of a logarithm on
another machine does not grow into another price.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from marketdata.domain.calendar import sessions
from marketdata.domain.replay import IntArray
from marketdata.domain.types import Action
from marketdata.domain.universe import COMPANIES, SECTORS, Company

Floats = NDArray[np.float64]
FIRST, LAST = date(2016, 1, 4), date(2025, 12, 31)
DEFAULT_SEED = 20160104
YEAR = 252
CALM, BULL, BEAR, CRISIS = range(4)
# Row: from, column: to. Mean stays: calm 60 sessions, bull 90, bear 40, crisis 14.
TRANSITIONS = np.array(
    [
        [1 - 1 / 60, 0.65 / 60, 0.30 / 60, 0.05 / 60],
        [0.75 / 90, 1 - 1 / 90, 0.20 / 90, 0.05 / 90],
        [0.60 / 40, 0.20 / 40, 1 - 1 / 40, 0.20 / 40],
        [0.25 / 14, 0.25 / 14, 0.50 / 14, 1 - 1 / 14],
    ]
)
DRIFT = np.array([0.0004, 0.0011, -0.0008, -0.0045])  # of the market, a session
MARKET_VOLATILITY = np.array([0.0062, 0.0075, 0.0125, 0.0270])
SECTOR_VOLATILITY = 0.0055
SPLIT_ABOVE, REVERSE_BELOW = 300.0, 4.0
QUARTER = 63


@dataclass(frozen=True)
class DemoHistory:
    """`ohlc` is [sessions, companies, 4] in cents as traded; `volume` [sessions, companies] in shares."""

    seed: int
    companies: tuple[Company, ...]
    dates: tuple[date, ...]
    regimes: IntArray
    ohlc: IntArray
    volume: IntArray
    actions: tuple[tuple[str, Action], ...]

    def checksum(self) -> str:
        """sha256 over everything generated."""
        digest = hashlib.sha256()
        for part in (self.ohlc, self.volume, np.array([day.toordinal() for day in self.dates])):
            digest.update(part.astype("<i8").tobytes())
        for symbol, action in self.actions:
            digest.update(f"{symbol},{action.kind},{action.ex_date},{action.value}\n".encode())
        return digest.hexdigest()


class Draws:
    """Random numbers from PCG64's raw stream."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def uniform(self, *shape: int) -> Floats:
        """Evenly in (0, 1)."""
        raw = self._bits.random_raw(int(np.prod(shape)))
        return np.asarray(((raw >> np.uint64(11)) + 0.5) * 2.0**-53, dtype=np.float64).reshape(shape)

    def normal(self, *shape: int) -> Floats:
        """Standard normal (Box-Muller)."""
        radius = np.sqrt(-2 * np.log(self.uniform(*shape)))
        return _rounded(radius * np.cos(2 * np.pi * self.uniform(*shape)))

    def student(self, *shape: int) -> Floats:
        """Student's t with four degrees of freedom, scaled to variance one, cut at eight deviations."""
        chi_square = -2 * np.log(self.uniform(*shape) * self.uniform(*shape))
        return _rounded(np.clip(self.normal(*shape) * np.sqrt(2 / chi_square), -8, 8))


def _rounded(values: Floats) -> Floats:
    return np.asarray(np.rint(values * 1e9) / 1e9, dtype=np.float64)


def regimes_draw(draws: Draws, length: int) -> IntArray:
    """The market's regime in each session: a Markov chain that starts calm."""
    steps = draws.uniform(length)
    edges = TRANSITIONS.cumsum(axis=1)
    path = np.zeros(length, dtype=np.int64)
    for index in range(1, length):
        path[index] = min(int(np.searchsorted(edges[path[index - 1]], steps[index])), CRISIS)
    return path


def clustered(shocks: Floats, *, react: float, remember: float) -> tuple[Floats, Floats]:
    """Volatility clustering, GARCH(1,1) with unit long-run variance, along the first axis: shocks and deviations."""
    deviations = np.empty_like(shocks)
    variance = np.ones(shocks.shape[1:])
    for index in range(len(shocks)):
        deviations[index] = np.sqrt(variance)
        square = np.minimum(shocks[index] ** 2, 12.0) * variance
        variance = np.minimum(1 - react - remember + react * square + remember * variance, 9.0)
    return shocks * deviations, deviations


@dataclass(frozen=True)
class Moves:
    """What a session does to a price, in logarithms: the overnight gap, the whole move, and the day's own deviation."""

    gap: Floats
    total: Floats
    deviation: Floats


def moves_draw(draws: Draws, companies: Sequence[Company], regimes: IntArray) -> Moves:
    """Market, sector and own factors, with gaps and quarterly surprises."""
    days, number = len(regimes), len(companies)
    beta = np.array([company.beta for company in companies])
    own = np.array([company.volatility for company in companies]) / np.sqrt(YEAR)
    sector = np.array([SECTORS.index(company.sector) for company in companies])
    market, market_deviation = clustered(draws.student(days), react=0.08, remember=0.88)
    market_size = MARKET_VOLATILITY[regimes]
    market_move = DRIFT[regimes] + market_size * market
    sectors = draws.student(days, len(SECTORS)) * SECTOR_VOLATILITY * (1 + (regimes == CRISIS))[:, None]
    shocks, deviations = clustered(draws.student(days, number), react=0.10, remember=0.82)
    drift = draws.normal(number) * 0.00022 - own**2 / 2
    total = beta * market_move[:, None] + sectors[:, sector] + own * shocks + drift
    spread = np.sqrt(
        (beta * (market_size * market_deviation)[:, None]) ** 2 + SECTOR_VOLATILITY**2 + (own * deviations) ** 2
    )
    gap = 0.3 * total + 0.35 * spread * draws.normal(days, number)
    report = (np.arange(days)[:, None] + (draws.uniform(number) * QUARTER).astype(int)) % QUARTER == 0
    surprise = report * draws.student(days, number) * own * 2.4
    return Moves(_rounded(gap + surprise), _rounded(total + surprise), _rounded(spread))


@dataclass(frozen=True)
class Path:
    """Logarithms of the price of a first-day share at the open and the close; today's shares per first-day share."""

    opens: Floats
    closes: Floats
    shares: Floats
    actions: tuple[tuple[str, Action], ...]


def path_walk(companies: Sequence[Company], dates: Sequence[date], moves: Moves) -> Path:
    """Compound the moves; split a share that has become dear (or merge one that has become cheap), pay dividends."""
    number = len(companies)
    opens, closes, shares = (np.empty((len(dates), number)) for _ in range(3))
    price = np.log([company.price for company in companies])
    ratio = np.ones(number)
    actions: list[tuple[str, Action]] = []
    for day, today in enumerate(dates):
        dividend = np.zeros(number)
        for column, company in enumerate(companies):
            traded = float(np.exp(price[column]) / ratio[column])
            if day and (factor := _split(traded)) is not None:
                ratio[column] *= float(factor)
                actions.append((company.symbol, Action("split", today, factor)))
                traded /= float(factor)
            if company.dividend_yield and day % QUARTER == 20 + column:
                cash = Decimal(max(round(traded * company.dividend_yield / 4 * 100), 1)) / 100
                dividend[column] = np.log1p(-float(cash) / traded)
                actions.append((company.symbol, Action("dividend", today, cash)))
        dividend = _rounded(dividend)
        opens[day] = price + moves.gap[day] + dividend
        price = price + moves.total[day] + dividend
        closes[day], shares[day] = price, ratio
    return Path(opens, closes, shares, tuple(actions))


def _split(traded: float) -> Decimal | None:
    """New shares per old, when the price asks for it."""
    if traded > SPLIT_ABOVE:
        return Decimal(4) if traded > 2 * SPLIT_ABOVE else Decimal(3) if traded > 1.5 * SPLIT_ABOVE else Decimal(2)
    return Decimal("0.1") if traded < REVERSE_BELOW else None


def bars_draw(draws: Draws, path: Path, moves: Moves) -> IntArray:
    """Bars in cents: the extremes of a Brownian bridge from open to close, then the tick grid."""
    change = path.closes - path.opens
    room = (0.8 * moves.deviation) ** 2
    above = (change + np.sqrt(change**2 - 2 * room * np.log(draws.uniform(*change.shape)))) / 2
    below = (change - np.sqrt(change**2 - 2 * room * np.log(draws.uniform(*change.shape)))) / 2
    logs = np.stack([path.opens, path.opens + above, path.opens + below, path.closes], axis=-1)
    cents = np.maximum(np.rint(np.exp(logs) / path.shares[..., None] * 100), 1).astype(np.int64)
    cents[..., 1] = cents.max(axis=-1)
    cents[..., 2] = cents.min(axis=-1)
    return cents


def volume_draw(draws: Draws, companies: Sequence[Company], ohlc: IntArray, path: Path, moves: Moves) -> IntArray:
    """Shares traded: more on days that range more than usual, with a memory, in today's number of shares."""
    usual = np.array([company.shares_a_day for company in companies], dtype=np.float64)
    ranges = np.maximum(np.log(ohlc[..., 1] / ohlc[..., 2]), 1e-4)
    relative = _rounded(np.log(ranges / ranges.mean(axis=0)))
    noise = draws.normal(*relative.shape) * 0.22 + 8 * np.abs(moves.gap)
    mood = np.zeros(len(companies))
    logs = np.empty_like(relative)
    for day in range(len(relative)):
        mood = 0.85 * mood + 0.15 * relative[day]
        logs[day] = 0.45 * relative[day] + 0.6 * mood + noise[day]
    return np.asarray(np.maximum(np.rint(usual * path.shares * np.exp(logs) / 100) * 100, 100), dtype=np.int64)


def history_generate(seed: int = DEFAULT_SEED, first: date = FIRST, last: date = LAST) -> DemoHistory:
    """Ten years of invented prices. The same seed and dates give the same history, everywhere."""
    draws, dates = Draws(seed), sessions(first, last)
    regimes = regimes_draw(draws, len(dates))
    moves = moves_draw(draws, COMPANIES, regimes)
    path = path_walk(COMPANIES, dates, moves)
    ohlc = bars_draw(draws, path, moves)
    volume = volume_draw(draws, COMPANIES, ohlc, path, moves)
    return DemoHistory(seed, COMPANIES, tuple(dates), regimes, ohlc, volume, path.actions)
