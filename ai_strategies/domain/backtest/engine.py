"""Running a strategy over history. `run_market`: the ticks of a replay market, as live agents meet them.

Each tick in the live order (trading.listeners): orders expire, corporate actions take effect, resting orders meet the
print, the account is marked and its margin enforced; when its turn is due the strategy decides and its orders are sent.
Pure: the same arguments give the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from ai_strategies.domain.backtest.book import PaperBook
from ai_strategies.domain.backtest.enforce import intraday_flatten, margin_enforce
from ai_strategies.domain.backtest.feed import Feed, Instruments, effect_of, names_of, quote_state
from ai_strategies.domain.backtest.types import Moment, Setup
from ai_strategies.domain.picture import MAX_ACTIONS, Book, MarketPicture, picture_narrow, view_build
from ai_strategies.domain.strategies import LOOKBACK
from ai_strategies.domain.view import Action, Floats, Price, StrategyView
from core.money import to_major
from marketdata.domain.types import Tick, TickAction
from trading.domain.types import OrderRequest

# What is asked at each turn: a strategy's `decide`, or a script of whole orders.
Decide = Callable[[StrategyView], Sequence[Action | OrderRequest]]
SOURCE = "agent"


@dataclass(frozen=True, slots=True)
class Turns:
    """When a strategy decides and by what chance: `interval` of market time, and the seeds of agent and market."""

    interval: timedelta = timedelta(0)
    seed: int = 0
    market_seed: int = 0
    allowed: tuple[str, ...] = ()


class Paper:
    """A book in its market, tick by tick: what `run_market` and `run_bars` have in common."""

    def __init__(self, feed: Feed, setup: Setup, decide: Decide, turns: Turns) -> None:
        self.feed, self.turns, self.decide = feed, turns, decide
        self.book = PaperBook(setup)
        self.instruments = Instruments(feed)
        # Turns on which the strategy failed and did nothing.
        self.failures: list[str] = []

    def open_session(self, index: int, at: datetime, actions: Iterable[TickAction]) -> None:
        """What takes effect before the prices of a session's open, tick `index`; the book stands at them already."""
        for action in actions:
            instrument = self.instruments.known[action.listing_id]
            if action.kind == "symbol_change":
                self.book.rename(action.listing_id, action.new_symbol)
            else:
                effect = effect_of(self.feed.table, action, index, at, instrument, self.feed.currency)
                self.book.act(replace(effect, tick=self.book.moment.tick), instrument)

    def picture(
        self, *, tick: int, day_index: int, phase: int, closes: Floats, symbols: tuple[str, ...]
    ) -> MarketPicture:
        """The market as a strategy sees it at the quotes in force."""
        closes.flags.writeable = False
        known = self.instruments.known
        quotes = {
            known[key].symbol: Price(quote.prices.bid, quote.prices.ask, quote.prices.last)
            for key, quote in self.book.quotes.items()
        }
        picture = MarketPicture(tick, day_index, phase, symbols, closes, quotes)
        return picture_narrow(picture, self.turns.allowed)

    def wishes(self, picture: MarketPicture, *, signal_only: bool = False) -> list[Action | OrderRequest]:
        """What the strategy wants now, without the holds. One that fails loses its turn."""
        view = view_build(
            picture,
            self._books(),
            seed=self.turns.seed,
            market_seed=self.turns.market_seed,
            max_position_pct=self.book.setup.policy.get("max_position_pct"),
            signal_only=signal_only,
        )
        try:
            found = self.decide(view)
        except Exception as error:
            self.failures.append(f"{self.book.moment.at:%Y-%m-%d}: {type(error).__name__}: {error}"[:200])
            return []
        return [item for item in found[:MAX_ACTIONS] if not isinstance(item, Action) or item.side != "hold"]

    def _books(self) -> Book:
        book, known = self.book, self.instruments.known
        currency = book.account.currency
        return Book(
            cash=to_major(book.account.cash_minor, currency),
            free_cash=to_major(book.buying_power_minor(), currency),
            holdings={known[key].symbol: (held.quantity, held.available) for key, held in book.held()},
        )

    def send(self, wish: Action | OrderRequest) -> None:
        """Send one order, as an agent does."""
        self.book.place(request_of(wish))


def request_of(wish: Action | OrderRequest) -> OrderRequest:
    """The order of an action: at the market, for the day."""
    if isinstance(wish, OrderRequest):
        return wish
    assert wish.side != "hold"
    return OrderRequest(symbol=wish.symbol, side=wish.side, quantity=Decimal(wish.quantity), source=SOURCE)


def run_market(feed: Feed, setup: Setup, decide: Decide, turns: Turns) -> Paper:
    """Play every tick of the feed; the paper's book has the fills, the marks and the account afterwards."""
    paper = Paper(feed, setup, decide, turns)
    last_turn: datetime | None = None
    for index in range(feed.table.ticks_total):
        tick = feed.tick(index)
        play_tick(paper, tick)
        if last_turn is None or tick.at - last_turn >= turns.interval:
            last_turn = tick.at
            picture = paper.picture(
                tick=index,
                day_index=tick.day_index,
                phase=tick.phase,
                closes=feed.table.closes(index, LOOKBACK),
                symbols=feed.table.symbols(index),
            )
            for wish in paper.wishes(picture):
                paper.send(wish)
    return paper


def play_tick(paper: Paper, tick: Tick) -> None:
    """A tick up to the turns, in the order of trading.listeners."""
    book, quotes = paper.book, tick.quotes.values()
    instruments = paper.instruments.of(tick.at.date(), names_of(quotes))
    moment = Moment(tick.index, tick.at, tick.index - tick.phase, tick.day_index, tick.at.date())
    book.stand(moment, {quote.listing_id: quote_state(quote) for quote in quotes}, instruments)
    book.expire()
    paper.open_session(tick.index, tick.at, tick.actions)
    book.match()
    intraday_flatten(book, is_close=tick.is_session_close)
    book.mark()
    margin_enforce(book, is_close=tick.is_session_close)
