"""Trades that others may see: of people by the contest's sharing, of agents always, one's own always."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Profile, User
from contests.models import Contest, Participant, Team, TeamMember
from contests.selectors.feed import followed_feed, trade_feed
from contests.selectors.follows import followed_ids
from contests.services.closing import contest_end
from contests.services.follows import follow
from contests.tests import factories as make
from contests.web.social import social_context
from core.errors import NotFound
from marketdata.tests.factories import advance
from trading import selectors as trading_selectors
from trading.models import Fill
from trading.tests.factories import actor as actor_of
from trading.tests.factories import place, user

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=16)


@pytest.fixture
def view():
    made = make.contest()
    advance(made.market_id)
    return made


def traded(view, quantity=10, **fields):
    """Somebody in the contest who has bought."""
    account, who = make.joined(view, **fields)
    place(who, account, "buy", quantity)
    return account, who


def share(view, **sharing):
    Contest.objects.filter(pk=view.id).update(sharing=sharing)


def accounts(page):
    return [row.account_id for row in page.rows]


def web(who) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=who.user_id), backend="accounts.backends.EmailBackend")
    return client


def test_a_trade_says_who_what_and_when(view):
    account, who = traded(view, display_name="Ada")
    share(view, portfolios="live")
    (row,) = trade_feed(view.id, None).rows
    fill = Fill.objects.get()
    assert (row.id, row.account_id, row.name, row.kind) == (fill.pk, account, "Ada", "person")
    assert (row.side, row.quantity, row.symbol, row.price) == ("buy", 10, "AAA", fill.price)
    assert (row.at, row.at.utcoffset()) == (fill.created_at, timedelta(0))
    assert (row.is_mine, trade_feed(view.id, who).rows[0].is_mine) == (False, True)


def test_live_shows_others_at_once(view):
    account, _ = traded(view)
    share(view, portfolios="live")
    assert accounts(trade_feed(view.id, None)) == [account]


def test_delayed_shows_others_that_much_later(view):
    account, _ = traded(view)
    share(view, portfolios="delayed", delay_minutes=15)
    now = Fill.objects.get().created_at
    assert accounts(trade_feed(view.id, None, now=now + timedelta(minutes=14, seconds=59))) == []
    assert accounts(trade_feed(view.id, None, now=now + timedelta(minutes=15))) == [account]


def test_after_shows_others_when_it_is_over(view):
    account, who = traded(view)
    watcher = actor_of(user())
    page = trade_feed(view.id, watcher, now=timezone.now() + timedelta(days=300))
    assert (accounts(page), page.sees_others, page.words) == ([], False, "After the end")
    assert accounts(trade_feed(view.id, actor_of(user(role=User.Role.MODERATOR)))) == []
    assert accounts(trade_feed(view.id, who)) == [account]
    contest_end(contest_id=view.id)
    page = trade_feed(view.id, watcher)
    assert (accounts(page), page.sees_others) == ([account], True)


@pytest.mark.parametrize("when", ["live", "delayed", "after"])
def test_agents_are_open_and_ones_own_too(view, when):
    agent, _ = traded(view, kind="agent")
    mine, who = traded(view)
    other, _ = traded(view)
    share(view, portfolios=when)
    expected = [other, mine, agent] if when == "live" else [mine, agent]
    assert accounts(trade_feed(view.id, who)) == expected
    assert accounts(trade_feed(view.id, None)) == ([other, mine, agent] if when == "live" else [agent])


def test_a_member_of_a_team_sees_its_trades(view):
    account, captain = traded(view)
    member = actor_of(user())
    row = Participant.objects.get(user_id=captain.user_id)
    team = Team.objects.create(contest_id=view.id, participant=row, name="Bulls", code="x")
    seat = TeamMember.objects.create(team=team, contest_id=view.id, user_id=member.user_id)
    assert accounts(trade_feed(view.id, member)) == [account]
    TeamMember.objects.filter(pk=seat.pk).update(left_at=timezone.now())
    assert accounts(trade_feed(view.id, member)) == []


def test_trades_of_another_contest_do_not_show(view):
    other = make.contest()
    advance(other.market_id)
    traded(other)
    traded(other, kind="agent")
    for contest in (view, other):
        share(contest, portfolios="live")
    assert accounts(trade_feed(view.id, None)) == []
    assert len(accounts(trade_feed(other.id, None))) == 2


def test_pages_go_on_where_they_ended(view):
    share(view, portfolios="live")
    account, who = make.joined(view)
    agent, machine = make.joined(view, kind="agent")
    for number in range(5):
        place(who, account, "buy", 1 + number)
        place(machine, agent, "buy", 1 + number)
    first = trade_feed(view.id, who, size=4)
    second = trade_feed(view.id, who, first.next, 4)
    third = trade_feed(view.id, who, second.next, 4)
    ids = [row.id for page in (first, second, third) for row in page.rows]
    assert ids == sorted(Fill.objects.values_list("id", flat=True), reverse=True)
    assert third.next is None
    assert len(trade_feed(view.id, who, size=10**9).rows) == 10


def test_a_group_is_looked_back_over_no_further_than_that(view, monkeypatch):
    account, who = make.joined(view)
    for _ in range(4):
        place(who, account, "buy", 1)
    look = {"group_id": view.group_id, "until": timezone.now() + timedelta(days=1)}
    assert len(trading_selectors.fills_of_group(**look)) == 4
    other = make.contest()
    advance(other.market_id)
    theirs, stranger = make.joined(other)
    for _ in range(4):
        place(stranger, theirs, "buy", 1)
    module = __import__("trading.selectors.fills", fromlist=["x"])
    monkeypatch.setattr(module, "LOOK_BACK", 3)
    assert trading_selectors.fills_of_group(**look) == []
    assert len(trading_selectors.fills_of_group(**look, is_closed=True)) == 3


def test_an_empty_closed_group_has_nothing(view):
    assert trading_selectors.fills_of_group(view.group_id, until=timezone.now(), is_closed=True) == []


class TestFollowed:
    def test_each_contest_shows_what_it_shows(self, view):
        mine = user()
        opened, closed = make.contest(), make.contest()
        for contest in (opened, closed):
            advance(contest.market_id)
        share(opened, portfolios="live")
        share(view, portfolios="delayed", delay_minutes=15)
        seen, first = traded(opened)
        hidden, second = traded(closed)
        late, third = traded(view)
        agent, fourth = traded(closed, kind="agent")
        stranger, _ = traded(opened)
        for who in (first, second, third, fourth):
            follow(actor=actor_of(mine), user_id=who.user_id)
        assert set(accounts(followed_feed(mine.pk))) == {seen, agent}
        assert set(accounts(followed_feed(mine.pk, now=timezone.now() + LATER))) == {seen, agent, late}
        contest_end(contest_id=closed.id)
        assert set(accounts(followed_feed(mine.pk))) == {seen, agent, hidden}
        assert stranger not in accounts(followed_feed(mine.pk))

    def test_private_contests_only_for_those_in_them(self):
        hidden = make.contest(visibility="private", invite_code="secret")
        advance(hidden.market_id)
        share(hidden, portfolios="live")
        account, who = traded(hidden)
        _, inside = make.joined(hidden)
        outside = actor_of(user())
        for watcher in (inside, outside):
            follow(actor=watcher, user_id=who.user_id)
        assert accounts(followed_feed(inside.user_id)) == [account]
        assert accounts(followed_feed(outside.user_id)) == []

    def test_who_is_not_public_any_more_is_left_out(self, view):
        share(view, portfolios="live")
        _, who = traded(view)
        mine = user()
        follow(actor=actor_of(mine), user_id=who.user_id)
        assert len(accounts(followed_feed(mine.pk))) == 1
        Profile.objects.filter(pk=who.user_id).update(is_public=False)
        assert followed_ids(mine.pk) == frozenset()
        assert accounts(followed_feed(mine.pk)) == []


class TestPages:
    def test_the_page_and_its_part(self, view):
        share(view, portfolios="live")
        traded(view, display_name="Ada")
        url = f"/contests/{view.slug}/feed"
        page = Client().get(url).content.decode()
        assert "Ada" in page
        assert "UTC</time>" in page
        part = Client().get(f"{url}?short=1", headers={"HX-Request": "true"}).content.decode()
        assert "Ada" in part
        assert "<html" not in part
        assert Client().get(f"{url}?after=x{'9' * 40}").status_code == 200
        assert "data-trade" not in Client().get(f"{url}?after={Fill.objects.get().pk}").content.decode()

    def test_while_nothing_shows_it_says_when_it_will(self, view):
        traded(view)
        page = Client().get(f"/contests/{view.slug}/feed").content.decode()
        assert "data-trade" not in page
        assert "show after the end" in page

    def test_private_contests_only_for_who_may_see_them(self):
        hidden = make.contest(visibility="private", invite_code="secret")
        advance(hidden.market_id)
        share(hidden, portfolios="live")
        _, who = traded(hidden)
        url = f"/contests/{hidden.slug}/feed"
        assert Client().get(url).status_code == 404
        assert APIClient().get(f"/api/v1{url}").status_code == 404
        assert "data-trade" in web(who).get(url).content.decode()
        assert "data-trade" in Client().get(f"{url}?code=secret").content.decode()
        assert len(APIClient().get(f"/api/v1{url}?invite_code=secret").data["results"]) == 1

    def test_it_costs_the_same_however_many_trade(self, view, django_assert_max_num_queries):
        share(view, portfolios="live")
        for _ in range(6):
            traded(view)
            traded(view, kind="agent")
        with django_assert_max_num_queries(9):
            page = Client().get(f"/contests/{view.slug}/feed")
        assert page.content.decode().count("data-trade=") == 12

    def test_the_api(self, view):
        account, who = traded(view)
        client = APIClient()
        url = f"/api/v1/contests/{view.slug}/feed"
        assert client.get(url).data == {"results": [], "next": None, "sees_others": False}
        assert client.get(f"{url}?after=0").status_code == 400
        assert client.get("/api/v1/following/feed").status_code == 401
        client.force_authenticate(User.objects.get(pk=who.user_id))
        (row,) = client.get(url).data["results"]
        assert (row["account_id"], row["is_mine"], row["quantity"]) == (account, True, "10.000000")
        assert client.get("/api/v1/following/feed").data["results"] == []


def test_what_the_contests_page_needs(view, django_assert_max_num_queries):
    share(view, portfolios="live")
    for _ in range(3):
        traded(view)
    _, who = traded(view)
    with django_assert_max_num_queries(16):
        found = social_context(view, who)
    assert len(found["feed"].rows) == 4
    assert found["can_write"]
    assert not social_context(view, None)["can_write"]
    assert found["embed_snippet"].startswith("<iframe")


def test_a_contest_that_is_not_there():
    with pytest.raises(NotFound):
        trade_feed(999_999, None)
