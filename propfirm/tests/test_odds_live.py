"""What funded accounts could ask for and may, and the reads that the odds are drawn from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import Invalid
from marketdata.tests.factories import advance, replay_market
from propfirm.domain.odds_live import LiveAccount, live_liability
from propfirm.domain.odds_styles import STYLES
from propfirm.domain.odds_types import Habits, History
from propfirm.selectors import odds as reads
from propfirm.services.odds import history_of, history_of_accounts, liability_of, odds_for
from propfirm.tests.test_odds import INITIAL, PAYS, floor, payout, plan, rules, target
from trading import selectors as trading_selectors
from trading.domain.performance import TradeFill, trades_of
from trading.domain.rules import FillFact, PayoutFacts, RuleState, payout_eligibility, record_fill, start
from trading.domain.rules.facts import Observation
from trading.models import Account
from trading.tests import factories as make
from trading.tests.ruled import ruled

AT = datetime(2026, 3, 12, tzinfo=UTC)
STEADY = History.of([[0.001]] * 40, 1.0, sessions=365)


def live(balance=INITIAL, *, days_ago=10, rule_set=PAYS, **more):
    began = AT - timedelta(days=days_ago)
    state = start(rule_set, initial_minor=INITIAL, at=began)
    fact = FillFact(began, "AAA", True, True, 0, INITIAL, INITIAL)
    state, _ = record_fill(rule_set, state, fact)
    return LiveAccount(account_id=1, state=state, balance_minor=balance, equity_minor=balance, **more)


class TestLiveLiability:
    def test_what_is_due_is_what_the_engine_says(self):
        due, early, flat = live(INITIAL + 200_000), live(INITIAL + 300_000, days_ago=3), live()
        slow = rules(floor(), payout(first_after_days=7))
        found = live_liability(slow, [due, early, flat], at=AT)
        seen = Observation(AT, due.balance_minor, due.equity_minor)
        verdict = payout_eligibility(slow, due.state, seen, PayoutFacts(identity_verified=True))
        assert (verdict.kind, verdict.figures["trader_minor"]) == ("eligible", found.due_minor)
        assert found.due_minor == 160_000
        assert found.accrued_minor == 160_000 + 240_000
        assert (found.due_accounts, found.open_accounts, found.own, found.unknown) == (1, 3, 0, 3)

    def test_an_account_that_wins_steadily_is_paid_what_arithmetic_says(self):
        account = live(INITIAL + 50_000, history=STEADY)
        found = live_liability(PAYS, [account], at=AT, habits=Habits(ask_percent=1))
        paid = {}
        balance, last, total = INITIAL + 50_000, -100, 0
        for day in range(1, 91):
            balance += round(balance * 0.001)
            if day - last >= 14 and balance - INITIAL >= INITIAL // 100:
                total += round((balance - INITIAL) * 0.8)
                balance, last = INITIAL, day
            paid[day] = total
        assert [(item.days, round(item.expected.value)) for item in found.within] == [(30, paid[30]), (90, paid[90])]
        assert found.within[0].prudent_minor == paid[30] > 0
        assert found.to_json()["within"][0]["days"] == 30

    def test_the_past_of_an_account_counts(self):
        """A payout yesterday waits fourteen days; the fee comes back with the second."""
        refunds = rules(floor(), payout(), {"kind": "second_chance", "refund_fee_with_payout": 2})
        account = live(INITIAL + 400_000, rule_set=refunds, fee_paid_minor=9_900, history=STEADY)
        paid = replace(account.state, payouts=1, last_payout_at=AT - timedelta(days=1))
        found = live_liability(refunds, [replace(account, state=paid)], at=AT)
        assert found.due_minor == 0
        fresh = live_liability(refunds, [account], at=AT)
        assert fresh.due_minor == 320_000
        assert found.within[0].expected.value > 320_000 + 9_900

    def test_what_stands_for_accounts_without_trades(self):
        style = STYLES["coin-flip"].style
        found = live_liability(PAYS, [live(), live(history=STEADY)], at=AT, fallback=style, seed=3)
        assert (found.own, found.unknown) == (1, 0)
        assert found == live_liability(PAYS, [live(), live(history=STEADY)], at=AT, fallback=style, seed=3)
        assert found.within[1].prudent_minor > found.within[1].expected.value

    def test_closed_accounts_owe_nothing(self):
        account = live(INITIAL + 200_000)
        failed = replace(account, state=replace(account.state, closed_by="max_loss", closed_as="failed"))
        found = live_liability(PAYS, [failed], at=AT, fallback=STEADY)
        assert (found.accounts, found.open_accounts, found.due_minor) == (1, 0, 0)

    def test_too_many_at_once_are_refused(self):
        with pytest.raises(Invalid, match="5000"):
            live_liability(PAYS, [live()] * 5_001, at=AT)


def fill(day, side, quantity, price=100, listing=1):
    at = AT + timedelta(days=day)
    return TradeFill(at, listing, "AAA", side, Decimal(quantity), Decimal(price), quantity * price * 100)


def test_an_account_whose_older_fills_are_left_out_begins_where_it_was_flat():
    whole = [
        fill(0, "buy", 5),
        fill(1, "sell", 2, 110),
        fill(2, "sell", 3, 120),
        fill(3, "sell", 4),
        fill(4, "buy", 4, 90),
        fill(5, "buy", 1),
    ]
    for cut in range(3):
        kept = reads._from_flat(whole[cut:], {1: Decimal(1)}, is_cut=True)
        expected = whole if cut == 0 else whole[3:]
        assert kept == expected
    assert len(trades_of(reads._from_flat(whole[1:], {1: Decimal(1)}, is_cut=True))) == 1


@pytest.mark.django_db
class TestReads:
    @pytest.fixture
    def market(self):
        return replay_market(ticks=1)

    def trade(self, market, account_id, who, times):
        for _ in range(times):
            make.place(who, account_id, "buy", 10)
            make.place(who, account_id, "sell", 10)

    def test_a_history_is_made_of_the_round_trips_of_own_accounts(self, market):
        owner = make.user()
        first, who = make.account(market, owner=owner)
        second, _ = make.account(market, owner=owner)
        other, stranger = make.account(market)
        self.trade(market, first, who, 20)
        advance(market.id, 4)
        self.trade(market, second, who, 12)
        self.trade(market, other, stranger, 3)
        found = history_of(owner.pk)
        assert (found.trades, found.accounts, found.reason) == (32, 2, "")
        trips = trading_selectors.round_trips(second, "closed")
        row = Account.objects.get(pk=second)
        total = sum(trip.net_minor for trip in trips)
        assert row.realized_minor - row.fees_minor == total
        day = next(day for day in found.history.days if len(day) == 12)
        assert day[0] == pytest.approx(trips[-1].net_minor / row.initial_minor)
        assert sum(day) == pytest.approx(total / row.initial_minor, rel=0.01)
        pooled = history_of_accounts([first, second, other])
        assert pooled.trades == 35
        assert history_of(stranger.user_id).history is None
        assert "3 closed trades" in history_of(stranger.user_id).reason

    def test_reads_do_not_grow_with_the_accounts(self, market):
        owner = make.user()
        ids = [make.account(market, owner=owner) for _ in range(4)]
        self.trade(market, *ids[0], 1)
        counts = []
        for number in (1, 4):
            for account_id, who in ids[1:number]:
                self.trade(market, account_id, who, 1)
            with CaptureQueriesContext(connection) as queries:
                history_of(owner.pk)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 6

    def test_funded_accounts_are_read_as_they_stand(self, market):
        account_id, who = ruled(market, floor(), payout(), cash="100000")
        self.trade(market, account_id, who, 30)
        ((rule_set, found),) = liability_of({account_id: 9_900}, at=AT)
        assert rule_set.name == "Test rules"
        assert (found.accounts, found.own, found.unknown, found.due_minor) == (1, 1, 0, 0)
        ((_, accounts),) = reads.funded_accounts({account_id: 9_900})
        assert isinstance(accounts[0].state, RuleState)
        row = Account.objects.get(pk=account_id)
        assert accounts[0].balance_minor == row.cash_minor
        assert accounts[0].fee_paid_minor == 9_900

    def test_an_answer_is_kept(self):
        asked = plan(rules(floor(), target()), PAYS)
        more = {"initial_minor": INITIAL, "price_minor": 10_000, "currency": "USD", "paths": 300, "horizon_days": 5}
        first = odds_for(rule_sets=asked.phases, style=STYLES["coin-flip"].style, **more)
        assert odds_for(rule_sets=asked.phases, style=STYLES["coin-flip"].style, **more) == first
        other = odds_for(rule_sets=asked.phases, style=STYLES["swing"].style, **more)
        assert other.trading != first.trading
