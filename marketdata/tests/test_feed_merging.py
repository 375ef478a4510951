"""When a feed cannot keep up: prints are merged, and what cannot be spoils none of the good ones."""

import math

import pytest

from marketdata.domain.cleaning import SECOND, Cleaner, latest
from marketdata.domain.feed import Print
from marketdata.services.feed.inbox import Inbox

NOW = 1_800_000_000 * SECOND
PRICE = 100_000_000


def trade(size, at=NOW, price=PRICE, **more):
    return Print("AAA", at, last=price, size=size, **more)


@pytest.mark.parametrize(
    "bad",
    [
        trade(7, at=NOW + 60 * SECOND),
        trade(7, at=math.nan),
        trade(math.nan),
        trade(-7),
        trade("7"),
        trade(7, price=-PRICE),
        trade(7, price=math.inf),
        trade(10**15),
    ],
)
def test_what_cannot_be_takes_nothing_of_the_good_ones_with_it(bad):
    for said in ([trade(2), bad, trade(3)], [bad, trade(2), trade(3)], [trade(2), trade(3), bad]):
        made = Cleaner(50.0)
        made.know({"AAA": PRICE})
        fresh, late = made.take(latest(said, NOW), NOW)
        assert (fresh, late) == ([trade(5)], [])


def test_what_is_said_again_counts_once():
    said = [trade(2, key="1"), trade(3, key="2"), trade(2, key="1"), trade(4), trade(4)]
    assert [item.size for item in latest(said, NOW)] == [13]


def test_the_inbox_is_merged_around_what_cannot_be():
    inbox = Inbox(most=3, clock=lambda: NOW)
    inbox.put("one", [trade(2), trade("7"), trade(3), trade(4)])
    heard, _, shed = inbox.take()
    assert heard == [("one", NOW, [trade(9)])]
    assert shed == inbox.coalesced == 3
