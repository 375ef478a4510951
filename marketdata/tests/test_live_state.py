"""The latest of every instrument: figures of the session, what a session leaves to the next, what vendors say of it."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from marketdata.domain.feed import LiveQuote, Print, micro_of
from marketdata.domain.live_state import Entry, LiveState, SessionSpan

SECOND = 1_000_000
TODAY, BEFORE = date(2026, 3, 3), date(2026, 3, 2)
OPENS = micro_of(datetime(2026, 3, 3, 14, 30, tzinfo=UTC))
CLOSES = micro_of(datetime(2026, 3, 3, 21, tzinfo=UTC))
DAY = 86_400 * SECOND
SPAN = SessionSpan(TODAY, OPENS, CLOSES)
YESTERDAY = SessionSpan(BEFORE, OPENS - DAY, CLOSES - DAY)


def quote(**more):
    values = {
        "instrument_id": 1, "symbol": "AAA", "bid": 0, "ask": 0, "last": 0, "bid_size": 0, "ask_size": 0, "at": OPENS,
        "received": OPENS, "provider": "vendor", "session": TODAY, "open": 0, "high": 0, "low": 0, "volume": 0,
        "previous_close": 0,
    }  # fmt: skip
    return LiveQuote(**{**values, **more})


def made(known=None, close=0, span=SPAN):
    state = LiveState({"AAA": Entry(1, "AAA", "XNYS", known, close)}, {"XNYS": span})
    return state, state.entries["AAA"]


def trade(second, price, size=1, **more):
    return Print("AAA", OPENS + second * SECOND, last=price, size=size, **more)


def figures(entry):
    return entry.session, entry.open, entry.high, entry.low, entry.last, entry.volume


def test_a_session_by_hand():
    state, entry = made()
    state.take([trade(1, 100, 5), trade(2, 130), trade(3, 80, 2), trade(4, 90)], OPENS, "one")
    assert figures(entry) == (TODAY, 100, 130, 80, 90, 9)
    assert (entry.provider, entry.at, entry.received, entry.sequence) == ("one", OPENS + 4 * SECOND, OPENS, 4)
    assert entry.previous_close == 0  # nothing is known of the day before


def test_what_is_changed_is_told_once_until_it_has_been_written():
    state, entry = made()
    assert state.take([trade(1, 100), trade(2, 101)], OPENS, "one") == [entry]
    assert state.take([trade(3, 102)], OPENS, "one") == []
    entry.changed = False
    assert state.take([trade(4, 103)], OPENS, "one") == [entry]


def test_a_symbol_that_nobody_follows_changes_nothing():
    state, entry = made()
    assert state.take([Print("ZZZ", OPENS, last=5)], OPENS, "one") == []
    assert entry.sequence == 0


def test_a_session_begins_at_its_opening_and_ends_before_its_close():
    state, entry = made()
    state.take([trade(-1, 70, 3)], OPENS, "one")
    assert figures(entry) == (date.min, 0, 0, 0, 70, 0)  # the price of before is shown, and counts for nothing
    state.take([trade(0, 100)], OPENS, "one")
    assert figures(entry) == (TODAY, 100, 100, 100, 100, 1)
    length = (CLOSES - OPENS) // SECOND
    state.take([trade(length - 1, 110, 2), trade(length, 500, 4)], OPENS, "one")
    assert figures(entry) == (TODAY, 100, 110, 100, 500, 3)


def test_a_new_session_begins_anew_and_the_last_price_becomes_its_previous_close():
    state, entry = made(span=YESTERDAY)
    state.take([trade(-86_400, 100, 5), trade(-86_399, 120, 5)], OPENS, "one")
    state.spans = {"XNYS": SPAN}
    assert entry.session == BEFORE  # until something is traded
    state.take([trade(1, 110, 2)], OPENS, "one")
    assert figures(entry) == (TODAY, 110, 110, 110, 110, 2)
    assert entry.previous_close == 120


def test_an_exchange_without_sessions_has_prices_and_no_figures():
    state, entry = made()
    state.spans = {}
    state.take([trade(1, 100, 5)], OPENS, "one")
    assert figures(entry) == (date.min, 0, 0, 0, 100, 0)


def test_a_quote_changes_its_own_side_and_never_the_figures():
    state, entry = made()
    state.take([trade(1, 100), trade(2, 0, 0, bid=99, ask=101, bid_size=3, ask_size=4)], OPENS, "one")
    state.take([trade(3, 0, 0, bid=98, bid_size=7)], OPENS, "one")
    assert (entry.bid, entry.bid_size, entry.ask, entry.ask_size) == (98, 7, 101, 4)
    assert figures(entry) == (TODAY, 100, 100, 100, 100, 1)


def test_a_halt_holds_until_its_end_is_said():
    state, entry = made()
    heard = []
    for item in (trade(1, 0, 0, halted=True), trade(2, 100), trade(3, 0, 0, halted=False), trade(4, 100)):
        state.take([item], OPENS, "one")
        heard.append(entry.halted)
    assert heard == [True, True, False, False]


prints = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 200), st.integers(0, 50)), min_size=1, max_size=40)


@given(prints, st.integers(1, 5))
def test_the_figures_are_those_of_all_trades_however_they_are_cut(said, cut):
    items = [trade(second, price, size if price else 0, bid=price) for second, price, size in sorted(said)]
    state, entry = made()
    for begin in range(0, len(items), cut):
        state.take(items[begin : begin + cut], OPENS, "one")
    traded = [item for item in items if item.last]
    prices = [item.last for item in traded]
    assert entry.volume == sum(item.size for item in traded)
    assert entry.sequence == len(items)
    if prices:
        assert (entry.open, entry.high, entry.low, entry.last) == (prices[0], max(prices), min(prices), prices[-1])
    assert entry.quote() == LiveQuote.from_row(entry.quote().to_row())


class TestFromBefore:
    def test_what_was_kept_goes_on(self):
        known = quote(last=105, open=100, high=110, low=95, volume=50, bid=104, ask=106, previous_close=90, sequence=8)
        state, entry = made(known, close=70)
        assert entry.quote() == known
        state.take([trade(9, 120, 5)], OPENS, "one")
        assert figures(entry) == (TODAY, 100, 120, 95, 120, 55)
        assert (entry.previous_close, entry.sequence) == (90, 9)

    def test_yesterdays_quote_gives_todays_previous_close(self):
        state, entry = made(quote(session=BEFORE, last=105, open=100, high=110, low=95, volume=50, previous_close=90))
        state.take([trade(9, 120, 5)], OPENS, "one")
        assert figures(entry) == (TODAY, 120, 120, 120, 120, 5)
        assert entry.previous_close == 105

    def test_a_stored_close_is_taken_when_nothing_was_kept(self):
        state, entry = made(None, close=70)
        state.take([trade(1, 100)], OPENS, "one")
        assert entry.previous_close == 70

    def test_the_exchanges_own_close_replaces_what_was_heard(self):
        state, entry = made(quote(previous_close=90))
        state.closes({"AAA": 0, "ZZZ": 5}, TODAY)
        assert entry.previous_close == 90
        state.closes({"AAA": 91}, TODAY)
        assert entry.previous_close == 91
        state.closes({"AAA": 92}, BEFORE)  # of a session that is over
        assert entry.previous_close == 91

    def test_the_exchanges_own_close_holds_when_the_session_begins(self):
        state, entry = made(quote(session=BEFORE, last=105, previous_close=90))
        state.closes({"AAA": 104}, TODAY)
        state.take([trade(1, 120)], OPENS, "one")
        assert entry.previous_close == 104

    def test_what_is_said_outside_of_sessions_is_no_close(self):
        state, entry = made(quote(session=BEFORE, last=105, at=OPENS - DAY))
        state.take([trade(-60, 70), trade(1, 120)], OPENS, "one")
        assert entry.previous_close == 105


class TestSeed:
    said = quote(
        at=OPENS + 60 * SECOND, last=105, open=100, high=110, low=95, volume=900, bid=104, ask=106, bid_size=2,
        ask_size=3, previous_close=90, halted=True,
    )  # fmt: skip

    def test_the_session_so_far_is_taken_where_nothing_was_heard(self):
        state, entry = made()
        assert state.seed(self.said, OPENS + 61 * SECOND) is entry
        assert entry.quote() == LiveQuote(
            1, "AAA", 104, 106, 105, 2, 3, OPENS + 60 * SECOND, OPENS + 61 * SECOND, "vendor", TODAY, 100, 110, 95, 900,
            90, True, 1,
        )  # fmt: skip
        state.take([trade(70, 111, 10)], OPENS, "one")
        assert figures(entry) == (TODAY, 100, 111, 95, 111, 910)

    def test_what_was_heard_of_the_session_is_kept(self):
        state, entry = made()
        state.take([trade(1, 100)], OPENS, "one")
        assert state.seed(self.said, OPENS) is None
        assert figures(entry) == (TODAY, 100, 100, 100, 100, 1)

    def test_an_older_word_is_not_taken(self):
        state, entry = made(quote(session=BEFORE, at=OPENS + 61 * SECOND, last=80))
        assert state.seed(self.said, OPENS) is None
        assert (entry.session, entry.last) == (BEFORE, 80)

    def test_an_unknown_symbol_is_not_taken(self):
        assert made()[0].seed(quote(symbol="ZZZ"), OPENS) is None

    def test_it_is_told_once(self):
        state, entry = made()
        state.take([trade(0, 0, 0, bid=99)], OPENS, "one")
        assert state.seed(self.said, OPENS) is None  # is on its way to the board already
        assert entry.changed
        assert entry.last == 105


class TestAmend:
    def test_figures_only_grow(self):
        state, entry = made()
        state.take([trade(1, 100, 50)], OPENS, "one")
        entry.changed = False
        assert state.amend("AAA", TODAY, (97, 120, 96, 40)) is entry
        assert figures(entry) == (TODAY, 97, 120, 96, 100, 50)
        state.amend("AAA", TODAY, (0, 110, 99, 400))  # the first minute is not stored: the opening stays
        assert figures(entry) == (TODAY, 97, 120, 96, 100, 400)

    def test_another_session_or_symbol_is_not_meant(self):
        state, entry = made()
        state.take([trade(1, 100)], OPENS, "one")
        assert state.amend("AAA", BEFORE, (1, 999, 1, 999)) is None
        assert state.amend("ZZZ", TODAY, (1, 999, 1, 999)) is None
        assert figures(entry) == (TODAY, 100, 100, 100, 100, 1)

    def test_a_session_that_nothing_has_been_heard_of_begins_with_what_is_stored(self):
        state, entry = made(span=YESTERDAY)
        state.take([trade(1 - 86_400, 90)], OPENS - DAY, "one")
        state.spans = {"XNYS": SPAN}
        assert state.amend("AAA", TODAY, (0, 120, 96, 40)) is None  # is on its way to the board already
        assert (entry.previous_close, figures(entry)) == (90, (TODAY, 0, 120, 96, 90, 40))
        state.take([trade(1, 100, 5)], OPENS, "one")  # whichever comes first, nothing of the other is lost
        assert figures(entry) == (TODAY, 100, 120, 96, 100, 45)

    def test_what_has_no_price_yet_is_not_shown(self):
        state, entry = made()
        assert state.amend("AAA", TODAY, (97, 120, 96, 40)) is None
        assert (entry.changed, figures(entry)) == (False, (TODAY, 97, 120, 96, 0, 40))
