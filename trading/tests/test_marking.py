"""Marks from the columnar book: equal to a full reload and to fractions, whatever commits when."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random
from threading import Event

import numpy as np
import pytest
from django.db import connection, transaction

from core.services.books import verify
from marketdata.models import FxRate
from marketdata.selectors import market_view, tick_of
from marketdata.selectors.markets import market_row
from marketdata.tests.factories import advance, replay_market
from trading.domain import rules
from trading.models import Account, AccountMark, BookChange, EquityPoint, Position, RuleLines, Verdict
from trading.services import book as books
from trading.services import marking
from trading.services.accounts import group_set_status_in_tx
from trading.services.book import MarketBook, book_of, forget
from trading.services.marking import mark_tick
from trading.services.rules import rule_set_store, rules_assign_in_tx, rules_evaluate
from trading.tests import factories as make
from trading.tests.test_races import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh():
    forget()
    yield
    forget()


def tick(market):
    return tick_of(market_row(market.id))


def by_hand(market):
    """Equity of every account by fractions, each position rounded once."""
    prices = {quote.listing_id: quote.last for quote in tick(market).quotes.values()}
    found = dict(Account.objects.filter(market_id=market.id).values_list("id", "cash_minor"))
    for row in Position.objects.filter(account__market_id=market.id).exclude(quantity=0):
        found[row.account_id] += round(Fraction(row.quantity) * Fraction(prices[row.listing_id]) * 100)
    return found


def in_memory(market):
    book = book_of(market.id)
    return {
        int(ident): int(side.marked[slot])
        for side in book.sides.values()
        for slot, ident in enumerate(side.book.account_ids)
        if ident
    }


def stored(market):
    return dict(AccountMark.objects.filter(account__market_id=market.id).values_list("account_id", "equity_minor"))


def reloaded(market):
    book = MarketBook(market.id)
    now = tick(market)
    book.look(market_view(market.id), now)
    book.mark(now)
    return {
        int(side.book.account_ids[slot]): int(side.marked[slot])
        for side in book.sides.values()
        for slot in side.book.live
    }


def test_the_book_equals_a_reload_and_fractions_at_every_tick():
    market, random = replay_market(ticks=1), Random(3)
    accounts = [make.account(market) for _ in range(5)]
    for number in range(18):
        for account_id, who in random.sample(accounts, 2):
            symbol = random.choice(["AAA", "BBB"])
            make.place(who, account_id, random.choice(["buy", "buy", "sell"]), random.randint(1, 20), symbol)
        if number == 7:
            accounts.append(make.account(market))
        advance(market.id)
        assert not book_of(market.id).look(market_view(market.id), tick(market))
        assert in_memory(market) == reloaded(market) == stored(market) == by_hand(market)
    assert EquityPoint.objects.filter(account_id=accounts[0][0], tick=18).exists()


def test_what_commits_late_is_found():
    market = replay_market(ticks=2)
    account_id, _ = make.account(market)
    advance(market.id)
    begun, go = Event(), Event()

    def slow():
        try:
            with transaction.atomic():
                BookChange.objects.create(account_id=account_id)
                begun.set()
                assert go.wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(slow)
        assert begun.wait(20)
        other, me = make.account(market)
        make.place(me, other, "buy", 5)
        view = market_view(market.id)
        book = book_of(market.id)
        assert not book.look(view, tick(market))
        changed_before = _changed(book)
        go.set()
        done.result(20)
    assert account_id not in changed_before
    assert account_id in _changed(book)
    book.look(view, tick(market))
    assert account_id not in _changed(book)
    assert in_memory_ids(book) == {account_id, other}


def in_memory_ids(book):
    return {int(ident) for side in book.sides.values() for ident in side.book.account_ids if ident}


def _changed(book):
    with connection.cursor() as cursor:
        cursor.execute(books._CHANGED, {"seen": book.seen, "market": book.market_id})
        return {row[0] for row in cursor.fetchall()}


def test_fills_of_many_threads_while_the_market_moves_are_all_in():
    market = replay_market(ticks=1)
    people = [make.account(market) for _ in range(4)]

    def trade(account_id, who):
        for number in range(12):
            make.place(who, account_id, "buy" if number % 3 else "sell", 1 + number % 2, ["AAA", "BBB"][number % 2])

    race([lambda item=item: trade(*item) for item in people] + [lambda: advance(market.id, 12)])
    advance(market.id)
    assert not book_of(market.id).look(market_view(market.id), tick(market))
    assert in_memory(market) == by_hand(market) == stored(market)
    assert verify().is_sound


def test_a_split_without_cash_reaches_the_book():
    bars = {"AAA": [(100,) * 4, (50,) * 4, (50,) * 4]}
    market = replay_market(bars, ticks=1, basis="traded", actions={"AAA": [("split", 1, 2)]}, spread_bps=0)
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 10)
    advance(market.id, 3)
    before = stored(market)[account_id]
    advance(market.id)
    assert Position.objects.get(account_id=account_id).quantity == 20
    assert in_memory(market) == by_hand(market) == stored(market)
    assert stored(market)[account_id] == before


def test_only_what_changed_is_written_and_days_begin_for_all():
    market = replay_market({"AAA": [(100, 104, 98, 102)] * 3}, ticks=1)
    idle, _ = make.account(market)
    busy, who = make.account(market)
    make.place(who, busy, "buy", 10)
    advance(market.id)
    ticks = dict(AccountMark.objects.values_list("account_id", "tick"))
    advance(market.id)
    after = dict(AccountMark.objects.values_list("account_id", "tick"))
    assert after[busy] == ticks[busy] + 1
    assert after[idle] == ticks[idle]
    advance(market.id)
    close = stored(market)
    advance(market.id)
    marks = {row.account_id: row for row in AccountMark.objects.all()}
    assert {row.day_index for row in marks.values()} == {1}
    assert {key: row.day_equity_minor for key, row in marks.items()} == close
    assert EquityPoint.objects.filter(account_id=idle).count() == 5


def test_who_ranks_reads_the_arrays():
    market = replay_market(ticks=1)
    people = [make.account(market) for _ in range(3)]
    make.place(people[1][1], people[1][0], "buy", 10)
    now = advance(market.id)
    ids = np.array([people[2][0], people[0][0], people[1][0]], dtype=np.int64)
    equity, cash = book_of(market.id).marks_of(ids, now.index)
    marks = {row.account_id: row for row in AccountMark.objects.all()}
    assert equity.tolist() == [marks[ident].equity_minor for ident in ids.tolist()]
    assert cash.tolist() == [marks[ident].cash_minor for ident in ids.tolist()]
    assert book_of(market.id).marks_of(ids, now.index + 1) is None
    assert book_of(market.id).marks_of(np.array([10**9]), now.index) is None


def test_closed_accounts_and_groups_are_left_out():
    market = replay_market(ticks=1)
    group_id = make.group(market)
    grouped, _ = make.account(market, group_id=group_id)
    closed, _ = make.account(market)
    open_, _ = make.account(market)
    assert advance(market.id) is not None
    assert in_memory(market).keys() == {grouped, closed, open_}
    with transaction.atomic():
        group_set_status_in_tx(group_id=group_id, status="closed")
    Account.objects.filter(pk=closed).update(status="closed")
    advance(market.id)
    assert in_memory(market).keys() == {open_}


def test_a_listing_that_trades_no_more_keeps_its_last_price():
    market = replay_market(ticks=1)
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 10, "BBB")
    now = advance(market.id)
    quotes = {name: quote for name, quote in now.quotes.items() if name != "BBB"}
    lacking = replace(now, quotes=quotes)
    before = stored(market)[account_id]
    forget()
    mark_tick(market_view(market.id), lacking)
    assert stored(market)[account_id] == before
    advance(market.id)
    assert in_memory(market) == by_hand(market)


def test_another_process_takes_over_and_gives_back():
    market = replay_market(ticks=1)
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 10)
    advance(market.id)
    mine = books._books[market.id]
    forget()  # another process
    advance(market.id, 2)
    books._books[market.id] = mine
    make.place(who, account_id, "sell", 4)
    advance(market.id)
    assert in_memory(market) == by_hand(market) == stored(market)


def test_a_failure_halfway_rebuilds():
    market = replay_market(ticks=2)
    account_id, who = make.account(market)
    advance(market.id)
    now = tick(market)
    broken = replace(now, quotes={"AAA": None})
    with pytest.raises(AttributeError):
        mark_tick(market_view(market.id), broken)
    assert market.id not in books._books
    make.place(who, account_id, "buy", 3)
    advance(market.id)
    assert in_memory(market) == by_hand(market) == stored(market)


def rule_set(*items, name="Marked"):
    return rule_set_store(document={"version": 1, "name": name, "currency": "USD", "rules": list(items)}).pk


def test_rules_given_while_the_market_runs_are_seen_and_peaks_outlive_the_process():
    trail = {"kind": "max_loss", "amount": {"basis": "initial", "value": "2"}, "trailing": "intraday", "warn_at": []}
    market = replay_market({"AAA": [(100, 120, 100, 120), (120, 120, 90, 90)]}, ticks=1, spread_bps=0)
    account_id, who = make.account(market)
    advance(market.id)
    with transaction.atomic():
        rules_assign_in_tx(account_id=account_id, rule_set_id=rule_set(trail))
    make.place(who, account_id, "buy", 50)
    advance(market.id, 2)
    peak = RuleLines.objects.get(pk=account_id).peak
    assert peak == stored(market)[account_id] > 1_000_000
    forget()
    advance(market.id, 4)
    [verdict] = Verdict.objects.filter(account_id=account_id)
    assert verdict.evidence["figures"]["reference_minor"] == peak
    assert not Position.objects.filter(account_id=account_id).exclude(quantity=0).exists()


def test_a_phase_that_begins_during_a_tick_keeps_its_own_peak():
    trail = {"kind": "max_loss", "amount": {"basis": "initial", "value": "50"}, "trailing": "intraday", "warn_at": []}
    market = replay_market({"AAA": [(100, 120, 100, 120), (120,) * 4]}, ticks=1, spread_bps=0)
    account_id, who = make.account(market)
    with transaction.atomic():
        rules_assign_in_tx(account_id=account_id, rule_set_id=rule_set(trail))
    make.place(who, account_id, "buy", 50)
    advance(market.id)
    view, now = market_view(market.id), tick(market)
    dear = {name: replace(quote, last=quote.last * 2) for name, quote in now.quotes.items()}
    book, later = book_of(market.id), replace(now, quotes=dear)
    book.look(view, later)
    book.mark(later)
    book.nominate(later)
    with transaction.atomic():
        rules_assign_in_tx(account_id=account_id, rule_set_id=rule_set(trail, name="Next phase"))
    begins = RuleLines.objects.get(pk=account_id).peak
    marking._store(book, later)
    assert stored(market)[account_id] > begins
    assert RuleLines.objects.get(pk=account_id).peak == begins
    advance(market.id, 2)
    assert RuleLines.objects.get(pk=account_id).peak == max(begins, stored(market)[account_id])


def test_judging_while_orders_race_ends_once_and_sound():
    loss = {"kind": "daily_loss", "amount": {"basis": "initial", "value": "1"}, "warn_at": [50]}
    market = replay_market({"AAA": [(100, 100, 60, 60), (60,) * 4]}, ticks=1)
    people = [make.account(market) for _ in range(3)]
    for account_id, who in people:
        with transaction.atomic():
            rules_assign_in_tx(account_id=account_id, rule_set_id=rule_set(loss))
        make.place(who, account_id, "buy", 20)

    def trade(account_id, who):
        for number in range(15):
            make.place(who, account_id, "buy", 1 + number % 3)

    def judge(account_id):
        for _ in range(6):
            rules_evaluate(account_id, tick(market))

    jobs = [lambda item=item: trade(*item) for item in people]
    jobs += [lambda item=item: judge(item[0]) for item in people]
    results = race([*jobs, lambda: advance(market.id, 3)])
    assert not [item for item in results if isinstance(item, Exception)], results
    advance(market.id)
    for account_id, _ in people:
        found = Verdict.objects.filter(account_id=account_id, kind="fail")
        assert found.count() == 1
        row = found.get()
        data = {name: getattr(row, name) for name in ("kind", "rule_key", "code", "message", "evidence")}
        assert rules.verify(data).ok
        assert Account.objects.get(pk=account_id).status == "locked"
        assert not Position.objects.filter(account_id=account_id).exclude(quantity=0).exists()
    assert verify().is_sound
    assert Decimal(stored(market)[people[0][0]]) == Account.objects.get(pk=people[0][0]).cash_minor


def test_foreign_listings_are_marked_at_the_days_rate():
    FxRate.objects.create(base="EUR", quote="USD", date=date(2024, 1, 1), rate=Decimal("1.0836517"), source="test")
    market = replay_market({"EEE": [(33, 35, 32, 34)] * 2}, ticks=1, instrument={"currency": "EUR"})
    account_id, who = make.account(market)
    assert make.place(who, account_id, "buy", 37, "EEE").status == "filled"
    for _ in range(5):
        now = advance(market.id)
        cash = Account.objects.get(pk=account_id).cash_minor
        value = Fraction(37) * Fraction(now.quotes["EEE"].last) * Fraction("1.0836517") * 100
        assert stored(market)[account_id] == in_memory(market)[account_id] == cash + round(value)
