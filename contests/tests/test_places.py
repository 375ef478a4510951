"""Waiting lists, teams, resets and the last minutes: who is in, who trades, and that nobody gets past another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Notification
from contests.domain.admission import Admission
from contests.domain.sharing import Sharing
from contests.models import Participant, Team, TeamMember, Waiting
from contests.selectors import participant_get, standings_page
from contests.selectors.places import team_of, waiting_of
from contests.services import waiting as waits
from contests.services.closing import contest_end
from contests.services.contests import contest_start
from contests.services.entries import contest_withdraw
from contests.services.joins import contest_join
from contests.services.proof import contest_verify
from contests.services.resets import contest_reset
from contests.services.teams import team_join, team_leave, team_rename
from contests.services.waiting import waiting_advance_due, waiting_join, waiting_leave
from contests.tests.factories import OPERATOR, contest, joined
from core.errors import Conflict, DomainError, Forbidden, NotFound
from marketdata.selectors import market_view
from marketdata.services.ticks import market_step
from trading import selectors as trading
from trading.domain.types import Actor
from trading.services.changes import order_cancel
from trading.tests.factories import actor, place, user

pytestmark = pytest.mark.django_db(transaction=True)


def refused(code, act, *arguments, **keywords):
    with pytest.raises(DomainError) as caught:
        act(*arguments, **keywords)
    assert caught.value.code == code
    return caught.value


# Waiting


def test_a_place_that_gets_free_goes_to_who_waited_longest():
    view = contest(capacity=1, started=False)
    _, holder = joined(view)
    first, second, late = (actor(user()) for _ in range(3))
    refused("contest_full", contest_join, actor=first, contest_id=view.id)
    assert [waiting_join(actor=who, contest_id=view.id) for who in (first, second, first)] == [1, 2, 1]
    contest_withdraw(actor=holder, contest_id=view.id)
    # The place is free, but not for who comes now.
    refused("contest_full", contest_join, actor=late, contest_id=view.id)
    refused("contest_full", contest_join, actor=second, contest_id=view.id)
    assert waiting_advance_due() == 1
    assert Participant.objects.get(status="active").user_id == first.user_id
    assert waiting_of(view.id, second.user_id).position == 1
    assert Notification.objects.filter(user_id=first.user_id, kind="contest_place").count() == 1
    waiting_leave(actor=second, contest_id=view.id)
    refused("not_waiting", waiting_leave, actor=second, contest_id=view.id)


def test_whoever_waits_first_may_take_the_free_place_at_once():
    view = contest(capacity=1, started=False)
    _, holder = joined(view)
    first = actor(user())
    waiting_join(actor=first, contest_id=view.id)
    contest_withdraw(actor=holder, contest_id=view.id)
    contest_join(actor=first, contest_id=view.id)
    assert Waiting.objects.get().status == "joined"


def test_nobody_waits_where_there_is_a_place_or_nobody_gets_in():
    view = contest(capacity=2, started=False, admission=Admission(late_entry=False))
    refused("place_free", waiting_join, actor=actor(user()), contest_id=view.id)
    _, holder = joined(view)
    joined(view)
    refused("already_joined", waiting_join, actor=holder, contest_id=view.id)
    who = actor(user())
    waiting_join(actor=who, contest_id=view.id)
    contest_start(actor=OPERATOR, contest_id=view.id)
    assert waiting_advance_due() == 0
    assert waiting_of(view.id, who.user_id) is None
    assert "no place got free" in Notification.objects.get(user_id=who.user_id, kind="contest_place").title
    refused("entry_closed", waiting_join, actor=actor(user()), contest_id=view.id)


def test_an_offer_lapses_and_goes_on(monkeypatch):
    view = contest(capacity=1, started=False, admission=Admission(team_size=2))
    _, holder = joined(view)
    first, second = actor(user()), actor(user())
    for who in (first, second):
        waiting_join(actor=who, contest_id=view.id)
    contest_withdraw(actor=holder, contest_id=view.id)
    assert waiting_advance_due() == 1
    assert waiting_of(view.id, first.user_id).status == "offered"
    refused("contest_full", contest_join, actor=second, contest_id=view.id)
    later = waits.now() + waits.OFFER + timedelta(minutes=1)
    monkeypatch.setattr(waits, "now", lambda: later)
    assert waiting_advance_due() == 1
    assert waiting_of(view.id, first.user_id) is None
    contest_join(actor=second, contest_id=view.id)
    assert participant_get(view.id, second.user_id) is not None


def test_two_workers_give_one_place_once():
    view = contest(capacity=1, started=False)
    _, holder = joined(view)
    for _ in range(4):
        waiting_join(actor=actor(user()), contest_id=view.id)
    contest_withdraw(actor=holder, contest_id=view.id)

    def advance(_):
        try:
            return waiting_advance_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(advance, range(4))) == 1
    assert Participant.objects.filter(status="active").count() == 1


# Teams


def team(view, members=1):
    account, captain = joined(view)
    code = team_of(Participant.objects.get(account_id=account).pk).code
    mates = [actor(user()) for _ in range(members)]
    for mate in mates:
        assert team_join(actor=mate, contest_id=view.id, team_code=code) == account
    return account, captain, mates, code


def test_a_team_trades_one_account():
    view = contest(admission=Admission(team_size=3))
    market_step(market_id=view.market_id, ticks=1)
    account, captain, (mate, other), code = team(view, 2)
    refused("team_full", team_join, actor=actor(user()), contest_id=view.id, team_code=code)
    refused("team_code_wrong", team_join, actor=actor(user()), contest_id=view.id, team_code="nonsense")
    order = place(mate, account, "buy", 10)
    waiting = place(other, account, "buy", 10, limit="90")
    assert order_cancel(actor=captain, order_id=waiting.id).status == "canceled"
    assert trading.order_get(order.id, other).status == "filled"
    assert trading.may_trade(trading.account_get(account, mate), mate)
    with pytest.raises(NotFound):
        place(actor(user()), account, "buy", 1)
    assert participant_get(view.id, mate.user_id).account_id == account
    refused("in_team", contest_join, actor=mate, contest_id=view.id)
    assert standings_page(view.id).total == 1


def test_who_has_left_a_team_trades_it_no_more():
    view = contest(admission=Admission(team_size=3))
    market_step(market_id=view.market_id, ticks=1)
    account, captain, (mate, other), _ = team(view, 2)
    stranger = joined(view)[1]
    refused("not_in_team", team_leave, actor=stranger, contest_id=view.id, user_id=mate.user_id)
    team_leave(actor=captain, contest_id=view.id, user_id=mate.user_id)
    team_leave(actor=other, contest_id=view.id)
    for gone in (mate, other):
        with pytest.raises(NotFound):
            place(gone, account, "buy", 1)
    assert TeamMember.objects.filter(left_at=None).count() == 0
    contest_join(actor=mate, contest_id=view.id)


def test_a_team_has_a_name_of_its_own():
    view = contest(started=False, admission=Admission(team_size=2))
    _, captain, (mate,), code = team(view)
    refused("not_captain", team_rename, actor=mate, contest_id=view.id, name="Mutiny")
    team_rename(actor=captain, contest_id=view.id, name="The  Long Vols")
    assert standings_page(view.id).rows[0].name == "The Long Vols"
    refused("team_code_wrong", team_join, actor=actor(user()), contest_id=view.id, team_code=code)
    _, rival, _, _ = team(view, 0)
    refused("name_taken", team_rename, actor=rival, contest_id=view.id, name="The Long Vols")
    refused("invalid_name", team_rename, actor=rival, contest_id=view.id, name="x")
    contest_start(actor=OPERATOR, contest_id=view.id)
    refused("contest_started", team_rename, actor=captain, contest_id=view.id, name="Late")


def test_racing_for_the_last_place_of_a_team():
    view = contest(admission=Admission(team_size=3))
    _, _, _, code = team(view, 0)
    people = [actor(user()) for _ in range(6)]

    def enter(who):
        try:
            return bool(team_join(actor=who, contest_id=view.id, team_code=code))
        except Conflict:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(enter, people)) == 2
    assert Team.objects.get().members.count() == 2


# Portfolios


@pytest.mark.parametrize(("portfolios", "open_now"), [("live", True), ("delayed", False), ("after", False)],
                         ids=["live", "delayed", "after"])  # fmt: skip
def test_others_see_an_account_when_the_contest_says_so(portfolios, open_now):
    view = contest(sharing=Sharing(portfolios))
    market_step(market_id=view.market_id, ticks=1)
    account, who = joined(view)
    place(who, account, "buy", 10)

    def is_seen(by):
        try:
            return trading.account_get(account, by).id == account
        except NotFound:
            return False

    stranger = actor(user())
    assert (is_seen(stranger), is_seen(None)) == (open_now, open_now)
    contest_end(actor=OPERATOR, contest_id=view.id)
    assert is_seen(stranger)
    with pytest.raises(NotFound):
        place(stranger, account, "sell", 10)


def test_a_private_contests_accounts_are_for_those_in_it():
    view = contest(visibility="private", invite_code="secret", sharing=Sharing("live"))
    account, _ = joined(view)
    _, inside = joined(view)
    assert trading.account_get(account, inside).id == account
    with pytest.raises(NotFound):
        trading.account_get(account, actor(user()))


# Resets and the last minutes


def test_beginning_anew_as_often_as_allowed():
    view = contest(constraints={"resets": 1})
    market_step(market_id=view.market_id, ticks=1)
    account, who = joined(view)
    _, other = joined(view)
    place(who, account, "buy", 100)
    resting = place(who, account, "buy", 1, limit="90", time_in_force="gtc")
    market_step(market_id=view.market_id, ticks=8)
    fresh = contest_reset(actor=who, contest_id=view.id)
    assert fresh != account
    assert trading.order_get(resting.id, who).status == "canceled"
    refused("no_resets_left", contest_reset, actor=who, contest_id=view.id)
    assert place(who, account, "buy", 1).status == "denied"
    market_step(market_id=view.market_id, ticks=1)
    place(who, fresh, "buy", 10)
    market_step(market_id=view.market_id, ticks=40)
    rows = standings_page(view.id).rows
    assert [row.account_id for row in rows if row.user_id == who.user_id] == [fresh]
    contest_end(actor=OPERATOR, contest_id=view.id)
    assert Participant.objects.get(user_id=who.user_id).final_rank == 1
    assert contest_verify(view.slug).is_equal
    refused("contest_not_running", contest_reset, actor=other, contest_id=view.id)


def test_without_resets_nobody_begins_anew():
    view = contest()
    _, who = joined(view)
    refused("no_resets_left", contest_reset, actor=who, contest_id=view.id)
    refused("not_in_contest", contest_reset, actor=actor(user()), contest_id=view.id)


def test_in_the_last_minutes_nothing_is_opened():
    view = contest(constraints={"closing_minutes": 180})
    market_step(market_id=view.market_id, ticks=1)
    account, who = joined(view)
    place(who, account, "buy", 100)
    total = market_view(view.market_id).ticks_total
    market_step(market_id=view.market_id, ticks=total - 4)
    assert place(who, account, "buy", 1).status == "filled"
    market_step(market_id=view.market_id, ticks=2)
    late = place(who, account, "buy", 1)
    assert (late.status, late.code) == ("denied", "closing_minutes")
    assert place(who, account, "sell", 50).status == "filled"


def test_universes_stand_for_their_symbols():
    from contests.models import Contest
    from contests.services.contests import contest_create
    from contests.tests.factories import spec
    from marketdata.models import Instrument

    made = spec()
    Instrument.objects.filter(symbol="AAA").update(sector="Consumer goods")
    view = contest_create(actor=OPERATOR, spec=spec(allowed_symbols=("sector:consumer-goods",)))
    assert Contest.objects.get(pk=view.id).allowed_symbols == ["AAA"]
    refused("unknown_symbol", contest_create, actor=OPERATOR, spec=spec(allowed_symbols=("sector:none",)))
    assert made.market["symbols"] == ["AAA", "BBB"]


def test_an_agents_invitation_is_no_code():
    view = contest(visibility="private", invite_code="secret", capacity=1)
    joined(view)
    with pytest.raises(Forbidden):
        waiting_join(actor=actor(user()), contest_id=view.id)
    with pytest.raises(Forbidden):
        waiting_join(actor=Actor(user_id=None), contest_id=view.id, invite_code="secret")
