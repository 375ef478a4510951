"""The life of a contest: moves, joins, standings, the final freeze, renewal."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from contests import selectors
from contests.models import Contest, Participant, StandingSnapshot
from contests.services import contests, lifecycle
from contests.services.closing import contest_end
from contests.services.joins import contest_join
from contests.tests.factories import OPERATOR, contest, deliver, joined
from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from marketdata.models import Market
from marketdata.services.ticks import market_step
from trading import selectors as trading_selectors
from trading.models import Account, AccountGroup, Order
from trading.tests.factories import actor, place, user

pytestmark = pytest.mark.django_db


def topics(contest_id: int) -> list[str]:
    rows = OutboxEvent.objects.filter(aggregate=f"contest:{contest_id}").order_by("id")
    return list(rows.values_list("topic", flat=True))


def test_a_contest_goes_through_its_states_with_audit_and_events():
    view = contest(started=False, schedule=False)
    assert view.status == "draft"
    contests.contest_schedule(actor=OPERATOR, contest_id=view.id)
    contests.contest_start(actor=OPERATOR, contest_id=view.id)
    contests.contest_start(actor=OPERATOR, contest_id=view.id)
    assert Market.objects.get(pk=view.market_id).status == "running"
    assert AccountGroup.objects.get(pk=view.group_id).status == "open"
    contests.contest_pause(actor=OPERATOR, contest_id=view.id)
    contests.contest_pause(actor=OPERATOR, contest_id=view.id)
    assert Market.objects.get(pk=view.market_id).status == "paused"
    assert AccountGroup.objects.get(pk=view.group_id).status == "paused"
    contests.contest_resume(actor=OPERATOR, contest_id=view.id)
    assert contest_end(actor=OPERATOR, contest_id=view.id).status == "ended"
    assert contest_end(actor=OPERATOR, contest_id=view.id).status == "ended"
    assert AccountGroup.objects.get(pk=view.group_id).status == "closed"
    verbs = ["scheduled", "started", "paused", "resumed", "ended"]
    assert topics(view.id) == [f"contests.contest_{verb}" for verb in verbs]
    actions = AuditEntry.objects.filter(subject_type="contest", subject_id=str(view.id)).order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["contest.create", *[f"contest.{verb}" for verb in verbs]]


def test_moves_that_the_table_does_not_allow_are_refused_and_change_nothing():
    view = contest(started=False, schedule=False)
    for move in (contests.contest_start, contests.contest_pause, contests.contest_resume, contest_end):
        with pytest.raises(Conflict) as caught:
            move(actor=OPERATOR, contest_id=view.id)
        assert caught.value.code == "contest_state"
    contests.contest_cancel(actor=OPERATOR, contest_id=view.id)
    with pytest.raises(Conflict):
        contests.contest_schedule(actor=OPERATOR, contest_id=view.id)
    assert selectors.contest_by_id(view.id).status == "cancelled"
    with pytest.raises(NotFound):
        contests.contest_start(actor=OPERATOR, contest_id=10**9)


def test_one_address_one_contest_and_the_market_must_exist():
    view = contest(started=False)
    with pytest.raises(Conflict):
        contest(slug=view.slug)
    with pytest.raises(Invalid):
        contest(market={"symbols": ["NOPE"]})
    with pytest.raises(Invalid):
        contest(allowed_symbols=("ZZZ",))
    with pytest.raises(Invalid) as caught:
        contest(agents=("nobody",))
    assert caught.value.code == "unknown_agent"


def test_joining_twice_gives_the_same_account_with_the_balance():
    view = contest()
    account_id, who = joined(view)
    assert contest_join(actor=who, contest_id=view.id) == account_id
    account = trading_selectors.account_get(account_id, who)
    assert (account.cash_minor, account.purpose, account.group_id) == (10_000_000, "contest", view.group_id)
    assert topics(view.id).count("contests.participant_joined") == 1
    assert selectors.participant_get(view.id, who.user_id).account_id == account_id


def test_joins_are_refused_with_their_own_codes():
    full = contest(capacity=1)
    joined(full)
    with pytest.raises(Conflict) as caught:
        joined(full)
    assert caught.value.code == "contest_full"
    private = contest(visibility="private", invite_code="secret")
    stranger = actor(user())
    for code, expected in (("", "invite_code_needed"), ("wrong", "invite_code_wrong"), ("é", "invite_code_wrong")):
        with pytest.raises(Forbidden) as refused:
            contest_join(actor=stranger, contest_id=private.id, invite_code=code)
        assert refused.value.code == expected
    assert contest_join(actor=stranger, contest_id=private.id, invite_code="secret")
    contest_end(contest_id=full.id)
    with pytest.raises(Conflict) as caught:
        joined(full)
    assert caught.value.code == "contest_not_open"
    with pytest.raises(Forbidden):
        joined(contest(), status="suspended")
    with pytest.raises(NotFound):
        joined(contest(started=False, schedule=False))


def test_private_contests_are_not_seen_by_strangers():
    view = contest(visibility="private", invite_code="secret")
    with pytest.raises(NotFound):
        selectors.contest_get(view.slug)
    assert view.slug not in {item.slug for item in selectors.contests_list()}
    assert selectors.contest_get(view.slug, invite_code="secret").id == view.id
    _, who = joined(view)
    assert selectors.contest_get(view.slug, who).id == view.id
    assert view.slug in {item.slug for item in selectors.contests_list(who)}


def test_rules_of_the_contest_deny_orders():
    view = contest(allowed_symbols=("AAA",), constraints={"max_position_pct": "20", "max_trades_per_day": 2})
    market_step(market_id=view.market_id, ticks=1)
    account, who = joined(view)
    assert place(who, account, "buy", 10, "BBB").code == "symbol_not_allowed"
    refused = place(who, account, "buy", 500, "AAA")
    assert refused.code == "position_limit"
    assert f"Buy {int(refused.details['max_quantity'])} shares or less." in refused.message
    assert place(who, account, "buy", 150, "AAA").status == "filled"
    assert place(who, account, "buy", 100, "AAA").code == "position_limit"
    assert place(who, account, "sell", 50, "AAA").status == "filled"
    assert place(who, account, "buy", 1, "AAA").code == "daily_trade_limit"
    market_step(market_id=view.market_id, ticks=4)
    assert place(who, account, "buy", 1, "AAA").status == "filled"


def test_orders_are_taken_only_while_it_runs():
    view = contest(started=False)
    account, who = joined(view)
    contests.contest_start(actor=OPERATOR, contest_id=view.id)
    market_step(market_id=view.market_id, ticks=1)
    assert place(who, account, "buy", 1).status == "filled"
    contests.contest_pause(actor=OPERATOR, contest_id=view.id)
    assert place(who, account, "buy", 1).code == "trading_not_open"
    contests.contest_resume(actor=OPERATOR, contest_id=view.id)
    assert place(who, account, "buy", 1).status == "filled"
    contest_end(contest_id=view.id)
    assert place(who, account, "buy", 1).code == "trading_not_open"


def test_standings_follow_the_market_and_freeze_at_the_end():
    view = contest()
    buyer, buyer_actor = joined(view)
    cautious, cautious_actor = joined(view)
    idle, _ = joined(view)
    market_step(market_id=view.market_id, ticks=1)
    place(buyer_actor, buyer, "buy", 500, "AAA")
    place(cautious_actor, cautious, "buy", 1, "BBB")
    resting = place(cautious_actor, cautious, "buy", 1, "BBB", limit="40", time_in_force="gtc")
    market_step(market_id=view.market_id, ticks=1)
    rows = selectors.standings(view.id)
    assert {row.account_id for row in rows} == {buyer, cautious, idle}
    assert rows[-1].account_id == idle
    assert rows[-1].rank is None
    assert selectors.standings(view.id, top=1, around_account=idle)[0].account_id == idle
    market_step(market_id=view.market_id, ticks=100)
    assert Market.objects.get(pk=view.market_id).status == "ended"
    deliver()
    lifecycle.lifecycle_run()
    ended = selectors.contest_by_id(view.id)
    assert (ended.status, len(ended.final_hash)) == ("ended", 64)
    assert Order.objects.get(pk=resting.id).status == "canceled"
    final = selectors.standings_page(view.id)
    assert final.is_final
    assert final.ranked == 2
    [lone] = selectors.standings_page(view.id, size=1, around_account=idle).rows
    assert (lone.account_id, lone.rank) == (idle, None)
    first = final.rows[0]
    assert (first.account_id, first.rank, first.trades) == (buyer, 1, 1)
    assert first.return_pct == "3.99"  # 500 at 100.02, marked at 108.00
    assert first.value_minor == 10_000_000 - 500 * 10_002 + 500 * 10_800
    assert len(first.sparkline) > 10
    assert StandingSnapshot.objects.filter(contest_id=view.id, is_final=False).count() == 5
    snapshot = StandingSnapshot.objects.get(contest_id=view.id, is_final=True)
    assert snapshot.hash == ended.final_hash
    assert snapshot.rows[0] == [1, buyer, first.value_minor, first.cash_minor, 1]
    row = Participant.objects.get(account_id=buyer)
    assert (row.final_rank, row.final_value_minor) == (1, first.value_minor)


def test_snapshots_cannot_be_changed():
    view = contest()
    joined(view)
    market_step(market_id=view.market_id, ticks=4)
    for sql in ("UPDATE contests_standingsnapshot SET total = 9", "DELETE FROM contests_standingsnapshot"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_ending_marks_fills_made_after_the_last_tick():
    view = contest()
    account, who = joined(view)
    market_step(market_id=view.market_id, ticks=1)
    order = place(who, account, "buy", 100)
    contest_end(contest_id=view.id)
    row = Participant.objects.get(account_id=account)
    assert row.final_trades == 1
    spent = round(float(order.average_price) * 100 * 100)
    assert row.final_cash_minor == 10_000_000 - spent
    assert row.final_value_minor == 10_000_000 - spent + 100 * 10_000


def test_contests_start_and_end_on_time_and_only_once():
    at = datetime.now(tz=UTC)
    view = contest(started=False, starts_at=at + timedelta(minutes=1), ends_at=at + timedelta(minutes=9))
    assert lifecycle.lifecycle_run(at)["started"] == []
    later = at + timedelta(minutes=2)
    assert lifecycle.lifecycle_run(later)["started"] == [view.id]
    assert lifecycle.lifecycle_run(later) == {"started": [], "ended": []}
    assert lifecycle.lifecycle_run(at + timedelta(minutes=10))["ended"] == [view.id]
    assert selectors.contest_by_id(view.id).status == "ended"
    assert topics(view.id).count("contests.contest_ended") == 1


def test_an_arena_renews_itself_with_the_next_seed_once():
    view = contest(slug="house", auto_renew=True, is_featured=True)
    contest_end(contest_id=view.id)
    deliver()
    lifecycle.renew_after_in_tx(view.id)
    [fresh] = Contest.objects.filter(series="house", run_number=2)
    assert (fresh.slug, fresh.status) == ("house-2", "scheduled")
    assert fresh.definition["market"]["seed"] == 1
    assert fresh.market_id != view.market_id
    assert selectors.featured().slug == "house-2"
    assert lifecycle.lifecycle_run(datetime.now(tz=UTC) + timedelta(minutes=5))["started"] == [fresh.pk]


def test_starting_the_arena_makes_a_fresh_run():
    with pytest.raises(NotFound):
        lifecycle.arena_start(actor=OPERATOR)
    view = contest(slug="house", auto_renew=True, is_featured=True, started=False)
    assert lifecycle.arena_start(actor=OPERATOR).id == view.id
    assert lifecycle.arena_start(actor=OPERATOR).id == view.id  # a double click
    Contest.objects.filter(pk=view.id).update(started_at=datetime.now(tz=UTC) - timedelta(hours=1))
    fresh = lifecycle.arena_start(actor=OPERATOR)
    deliver()
    assert (fresh.run_number, fresh.status) == (2, "active")
    assert fresh.initial_balance_minor == 100_000_000
    assert selectors.contest_by_id(view.id).status == "ended"
    assert Contest.objects.filter(series="house").count() == 2


def test_nothing_changes_while_a_contest_is_being_ended():
    view = contest()
    Contest.objects.filter(pk=view.id).update(closing_at=datetime.now(tz=UTC))
    for move in (contests.contest_pause, contests.contest_cancel):
        with pytest.raises(Conflict) as caught:
            move(actor=OPERATOR, contest_id=view.id)
        assert caught.value.code == "contest_closing"
    assert lifecycle.lifecycle_run()["ended"] == [view.id]


def test_a_contest_may_allow_shorts_and_leverage_for_everyone_in_it():
    limits = {"leverage": "2", "short_selling": True, "fee_schedule": "us"}
    view = contest(constraints=limits)
    assert view.constraints == limits
    market_step(market_id=view.market_id, ticks=1)
    account, who = joined(view)
    row = Account.objects.get(pk=account)
    assert (row.is_margin, row.terms["leverage"], row.terms["fees"]) == (True, "2", "us")
    assert place(who, account, "sell", 10, "AAA").status == "filled"
    assert place(who, account, "buy", 1500, "AAA").status == "filled"
    with pytest.raises(DomainError, match="Use one of"):
        contest(constraints={"fee_schedule": "moon"})
