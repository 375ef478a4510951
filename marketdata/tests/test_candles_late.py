"""Trades that come after their minute has been stored: counted, so that the minute is asked for again."""

import pytest

from marketdata.domain.candles import MINUTE, Roller
from marketdata.domain.feed import FeedBar, Print

AT = 1_800_000_000_000_000 // MINUTE * MINUTE


def trade(at, size=10):
    return Print("AAA", at, last=5_000_000, size=size)


@pytest.fixture
def roller():
    """One that has stored the minute AT and the one before it."""
    roller = Roller(grace=5_000_000)
    assert roller.take(1, trade(AT))
    assert len(roller.close(AT + MINUTE + 5_000_000)) == 1
    return roller


def test_a_trade_of_the_minute_just_stored_is_missed(roller):
    assert not roller.take(1, trade(AT + 1))
    assert roller.missed == 1


@pytest.mark.parametrize("item", [trade(AT - 1), trade(AT + 1, size=0), trade(AT + MINUTE)], ids=["old", "said", "new"])
def test_what_no_vendor_needs_to_be_asked_for_is_not_missed(roller, item):
    roller.take(1, item)
    assert roller.missed == 0


def test_a_minute_that_the_vendor_has_said_misses_nothing(roller):
    roller.replace(1, FeedBar("AAA", 1, AT, *[5_000_000] * 4, 10, 1))
    assert not roller.take(1, trade(AT + 1))
    assert roller.missed == 0
