"""What people are told of their contests, and of their rank in them."""

import numpy as np
import pytest

from accounts.models import Notification, NotificationDelivery, NotificationSettings
from contests.adapters import board
from contests.models import Contest, Participant
from contests.services import contests, telling
from contests.services.closing import contest_end
from contests.tests.factories import OPERATOR, contest, deliver, joined
from core.redis import client
from marketdata.services.ticks import market_step
from trading.tests.factories import place

pytestmark = pytest.mark.django_db


def told(who) -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(user_id=who.user_id).order_by("id")
    return list(rows.values_list("kind", "title", "body"))


def test_who_takes_part_hears_that_it_starts_once():
    view = contest(started=False)
    _, who = joined(view)
    contests.contest_start(actor=OPERATOR, contest_id=view.id)
    deliver()
    deliver()
    ((kind, title, _),) = told(who)
    assert (kind, title) == ("contest_started", "Test contest has started")
    assert Notification.objects.get().url == f"/contests/{view.slug}"
    assert NotificationDelivery.objects.get().channel == "email"


def test_everyone_hears_how_it_ended_for_them():
    view = contest()
    account_id, first = joined(view)
    _, idle = joined(view)
    other, second = joined(view)
    market_step(market_id=view.market_id, ticks=1)
    place(first, account_id, "buy", 10)
    place(second, other, "buy", 500)
    deliver()
    Notification.objects.all().delete()
    contest_end(actor=OPERATOR, contest_id=view.id)
    deliver()
    rank = Participant.objects.get(account_id=account_id)
    value = f"{rank.final_value_minor / 100:,.2f}"
    ((_, title, body),) = told(first)
    assert title == "Test contest has ended"
    assert body == f"You came {telling.ordinal(rank.final_rank)} of 2 with {value} USD."
    assert [row[2] for row in told(idle)] == ["You made too few trades to be ranked."]


def test_a_contest_that_is_called_off_says_why():
    view = contest(started=False)
    _, who = joined(view)
    contests.contest_cancel(actor=OPERATOR, contest_id=view.id, reason="too few people.")
    deliver()
    assert told(who) == [
        ("contest_cancelled", "Test contest was cancelled", "Too few people. Nothing of it counts."),
    ]


def test_agents_hear_nothing_and_crowds_are_told_in_steps(monkeypatch):
    monkeypatch.setattr(telling, "BATCH", 2)
    view = contest(started=False)
    people = [joined(view)[1] for _ in range(5)]
    _, agent = joined(view, kind="agent")
    contests.contest_start(actor=OPERATOR, contest_id=view.id)
    for _ in range(4):
        deliver()
    assert [len(told(who)) for who in people] == [1] * 5
    assert told(agent) == []


# ---- Ranks


def show(view, ranks: dict[int, int]) -> None:
    """Put ranks on the board, as a tick does."""
    rows = sorted(ranks.items(), key=lambda item: item[1] or 10**6)
    columns = np.array([[account, rank, 0, 100, 100, 1, 100] for account, rank in rows], dtype=np.int64).T
    board.board_write(view.id, meta={"tick": 1}, columns=columns)


@pytest.fixture
def field():
    view = contest()
    return view, [joined(view) for _ in range(4)]


def test_a_rank_is_told_when_it_has_moved_by_as_much_as_one_wants(field):
    view, people = field
    (a, anna), (b, ben), (c, cleo), (d, dan) = people
    NotificationSettings.objects.create(user_id=ben.user_id, rank_step=2)
    NotificationSettings.objects.create(user_id=cleo.user_id, rank_step=50)
    show(view, {a: 1, b: 20, c: 30, d: 0})
    assert telling.ranks_tell() == 0  # the first look is what is compared with
    show(view, {a: 8, b: 22, c: 1, d: 3})
    assert telling.ranks_tell() == 1
    assert told(ben) == [("rank_changed", "You are now 22nd in Test contest", "Before, you were 20th.")]
    # Anna's places add up, though no single step was wide enough; Dan is ranked for the second time.
    client().set("unrelated", 1)
    show(view, {a: 11, b: 22, c: 2, d: 30})
    Notification.objects.all().delete()
    assert telling.ranks_tell() == 2
    assert [row[1:] for row in told(anna)] == [("You are now 11th in Test contest", "Before, you were 1st.")]
    assert [row[1:] for row in told(dan)] == [("You are now 30th in Test contest", "Before, you were 3rd.")]
    assert told(cleo) == []


def test_nobody_hears_of_a_contest_twice_in_ten_minutes(field, monkeypatch):
    view, ((a, anna), *_) = field
    monkeypatch.setattr(telling.time, "time", lambda: 1_700_000_000.0)
    for rank in (1, 40, 80, 1):
        show(view, {a: rank})
        telling.ranks_tell()
    assert len(told(anna)) == 1
    monkeypatch.setattr(telling.time, "time", lambda: 1_700_000_000.0 + telling.RANKS_EVERY)
    show(view, {a: 60})
    telling.ranks_tell()
    assert len(told(anna)) == 2


def test_without_redis_memory_nobody_is_told_of_what_did_not_move(field):
    view, ((a, anna), *_) = field
    show(view, {a: 1})
    telling.ranks_tell()
    client().flushdb()
    show(view, {a: 90})
    assert telling.ranks_tell() == 0
    assert told(anna) == []


def test_the_best_ranks_are_told_first_where_there_are_too_many(field, monkeypatch):
    view, people = field
    monkeypatch.setattr(telling, "MOST_RANKS", 2)
    accounts = [account for account, _ in people]
    show(view, {account: 100 + n for n, account in enumerate(accounts)})
    telling.ranks_tell()
    show(view, {account: n + 1 for n, account in enumerate(accounts)})
    assert telling.ranks_tell() == 2
    assert [len(told(who)) for _, who in people] == [1, 1, 0, 0]
    # The others are told the next time.
    monkeypatch.setattr(telling.time, "time", lambda: 1e10)
    assert telling.ranks_tell() == 2
    assert [len(told(who)) for _, who in people] == [1, 1, 1, 1]


def test_ranks_of_contests_that_are_over_are_left_alone(field):
    view, ((a, _), *_) = field
    show(view, {a: 1})
    telling.ranks_tell()
    Contest.objects.filter(pk=view.id).update(status="ended")
    show(view, {a: 90})
    assert telling.ranks_tell() == 0


@pytest.mark.parametrize(
    ("rank", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (123, "123rd")]
)
def test_ordinals(rank, word):
    assert telling.ordinal(rank) == word
