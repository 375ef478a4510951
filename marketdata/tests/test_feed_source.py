"""One chain of vendors: who serves when one fails, falls silent, rests, or has no room for all symbols."""

from threading import Event
from threading import enumerate as threads

import pytest

from core.errors import Unavailable
from marketdata.domain.providers import Capabilities, ProviderError
from marketdata.services.feed import source as feed_source
from marketdata.services.feed.inbox import Inbox
from marketdata.services.feed.source import Source
from marketdata.tests.feed import Told, minute_of, snapshot, trade, until

SYMBOLS = ("AAA", "BBB", "CCC")


class Watch:
    """A clock that stands still until it is moved, for the source alone."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Chain:
    """A source over some providers, and what it says."""

    def __init__(self, *providers, names=None, **options):
        self.named = {provider.name: provider for provider in providers}
        self.watch, self.inbox = Watch(), Inbox()
        self.events, self.connections = [], []
        self.source = Source(
            name="real",
            names=names or list(self.named),
            inbox=self.inbox,
            provide=self._provide,
            tell=lambda kind, name, message, details: self.events.append((kind, name, message, details)),
            connected=lambda group, name: self.connections.append((group, name)),
            clock=self.watch,
            **{"silence": 15.0, "rest": 60.0, **options},
        )

    def _provide(self, name):
        if name not in self.named:
            raise Unavailable("provider_not_configured", f"{name} is not set up.")
        return self.named[name]

    def look(self, symbols=SYMBOLS, *, after=0.0, is_open=True):
        self.watch.now += after
        self.source.look(symbols, is_open=is_open)

    def serving(self, provider, **look):
        """Look until a provider has been asked to serve and is on."""
        until(lambda: self.look(**look) or (self.source.serving == provider.name and provider.is_on))

    def gone(self, provider):
        """Wait until a provider's thread has ended."""
        until(lambda: not provider.is_on)
        until(lambda: not any(thread.name == f"feed-real-{provider.name}" for thread in threads()))

    def heard(self):
        found, bars, _ = self.inbox.take()
        return [(name, item.symbol) for name, _, items in found for item in items], bars

    def kinds(self):
        return [(kind, name) for kind, name, _, _ in self.events]


@pytest.fixture
def chain():
    made = []

    def make(*providers, **options):
        made.append(Chain(*providers, **options))
        return made[-1]

    yield make
    for one in made:
        one.source.close()


def test_the_first_serves_and_what_it_says_is_heard(chain):
    one, two = Told("one"), Told("two")
    made = chain(one, two)
    made.serving(one)
    bar = minute_of("BBB", 0, 5)
    one.say(trade("AAA", 100))
    one.say_bars(bar)
    assert made.heard() == ([("one", "AAA")], [("one", [bar])])
    assert (one.subscribed, two.subscribed) == ([SYMBOLS], [])
    assert made.connections == [("real", "one")]
    assert made.events == []  # nobody served before: no switch


def test_without_symbols_nobody_is_asked(chain):
    one = Told("one")
    made = chain(one)
    made.look(())
    assert made.source.running is None
    assert one.subscribed == []


class TestFailure:
    def test_the_next_takes_over_and_the_switch_is_told(self, chain):
        one, two = Told("one"), Told("two")
        made = chain(one, two)
        made.serving(one)
        one.lose()
        made.gone(one)
        made.serving(two)
        assert made.kinds() == [("disconnect", "one"), ("switch", "two")]
        assert made.events[0][2:] == ("gone", {"group": "real", "again_in": 60.0})
        assert made.events[1][3] == {"from": "one", "to": "two", "why": "one: gone"}
        assert (made.source.switches, made.source.since is not None) == (1, True)

    def test_a_stream_that_merely_ends_has_failed(self, chain):
        one, two = Told("one"), Told("two")
        one.stream = lambda *_: None
        made = chain(one, two)
        made.serving(two)
        assert made.source.last_error == "one: The stream ended."

    def test_an_exception_of_a_client_stops_nothing(self, chain):
        def stream(*_):
            raise KeyError("price")

        one, two = Told("one"), Told("two")
        one.stream = stream
        made = chain(one, two)
        made.serving(two)
        assert made.source.last_error == "one: KeyError: 'price'"

    def test_one_that_is_not_set_up_is_passed_over(self, chain):
        two = Told("two")
        made = chain(two, names=["one", "two"])
        made.look()
        until(lambda: two.is_on)
        assert made.source.last_error == "one: one is not set up."

    def test_what_is_said_after_it_was_left_is_not_heard(self, chain):
        sinks = []

        def stream(_symbols, sink, stop):
            sinks.append(sink)
            sink.connected()
            stop.wait()

        one, two = Told("one"), Told("two")
        one.stream = stream
        made = chain(one, two)
        made.look()
        until(lambda: made.connections)
        made.look(after=16)
        made.serving(two)
        sinks[0].prints([trade("AAA", 1)])
        sinks[0].bars([minute_of("AAA", 0, 1)])
        assert made.heard() == ([], [])

    def test_the_only_one_is_tried_again_each_time_later(self, chain):
        one = Told("one")
        one.refuses = one.error("not now")
        made = chain(one)
        waits = []
        for _ in range(9):
            made.look()
            until(lambda: not made.source.running.thread.is_alive())
            made.look()
            waits.append(made.events[-1][3]["again_in"])
            made.look(after=waits[-1] - 0.1)
            assert made.source.running is None  # not before its time
            made.watch.now += 0.2
        assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
        one.refuses = None
        made.serving(one)
        made.watch.now += 1
        one.say(trade("AAA", 100))
        made.look()
        one.lose()
        made.gone(one)
        made.look()
        assert made.events[-1][3]["again_in"] == 0.5  # it has worked since: counted anew

    def test_two_that_fail_are_both_tried_again_soon(self, chain):
        one, two = Told("one"), Told("two")
        one.refuses, two.refuses = one.error(), two.error()
        made = chain(one, two)
        until(lambda: made.look() or made.kinds().count(("disconnect", "two")))
        waits = [details["again_in"] for kind, *_, details in made.events if kind == "disconnect"]
        assert waits == [60.0, 1.0]
        two.refuses = None
        made.serving(two, after=1)


class TestSilence:
    def test_one_that_says_nothing_is_left_while_the_exchange_is_open(self, chain):
        one, two = Told("one"), Told("two")
        made = chain(one, two)
        made.serving(one)
        made.look(after=14)
        one.say(trade("AAA", 100))
        made.look(after=15)
        assert made.source.serving == "one"
        made.look(after=1)
        made.serving(two)
        assert made.source.last_error == "one: Silent for 16 s while the exchange is open."

    def test_a_closed_exchange_is_silent_by_right(self, chain):
        one, two = Told("one"), Told("two")
        made = chain(one, two)
        made.serving(one)
        for _ in range(5):
            made.look(after=100, is_open=False)
        assert (made.source.serving, one.is_on, made.events) == ("one", True, [])


class TestBack:
    def switched(self, chain, **options):
        one, two = Told("one"), Told("two")
        made = chain(one, two, **options)
        one.refuses = one.error("not today")
        made.serving(two)
        one.refuses = None
        made.events.clear()
        return made, one, two

    def test_it_serves_again_once_it_has_rested_and_says_something(self, chain):
        made, one, two = self.switched(chain)
        made.watch.now += 50
        two.say(trade("AAA", 1))
        made.look()
        assert made.source.trial is None  # it rests
        made.look(after=11)
        until(lambda: one.is_on)
        made.look()
        assert made.source.serving == "two"  # on trial, nothing said
        assert made.heard()[0] == [("two", "AAA")]
        made.watch.now += 1
        one.say(trade("BBB", 2))
        assert made.heard()[0] == []  # the other still serves
        made.look()
        until(lambda: not two.is_on)
        one.say(trade("BBB", 3))
        assert made.heard()[0] == [("one", "BBB")]
        assert made.kinds() == [("switch", "one")]
        assert made.connections[-1] == ("real", "one")  # so that what was missed is asked for

    def test_a_trial_that_says_nothing_is_ended_and_the_other_goes_on(self, chain):
        made, one, two = self.switched(chain)
        made.watch.now += 61
        two.say(trade("AAA", 1))
        made.look()
        until(lambda: one.is_on)
        made.watch.now += 14
        two.say(trade("AAA", 1))
        made.look(after=2)
        until(lambda: not one.is_on)
        assert (made.source.serving, made.kinds()) == ("two", [])
        assert made.source.last_error == "one: Says nothing for 15 s while the exchange is open."

    def test_while_the_exchange_is_closed_being_connected_is_enough(self, chain):
        made, one, _ = self.switched(chain)
        made.look(after=61, is_open=False)
        until(lambda: one.is_on)
        made.look(is_open=False)
        assert made.source.serving == "one"

    def test_a_trial_ends_with_the_last_symbol(self, chain):
        made, one, two = self.switched(chain)
        made.watch.now += 61
        two.say(trade("AAA", 1))
        made.look()
        until(lambda: one.is_on)
        made.look(())
        made.look(())
        until(lambda: not one.is_on and not two.is_on)
        assert made.source.trial is None


class TestSymbols:
    def test_its_bound_keeps_the_first(self, chain):
        one = Told("one", most=2)
        made = chain(one)
        made.serving(one)
        assert one.subscribed == [("AAA", "BBB")]
        made.look(("AAA", "BBB", "DDD"))
        assert one.is_on
        assert len(one.subscribed) == 1  # beyond its bound nothing has changed

    def test_others_are_subscribed_anew_and_that_is_no_failure(self, chain):
        one = Told("one")
        made = chain(one)
        made.serving(one)
        until(lambda: made.look(("AAA",)) or len(one.subscribed) == 2)
        assert one.subscribed[-1] == ("AAA",)
        assert made.events == []


class TestPolled:
    def test_it_is_asked_for_quotes_again_and_again(self, chain, monkeypatch):
        monkeypatch.setattr(feed_source, "POLL_LEAST", 0.02)
        one = Told("one", stream=False, snapshot=[snapshot("AAA", 100), snapshot("ZZZ", 1)])
        made = chain(one, per_minute=lambda _: 60_000)
        made.look()
        found = []
        until(lambda: found.extend(made.heard()[0]) or len(found) >= 3)
        assert set(found) == {("one", "AAA")}
        assert made.connections == [("real", "one")]

    def test_one_that_may_be_asked_seldom_is_not_silent_in_between(self, chain):
        one = Told("one", stream=False, snapshot=[snapshot("AAA", 100)])
        two = Told("two")
        made = chain(one, two, per_minute=lambda _: 5)  # three symbols: every 36 s
        made.look()
        until(lambda: made.heard()[0])
        made.look(after=36)
        assert (made.source.serving, made.events) == ("one", [])
        made.look(after=60)
        made.serving(two)  # but it is not waited for without end

    def test_when_it_fails_the_next_serves(self, chain):
        one, two = Told("one", stream=False), Told("two")
        one.refuses = ProviderError("one", ProviderError.RATE_LIMITED, "enough for today")
        made = chain(one, two)
        made.serving(two)
        assert made.source.last_error == "one: enough for today"


def test_it_closes_serving_and_trial(chain):
    one, two = Told("one"), Told("two")
    made = chain(one, two)
    one.refuses = one.error()
    made.serving(two)
    one.refuses = None
    made.watch.now += 61
    two.say(trade("AAA", 1))
    made.look()
    until(lambda: one.is_on)
    made.source.close()
    assert not one.is_on
    assert not two.is_on


def test_the_last_stream_of_a_vendor_has_closed_before_its_next_opens(chain):
    release, open_now, most = Event(), [0], [0]

    class Slow(Told):
        def stream(self, symbols, sink, stop):
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
            self.subscribed.append(tuple(symbols))
            stop.wait()
            release.wait(2.0)
            open_now[0] -= 1

    one = Slow("one")
    assert one.capabilities == Capabilities(stream=True)
    made = chain(one)
    made.look()
    until(lambda: one.subscribed)
    made.look(("AAA",))
    made.look(("AAA",))
    assert len(one.subscribed) == 1
    release.set()
    until(lambda: made.look(("AAA",)) or len(one.subscribed) == 2)
    assert most == [1]
