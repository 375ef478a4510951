"""Markets and accounts that the machine trades in, drawn by Hypothesis."""

from decimal import Decimal
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

from core.money import Money
from marketdata.domain.types import MarketView
from marketdata.tests.factories import Ohlc, replay_market
from trading.domain.margin import Terms
from trading.domain.types import Actor
from trading.services.accounts import account_open_in_tx
from trading.tests import factories as make

SESSIONS = 7
TERMS = (
    Terms(fees="us:share=0.005,min=1,max_pct=1"),
    Terms(kind="margin", leverage=Decimal(2), short=True),
    Terms(kind="margin", leverage=Decimal(2)),
)


@st.composite
def walks(draw: st.DrawFn, start: int) -> list[Ohlc]:
    """Bars of a price that jumps overnight and ranges by day, in whole units."""
    rows: list[Ohlc] = []
    last = start
    for _ in range(SESSIONS):
        opens = max(last + draw(st.integers(-6, 6)), 5)
        high = opens + draw(st.integers(0, 6))
        low = max(opens - draw(st.integers(0, 6)), 3)
        last = draw(st.integers(low, high))
        rows.append((opens, high, low, last))
    return rows


VENUES = st.fixed_dictionaries(
    {},
    optional={
        "latency_ms": st.sampled_from([0, 250]),
        "max_volume_share": st.sampled_from(["0", "0.1", "0.5"]),
        "impact_k": st.sampled_from(["0", "0.1", "5"]),
        "sizes": st.booleans(),
        "trigger": st.sampled_from(["last", "quote"]),
        "band_pct": st.sampled_from(["3", "6"]),
    },
)


# At most one action of each kind on a symbol: (kind, number of the session, value).
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("split"), st.integers(2, SESSIONS - 1), st.sampled_from(["2", "3", "0.5", "1.5", "0.1"])),
        st.tuples(st.just("dividend"), st.integers(2, SESSIONS - 1), st.sampled_from(["0.5", "3"])),
    ),
    max_size=2,
    unique_by=lambda action: action[0],
)


def market(
    first: list[Ohlc], second: list[Ohlc], venue: dict[str, Any], spread: str, volume: int, actions: list[Any]
) -> MarketView:
    """A running market of two symbols with one session of history, at its first print, prices as traded."""
    return replay_market(
        {"AAA": first, "BBB": second},
        warmup=1,
        ticks=1,
        venue=venue,
        spread_bps=spread,
        volume=volume,
        actions={"AAA": actions},
        basis="traded",
    )


def account(view: MarketView, terms: Terms, cash: str, group_id: int | None) -> tuple[int, Actor]:
    """An account on `terms`, and its owner."""
    owner = make.user()
    with transaction.atomic():
        account_id = account_open_in_tx(
            owner_id=owner.pk,
            market_id=view.id,
            group_id=group_id,
            purpose="house",
            label="Machine",
            initial=Money.of(cash, "USD"),
            terms=terms,
        )
    return account_id, make.actor(owner)
