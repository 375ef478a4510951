"""Contests on live and simulated markets: as long as their window, on the feed's prices, as policies allow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contests.models import Contest
from contests.selectors import contest_by_id
from contests.services import lifecycle, moves
from contests.services.contests import contest_create
from contests.services.lifecycle import lifecycle_run
from contests.services.proof import contest_verify
from contests.services.replays import contest_replay
from contests.tests import factories as make
from core.errors import Conflict, Invalid
from core.money import Money
from marketdata.adapters import live_board
from marketdata.tests.factories import InstrumentFactory, bars_create
from marketdata.tests.live import exchanges, simulated, step, tell
from trading.tests.factories import place

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stock():
    return simulated("SIMA")[0]


def spec(**fields):
    now = datetime.now(tz=UTC)
    made = make.spec(market={}, starts_at=now, ends_at=now + timedelta(days=7), **fields)
    return replace(made, market={"kind": "simulated", "exchange": "SIMX", "symbols": ["SIMA"]})


def started(**fields):
    contest_create(actor=make.OPERATOR, spec=spec(**fields), schedule=True)
    lifecycle_run()
    return contest_by_id(Contest.objects.latest("id").pk)


def test_people_trade_the_feeds_prices_and_the_window_ends_it(stock):
    view = started()
    assert view.status == "active"
    account_id, who = make.joined(view)
    tell(stock, 100)
    market = type("Market", (), {"id": view.market_id})
    step(market)
    assert place(who, account_id, "buy", 10, symbol="SIMA").average_price == "100.01"
    tell(stock, 130)
    step(market)
    lifecycle_run(at=view.ends_at)
    ended = contest_by_id(view.id)
    assert ended.status == "ended"
    row = Contest.objects.get(pk=view.id).participants.get()
    assert row.final_value_minor == 10_000_000 + 10 * (13_000 - 10_001)


def test_a_symbol_without_a_price_at_the_close_counts_at_its_last_one(stock):
    """The provider falls silent for one symbol before the end: its last price marks it, and the proof goes by that."""
    other = simulated("SIMB")[0]
    wanted = replace(spec(), market={"kind": "simulated", "exchange": "SIMX", "symbols": ["SIMA", "SIMB"]})
    contest_create(actor=make.OPERATOR, spec=wanted, schedule=True)
    lifecycle_run()
    view = contest_by_id(Contest.objects.latest("id").pk)
    account_id, who = make.joined(view)
    market = type("Market", (), {"id": view.market_id})
    tell(stock, 100)
    tell(other, 50)
    step(market)
    bought = place(who, account_id, "buy", 10, symbol="SIMB")
    assert bought.status == "filled"
    tell(other, 60)
    step(market)
    live_board.live_drop()
    tell(stock, 120)
    step(market)
    lifecycle_run(at=view.ends_at)
    row = Contest.objects.get(pk=view.id).participants.get()
    assert row.final_value_minor == row.final_cash_minor + 10 * 6_000
    found = contest_verify(view.slug)
    assert found.is_equal, (found.findings, Contest.objects.get(pk=view.id).proof["closing"])


def test_a_worker_whose_clock_is_ahead_starts_nothing_early(stock, monkeypatch):
    later = datetime.now(tz=UTC) + timedelta(hours=1)
    contest_create(actor=make.OPERATOR, spec=replace(spec(), starts_at=later), schedule=True)

    class Ahead(datetime):
        """A clock that is two hours ahead."""

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz=tz) + timedelta(hours=2)

    for module in (moves, lifecycle):
        if hasattr(module, "datetime"):
            monkeypatch.setattr(module, "datetime", Ahead)
    assert lifecycle_run() == {"started": [], "ended": []}
    assert Contest.objects.get().status == "scheduled"


def test_without_an_end_it_is_refused(stock):
    with pytest.raises(Invalid) as refused:
        contest_create(actor=make.OPERATOR, spec=replace(spec(), ends_at=None))
    assert refused.value.details["field"] == "ends_at"


def test_the_next_run_is_as_long_as_the_last(stock):
    view = started(auto_renew=True)
    lifecycle_run(at=view.ends_at)
    make.deliver()
    following = Contest.objects.get(series=view.series, run_number=2)
    assert following.ends_at - following.starts_at == view.ends_at - view.starts_at
    assert following.market.kind == "simulated"
    assert "mask" not in following.definition["market"]


def test_it_cannot_be_played_again_from_its_definition(stock):
    view = started()
    with pytest.raises(Conflict) as refused:
        contest_replay(actor=make.OPERATOR, slug=view.slug)
    assert refused.value.code == "not_a_replay"


def test_live_indian_prices_are_refused_at_scheduling_and_may_stay_a_draft():
    exchanges()
    InstrumentFactory(symbol="TCS", exchange="NSE", currency="INR")
    wanted = replace(
        spec(),
        market={"kind": "live", "exchange": "NSE", "symbols": ["TCS"]},
        initial_balance=Money.of("1000000", "INR"),
    )
    with pytest.raises(Invalid) as refused:
        contest_create(actor=make.OPERATOR, spec=wanted, schedule=True)
    assert (refused.value.code, refused.value.details["exchange"]) == ("market_policy", "NSE")
    assert not Contest.objects.exists()
    assert contest_create(actor=make.OPERATOR, spec=wanted).status == "draft"


def test_a_slice_of_indian_history_that_is_old_enough_is_allowed():
    exchanges()
    stock = InstrumentFactory(symbol="TCS", exchange="NSE", currency="INR")
    old = datetime.now(tz=UTC).date() - timedelta(days=400)
    days = [old + timedelta(days=n) for n in range(5)]
    bars_create(stock, [(100, 101, 99, 100)] * 5, dates=days)
    market = {"start": days[0].isoformat(), "end": days[-1].isoformat(), "symbols": ["TCS"], "warmup_days": 0}
    wanted = replace(make.spec(), market=market, initial_balance=Money.of("1000000", "INR"))
    assert contest_create(actor=make.OPERATOR, spec=wanted, schedule=True).status == "scheduled"
