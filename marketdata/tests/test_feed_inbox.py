"""Between the threads: what is heard waits bounded, jobs outlive a database, lags are those of all quotes."""

import time
from threading import Event

import pytest
from django.db import DataError, OperationalError

from marketdata.domain.feed import FeedBar, Print
from marketdata.services.feed import jobs as feed_jobs
from marketdata.services.feed.board import _percentiles
from marketdata.services.feed.inbox import Inbox
from marketdata.services.feed.jobs import Jobs
from marketdata.tests.feed import until


def trade(symbol, at, price=100, size=1):
    return Print(symbol, at, last=price, size=size)


class TestInbox:
    def test_in_the_order_heard_with_who_said_it(self):
        inbox = Inbox(clock=lambda: 7)
        inbox.put("one", [trade("AAA", 1)])
        inbox.put("two", [trade("BBB", 2), trade("AAA", 3)])
        inbox.put_bars("one", [FeedBar("AAA", 1, 0, 1, 1, 1, 1, 1)])
        inbox.put_odd("two", "malformed", {"message": "<html>"})
        assert inbox.waiting == 3
        prints, bars, shed = inbox.take()
        assert [(name, at, len(items)) for name, at, items in prints] == [("one", 7, 1), ("two", 7, 2)]
        assert [name for name, _ in bars] == ["one"]
        assert inbox.take_odd() == [("two", "malformed", {"message": "<html>"})]
        assert (shed, inbox.waiting, inbox.coalesced) == (0, 0, 0)
        assert inbox.take() == ([], [], 0)

    def test_above_its_bound_it_keeps_the_newest_of_each_symbol_and_all_of_the_volume(self):
        inbox = Inbox(most=100)
        for number in range(1_000):
            inbox.put("one", [trade("AAA", number + 1, 100 + number, 2), trade("BBB", number + 1)])
            assert inbox.waiting <= 102
        prints, _, shed = inbox.take()
        items = [item for _, _, batch in prints for item in batch]
        assert shed == inbox.coalesced == 2_000 - len(items)
        assert sum(item.size for item in items if item.symbol == "AAA") == 2_000
        assert [item for item in items if item.symbol == "AAA"][-1].last == 1_099
        assert [item.at for item in items if item.symbol == "BBB"] == sorted(
            item.at for item in items if item.symbol == "BBB"
        )

    def test_vendors_are_not_mixed_when_prints_are_merged(self):
        inbox = Inbox(most=3)
        for number in range(5):
            inbox.put("one", [trade("AAA", number)])
            inbox.put("two", [trade("AAA", number)])
        assert {name for name, _, _ in inbox.take()[0]} == {"one", "two"}


@pytest.mark.django_db
class TestJobs:
    @pytest.fixture
    def lost(self):
        return []

    @pytest.fixture
    def jobs(self, lost, monkeypatch):
        monkeypatch.setattr(feed_jobs, "BACKOFF_FIRST", 0.01)
        made = Jobs(lost=lambda: lost.append(1))
        yield made
        made.close(2.0)

    def test_one_after_the_other_and_some_later(self, jobs):
        done = []
        jobs.later(0.3, lambda: done.append("later"))
        jobs.later(0.2, lambda: done.append("soon"))
        jobs.submit(lambda: done.append("now"))
        jobs.start()
        until(lambda: len(done) == 3)
        assert done == ["now", "soon", "later"]

    def test_a_job_waits_for_the_database_and_others_behind_it(self, jobs):
        done, failing = [], [True] * 4

        def flaky():
            if failing:
                failing.pop()
                raise OperationalError("away")
            done.append("flaky")

        jobs.submit(flaky)
        jobs.submit(lambda: done.append("next"))
        jobs.start()
        until(lambda: len(done) == 2)
        assert done == ["flaky", "next"]

    @pytest.mark.parametrize("error", [DataError("too large"), ValueError("wrong")])
    def test_what_cannot_be_done_is_left(self, jobs, error):
        done = []

        def wrong():
            done.append("tried")
            raise error

        jobs.submit(wrong)
        jobs.submit(lambda: done.append("next"))
        jobs.start()
        until(lambda: done[-1:] == ["next"])
        assert done == ["tried", "next"]

    def test_it_is_bounded_and_says_what_it_drops(self, jobs, lost):
        go = Event()
        for _ in range(feed_jobs.MOST + 3):
            jobs.submit(go.wait)
        assert (jobs.waiting, len(lost)) == (feed_jobs.MOST, 3)
        go.set()
        jobs.start()

    def test_when_it_closes_what_waits_is_finished_and_a_dead_database_is_not_waited_for_long(self, jobs):
        done, tried = [], []

        def dead():
            tried.append(1)
            raise OperationalError("away")

        jobs.submit(dead)
        jobs.submit(lambda: done.append("last"))
        jobs.later(60.0, lambda: done.append("never"))
        jobs.start()
        began = time.monotonic()
        jobs.close(5.0)
        assert time.monotonic() - began < 2.0
        assert done == ["last"]
        assert len(tried) >= feed_jobs.LAST_ATTEMPTS


def test_percentiles():
    assert _percentiles([]) == (0.0, 0.0)
    assert _percentiles(range(1_000, 101_000, 1_000)) == (51.0, 100.0)
