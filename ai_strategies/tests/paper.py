"""One market played twice: through the live order path, and through a backtest's book. For parity tests."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction

from ai_strategies.domain.backtest.engine import Decide, Paper, Turns, request_of, run_market
from ai_strategies.domain.backtest.feed import Feed
from ai_strategies.domain.backtest.types import Setup
from ai_strategies.domain.picture import view_build
from ai_strategies.domain.view import Action, StrategyView
from ai_strategies.services.views import books_take, picture_take
from core.errors import DomainError
from core.money import Money
from marketdata.domain.overlay import Overlay, overlaid
from marketdata.domain.types import MarketView
from marketdata.selectors import fx_rate, listings, market_slice
from marketdata.services.ticks import market_hold, tick_advance
from trading.domain.margin import Terms
from trading.domain.types import Actor, OrderRequest
from trading.domain.venue import Venue
from trading.models import Account, Adjustment, EquityPoint, Fill
from trading.services.accounts import account_open_in_tx
from trading.services.orders import order_place
from trading.tests.factories import actor, user

CASH = 10_000_000


def account(market: MarketView, terms: Terms) -> tuple[int, Actor]:
    """An account on terms, with its owner."""
    owner = user()
    with transaction.atomic():
        account_id = account_open_in_tx(
            owner_id=owner.pk,
            market_id=market.id,
            group_id=None,
            purpose="house",
            label="Parity",
            initial=Money(CASH, "USD"),
            terms=terms,
        )
    return account_id, actor(owner)


def feed_of(market: MarketView, seed: int = 0) -> Feed:
    """The market's own ticks, from its first on; take it before the market has moved."""
    table, shown = market_slice(market.id), tuple(listings(market.id))
    by_id, overlay = {item.id: item for item in shown}, Overlay.of(market.venue, seed)

    def tick(index: int) -> Any:
        raw = table.tick(index, market.source_label)
        return overlaid(raw, overlay, by_id, prints=table.prints, has_volume=table.completed_rows(index) > 0)

    return Feed(table, shown, tick, market.currency, fx_rate)


def play_paper(market: MarketView, terms: Terms, decide: Decide, turns: Turns) -> Paper:
    """The market through the backtest's engine."""
    setup = Setup(CASH, market.currency, terms, Venue.from_json(market.venue))
    return run_market(feed_of(market, turns.market_seed), setup, decide, turns)


def play_live(market: MarketView, account_id: int, who: Actor, decide: Decide, turns: Turns) -> int:
    """The market through the live path: every tick with its listeners, orders sent at each turn; how many it took."""
    last_turn, sent = None, 0
    with market_hold(market_id=market.id):
        while tick := tick_advance(market_id=market.id):
            if last_turn is not None and tick.at - last_turn < turns.interval:
                continue
            last_turn = tick.at
            book = books_take([account_id])[account_id]
            view = view_build(picture_take(market.id), book, seed=turns.seed, market_seed=turns.market_seed)
            for n, wish in enumerate(decide(view)):
                if isinstance(wish, Action) and wish.side == "hold":
                    continue
                try:
                    order_place(
                        actor=who,
                        account_id=account_id,
                        request=request_of(wish),
                        idempotency_key=f"parity:{account_id}:{tick.index}:{n}",
                    )
                    sent += 1
                except DomainError:
                    continue
    return sent


def fills_live(account_id: int) -> list[tuple]:
    """(tick, symbol, side, quantity, price, notional, fee, charges, realised, cash after) of each fill."""
    rows = Fill.objects.filter(account_id=account_id).order_by("id")
    return [
        (
            row.quote["tick"], row.quote["symbol"], row.side, row.quantity, row.price, row.notional_minor,
            row.fee_minor, dict(row.charges), row.realized_minor, row.cash_after_minor,
        )
        for row in rows
    ]  # fmt: skip


def fills_paper(paper: Paper) -> list[tuple]:
    """The same of a backtest."""
    return [
        (
            fill.tick, fill.symbol, fill.side, fill.quantity, fill.price, fill.notional_minor,
            fill.fee_minor, dict(fill.charges), fill.realized_minor, fill.cash_after_minor,
        )
        for fill in paper.book.fills
    ]  # fmt: skip


def marks_live(account_id: int) -> list[tuple]:
    """(tick, equity, cash) at each tick."""
    rows = EquityPoint.objects.filter(account_id=account_id, tick__gte=0).order_by("tick")
    return list(rows.values_list("tick", "equity_minor", "cash_minor"))


def marks_paper(paper: Paper) -> list[tuple]:
    """The same of a backtest."""
    return [(mark.tick, mark.equity_minor, mark.cash_minor) for mark in paper.book.marks]


def assert_same(account_id: int, paper: Paper) -> None:
    """Fills, fees, corporate actions, equity at every mark and the account's figures agree to the cent."""
    live = fills_live(account_id)
    assert fills_paper(paper) == live
    changes = Adjustment.objects.filter(account_id=account_id).order_by("id")
    assert [
        (row["kind"], row["cash_minor"], Decimal(row["quantity_after"])) for _, _, row in paper.book.adjustments
    ] == [(row.kind, row.cash_minor, row.quantity_after) for row in changes]
    assert marks_paper(paper) == marks_live(account_id)
    stored, kept = Account.objects.get(pk=account_id), paper.book.account
    names = ("cash_minor", "reserved_minor", "realized_minor", "fees_minor", "other_minor", "fills_count")
    for name in (*names, "open_orders_count"):
        assert getattr(kept, name) == getattr(stored, name), name
    assert not paper.failures


def both(market: MarketView, decide: Decide, turns: Turns, terms: Terms | None = None) -> Paper:
    """Play a market both ways and compare; the backtest's book."""
    terms = terms or Terms()
    account_id, who = account(market, terms)
    paper = play_paper(market, terms, decide, turns)
    play_live(market, account_id, who, decide, turns)
    assert_same(account_id, paper)
    return paper


def price(last: Decimal, percent: float) -> Decimal:
    """A price that far from the last one, on the cent."""
    return max(round(last * (100 + Decimal(str(round(percent, 3)))) / 100, 2), Decimal("0.01"))


def everything(sessions: Sequence[Any], *, most: int = 60, sides: Sequence[str] = ("buy", "buy", "sell")) -> Decide:
    """A script that draws orders of every kind from the view's own chance."""

    def decide(view: StrategyView) -> list[OrderRequest]:
        rng, found = view.rng, []
        for _ in range(int(rng.integers(0, 4))):
            symbol = view.tradable()[int(rng.integers(len(view.tradable())))]
            found.append(_drawn(rng, symbol, view.quotes[symbol].last, most, sides, sessions, view.day_index))
        return found

    return decide


def _drawn(
    rng: np.random.Generator, symbol: str, last: Decimal, most: int, sides: Sequence[str], sessions: Any, day: int
) -> OrderRequest:
    side: Any = sides[int(rng.integers(len(sides)))]
    sign = 1 if side == "buy" else -1
    kind = str(
        rng.choice(["market", "limit", "stop", "stop_limit", "trailing_stop", "bracket", "oto", "oco", "auction"])
    )
    away, further = float(rng.uniform(0.2, 3)), float(rng.uniform(3.2, 6))
    more: dict[str, Any] = {"time_in_force": str(rng.choice(["day", "gtc"]))}
    if kind == "limit":
        more |= {"limit_price": price(last, -sign * float(rng.uniform(-1, 3)))}
        more["time_in_force"] = str(rng.choice(["day", "gtc", "ioc", "fok", "gtd"]))
        if more["time_in_force"] == "gtd":
            on = sessions[min(day + int(rng.integers(1, 4)), len(sessions) - 1)]
            more["expires_at"] = datetime.combine(on, time(13), tzinfo=ZoneInfo("America/New_York"))
    elif kind == "stop":
        more |= {"stop_price": price(last, sign * away)}
    elif kind == "stop_limit":
        more |= {"stop_price": price(last, sign * away), "limit_price": price(last, sign * further)}
    elif kind == "trailing_stop":
        by_percent = bool(rng.integers(2))
        more |= {"trail_percent": Decimal("1.5")} if by_percent else {"trail_amount": price(last, -98)}
    elif kind in ("bracket", "oto", "oco"):
        loss, profit = price(last, -sign * further), price(last, sign * further)
        if kind == "oco":
            more |= {
                "order_class": "oco",
                "limit_price": price(last, -sign * away),
                "stop_loss_price": price(last, sign * further),
            }
        else:
            more |= {"order_class": kind, "stop_loss_price": loss}
            more |= {"take_profit_price": profit} if kind == "bracket" else {}
    elif kind == "auction":
        more = {"time_in_force": str(rng.choice(["opg", "cls"]))}
    names = {"bracket": "market", "oto": "market", "oco": "limit", "auction": "market"}
    reduce_only = kind in ("market", "limit", "stop") and bool(rng.integers(4) == 0)
    quantity = Decimal(int(rng.integers(1, most)))
    return OrderRequest(
        symbol, side, quantity, type=names.get(kind, kind), reduce_only=reduce_only, source="agent", **more
    )


def every(minutes: int, seed: int = 0, market_seed: int = 0) -> Turns:
    """Turns every so many minutes of market time."""
    return Turns(timedelta(minutes=minutes), seed, market_seed)
