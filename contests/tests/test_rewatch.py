"""Watching a contest again: lines, places, trades, and who may."""

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from contests.domain.packing import pack
from contests.models import Participant, StandingSnapshot
from contests.selectors import contest_by_id
from contests.selectors.rewatch import names_find, timeline_of
from contests.services.closing import contest_end
from contests.tests.factories import contest, joined
from core.errors import Conflict
from marketdata.services.ticks import market_step
from trading.models import EquityPoint
from trading.selectors.curves import curve_moments, curves_at
from trading.tests.factories import place

pytestmark = pytest.mark.django_db


@pytest.fixture
def played():
    """Two who trade, one who only watches from inside, one who joins late: five market days, to the end."""
    view = contest()
    one, first = joined(view, display_name="Ada")
    two, second = joined(view, display_name="Ben")
    joined(view, display_name="Cyd")
    market_step(market_id=view.market_id, ticks=1)
    assert place(first, one, "buy", 100).status == "filled"
    market_step(market_id=view.market_id, ticks=8)
    joined(view, display_name="Dov")
    assert place(second, two, "buy", 50, symbol="BBB").status == "filled"
    market_step(market_id=view.market_id, ticks=4)
    assert place(first, one, "sell", 40).status == "filled"
    market_step(market_id=view.market_id, ticks=20)
    contest_end(contest_id=view.id)
    return contest_by_id(view.id)


def account(name):
    return Participant.objects.get(display_name=name).account_id


def test_everyone_has_a_line_with_their_equity_at_each_moment(played):
    found = timeline_of(played)
    assert found.is_everyone
    ticks = [tick for tick, _ in found.moments]
    assert ticks == sorted(set(ticks))
    assert ticks[-1] == 19
    ada = next(line for line in found.lines if line.name == "Ada")
    stored = dict(EquityPoint.objects.filter(account_id=ada.account_id).values_list("tick", "equity_minor"))
    assert list(ada.values) == [stored[tick] for tick in ticks]
    assert ada.values[-1] == Participant.objects.get(display_name="Ada").final_value_minor
    dov = next(line for line in found.lines if line.name == "Dov")
    assert dov.values[0] is None
    assert dov.values[-1] == played.initial_balance_minor
    assert [line.name for line in found.lines][:2] == [
        row.display_name for row in Participant.objects.filter(final_rank__isnull=False).order_by("final_rank")
    ]


def test_places_are_those_that_were_recorded(played):
    found = timeline_of(played)
    assert [close.day for close in found.closes] == [0, 1, 2, 3, 4]
    assert [day for day in found.days if day == 1] == [1] * 4
    for line in found.lines:
        for close, place_then in zip(found.closes, line.places, strict=True):
            rows = (
                StandingSnapshot.objects.filter(contest_id=played.id, day_index=close.day).order_by("-is_final")[0].rows
            )
            assert place_then == ({row[1]: row[0] for row in rows}.get(line.account_id) or None)
        assert line.places[-1] == line.final_rank
    assert next(line for line in found.lines if line.name == "Cyd").places == (None,) * 5


def test_the_trades_of_one_of_them(played):
    ada = account("Ada")
    found = timeline_of(played, trades_of=ada)
    assert [(row.side, str(row.quantity.normalize())) for row in found.trades] == [("buy", "1E+2"), ("sell", "4E+1")]
    assert timeline_of(played).trades == ()
    assert timeline_of(played, trades_of=10**9).traded is None


def test_it_is_shown_once_it_is_over():
    view = contest()
    with pytest.raises(Conflict) as caught:
        timeline_of(view)
    assert caught.value.code == "contest_not_over"
    assert APIClient().get(f"/api/v1/contests/{view.slug}/timeline").status_code == 409
    answer = Client().get(f"/contests/{view.slug}/rewatch")
    assert (answer.status_code, answer["Location"]) == (302, f"/contests/{view.slug}")


def test_lines_beyond_the_first_twenty_are_asked_for(django_assert_max_num_queries):
    view = contest()
    for number in range(60):
        joined(view, display_name=f"Trader {number:02d}")
    market_step(market_id=view.market_id, ticks=20)
    contest_end(contest_id=view.id)
    over = contest_by_id(view.id)
    ids = list(Participant.objects.order_by("-id").values_list("account_id", flat=True))
    with django_assert_max_num_queries(10):
        found = timeline_of(over, viewer_account=ids[0], accounts=ids[1:29])
    assert len(found.lines) == 20 + 29
    assert not found.is_everyone
    assert {ids[0], ids[28]} <= {line.account_id for line in found.lines}
    assert len(timeline_of(over, viewer_account=ids[0], accounts=ids).lines) == 50
    assert len(timeline_of(over).lines) == 20


def test_who_left_and_who_is_in_another_contest_has_no_line(played):
    other, _ = joined(contest(), display_name="Eve")
    Participant.objects.filter(display_name="Cyd").update(status="withdrawn")
    found = timeline_of(played, accounts=[other, account("Cyd")])
    assert {line.name for line in found.lines} == {"Ada", "Ben", "Dov"}


def test_places_below_those_listed_are_unpacked(played):
    ada, ben = account("Ada"), account("Ben")
    for row in StandingSnapshot.objects.filter(contest_id=played.id, day_index=2):
        row.rows = [entry for entry in row.rows if entry[1] != ben]
        columns = np.array([[ada, ben, 7], [1, 1234, 0], [5, 4, 3]], dtype=np.int64)
        replaced = {"rows": row.rows, "packed": pack(columns)}
        _force(row, replaced)
    line = next(line for line in timeline_of(played).lines if line.name == "Ben")
    assert line.places[2] == 1234


def _force(row, values):
    """Snapshots are append-only in the database: a test puts another in its place."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        StandingSnapshot.objects.filter(pk=row.pk).update(**values)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_curves_are_thinned_evenly(played):
    ada = account("Ada")
    whole = curve_moments(ada, 500)
    thin = curve_moments(ada, 5)
    assert len(thin) == 5
    assert (thin[0], thin[-1]) == (whole[0], whole[-1])
    gaps = np.diff([whole.index(moment) for moment in thin])
    assert gaps.max() - gaps.min() <= 1
    assert curve_moments(10**9, 5) == []
    values = curves_at([ada], [tick for tick, _ in thin])[ada]
    stored = dict(EquityPoint.objects.filter(account_id=ada).values_list("tick", "equity_minor"))
    assert values == [stored[tick] for tick, _ in thin]
    # Between two points the one before holds; before the first there is none.
    assert curves_at([ada], [-5, 10**6])[ada] == [None, stored[19]]


def test_names_are_found(played):
    assert [one.name for one in names_find(played.id, "d")] == [
        name for name in ("Ada", "Cyd", "Dov") if name in {one.name for one in names_find(played.id, "d")}
    ]
    assert {one.name for one in names_find(played.id, " d ")} == {"Ada", "Cyd", "Dov"}
    assert names_find(played.id, "  ") == []
    assert names_find(played.id, "%") == []


def test_the_api_gives_it_all(played):
    api = APIClient()
    url = f"/api/v1/contests/{played.slug}/timeline"
    who = User.objects.get(display_name="Ada")
    api.force_authenticate(who)
    data = api.get(url, {"trades_of": account("Ada")}).json()
    assert (data["me"], data["currency"], data["participants"]) == (account("Ada"), "USD", 4)
    assert data["trades"][0] == {
        "at": data["trades"][0]["at"], "symbol": "AAA", "side": "buy", "quantity": "100",
        "price": data["trades"][0]["price"], "realized": "0.00",
    }  # fmt: skip
    assert len(data["lines"][0]["values_minor"]) == len(data["moments"])
    assert len(data["lines"][0]["places"]) == len(data["closes"]) == 5
    assert [row["name"] for row in api.get(f"{url}/names", {"q": "be"}).json()] == ["Ben"]
    for bad in ({"accounts": "x"}, {"accounts": ",".join(["1"] * 40)}, {"trades_of": "-1"}):
        assert api.get(url, bad).status_code == 400
    assert api.get(f"{url}/names").status_code == 400


def test_a_private_one_is_for_those_in_it_and_with_its_code():
    view = contest(visibility="private", invite_code="secret")
    joined(view, display_name="Ada")
    market_step(market_id=view.market_id, ticks=20)
    contest_end(contest_id=view.id)
    url = f"/api/v1/contests/{view.slug}/timeline"
    assert APIClient().get(url).status_code == 404
    assert APIClient().get(f"{url}/names", {"q": "a"}).status_code == 404
    assert APIClient().get(url, {"invite_code": "secret"}).status_code == 200
    page = f"/contests/{view.slug}/rewatch"
    assert Client().get(page).status_code == 404
    shown = Client().get(f"{page}?code=secret")
    assert shown.status_code == 200
    assert 'data-code="secret"' in shown.content.decode()


def test_the_page_shows_the_end_without_a_script(played, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        page = Client().get(f"/contests/{played.slug}/rewatch").content.decode()
    for words in ("How it ended", "Ada", "Ben", 'type="range"', "Loading the course"):
        assert words in page
    client = Client()
    client.force_login(User.objects.get(display_name="Ben"), backend="accounts.backends.EmailBackend")
    mine = client.get(f"/contests/{played.slug}/rewatch").content.decode()
    assert "is-me" in mine
    assert f'data-one="{account("Ben")}"' in mine
