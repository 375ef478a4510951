"""Marks in memory: known to who shows them before they are stored, and the same as what is stored."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketdata.selectors import market_view
from marketdata.tests.factories import advance, replay_market
from trading.models import Account, AccountMark
from trading.services import marking
from trading.services.book import forget
from trading.services.marking import mark_tick, marks_now, watch
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def watchers(monkeypatch):
    monkeypatch.setattr(marking, "_watchers", {})
    forget()
    yield
    forget()


@pytest.fixture
def crowd():
    market = replay_market(ticks=1)
    people = [make.account(market) for _ in range(3)]
    make.place(people[1][1], people[1][0], "buy", 10)
    return market, np.array(sorted(account for account, _ in people), dtype=np.int64), people


def rows(found) -> list[tuple[int, ...]]:
    columns = (found.account_ids, found.equity, found.cash, found.fills)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def stored() -> list[tuple[int, ...]]:
    marks = AccountMark.objects.order_by("account_id")
    return list(marks.values_list("account_id", "equity_minor", "cash_minor", "account__fills_count"))


def test_they_are_what_is_stored_and_no_row_is_read(crowd):
    market, ids, _ = crowd
    tick = advance(market.id)
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = marks_now(market.id, "USD", ids, tick.index)
        assert rows(found) == stored()
        assert not queries.captured_queries
    assert [fills for *_, fills in rows(found)] == [0, 1, 0]


def test_of_another_tick_or_currency_nothing_is_known(crowd):
    market, ids, _ = crowd
    tick = advance(market.id)
    assert marks_now(market.id, "USD", ids, tick.index + 1) is None
    assert marks_now(market.id, "EUR", ids, tick.index) is None
    assert marks_now(10**6, "USD", ids, tick.index) is None


def test_an_account_that_the_book_lacks_is_read_and_one_that_nobody_knows_left_out(crowd):
    market, ids, _ = crowd
    tick = advance(market.id)
    late, _ = make.account(market)
    gone, nobody = int(ids[0]), 10**9
    Account.objects.filter(pk=gone).update(status="closed")
    mark_tick(market_view(market.id), tick)
    asked = np.array([*ids.tolist(), late, nobody], dtype=np.int64)
    found = marks_now(market.id, "USD", asked, tick.index)
    assert found.account_ids.tolist() == [*ids.tolist(), late]
    assert rows(found)[0] == stored()[0]
    assert rows(found)[-1] == (late, 1_000_000, 1_000_000, 0)


def test_who_watches_sees_the_marks_before_they_are_stored(crowd):
    market, ids, _ = crowd
    seen = []

    def look(_view, tick):
        known = rows(marks_now(market.id, "USD", ids, tick.index))
        seen.append((known, AccountMark.objects.filter(tick=tick.index).count()))

    watch("test", look)
    watch("test", look)
    advance(market.id)
    assert seen == [(stored(), 0)]


def test_who_watches_and_fails_keeps_no_mark_from_being_stored(crowd, caplog):
    market, ids, _ = crowd

    def fail(_view, _tick):
        raise RuntimeError("no")

    watch("test", fail)
    tick = advance(market.id)
    assert "test failed at tick" in caplog.text
    assert AccountMark.objects.filter(account_id__in=ids.tolist(), tick=tick.index).count() == len(ids)
