"""Cards: pictures of the right size, whatever anybody is called; for whom, and for how long they are kept."""

from io import BytesIO

import pytest
from django.test import Client
from PIL import Image

from contests.adapters.share_card import Card, CardRow, card_png, drawable
from contests.models import Contest
from contests.selectors import contest_by_id
from contests.selectors.cards import share_card
from contests.services.closing import contest_end
from contests.tests import factories as make
from core.errors import NotFound
from marketdata.tests.factories import advance
from trading.tests.factories import place

pytestmark = pytest.mark.django_db


@pytest.fixture
def view():
    made = make.contest(name="Spring sprint")
    advance(made.market_id)
    return made


def traded(view, quantity=10, **fields):
    account, who = make.joined(view, **fields)
    place(who, account, "buy", quantity)
    return account


def picture(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def card(name="Ada", title="Spring", **fields):
    row = CardRow(1, name, "person", "1.50", "101,500.00 USD", (100, 120, 150))
    values = {"title": title, "fallback": "spring", "status": "Running", "labels": ("Simulated",), "rows": (row,)}
    return Card(**{**values, "participants": 3, "initial": 100, "is_one": True, **fields})


def test_a_card_of_the_first_three(view):
    for quantity in (10, 20, 30, 40):
        traded(view, quantity)
    advance(view.market_id)
    found = share_card(view)
    assert (found.title, found.participants, len(found.rows)) == ("Spring sprint", 4, 3)
    assert "Replayed prices" in found.labels
    assert [row.rank for row in found.rows] == [1, 2, 3]
    image = picture(card_png(found))
    assert (image.format, image.size, image.mode) == ("PNG", (1200, 630), "RGB")


def test_a_card_of_one_participant(view):
    traded(view, 40)
    account = traded(view, 10, display_name="Ada")
    advance(view.market_id)
    found = share_card(view, account)
    (row,) = found.rows
    assert (row.name, found.is_one) == ("Ada", True)
    assert row.value.endswith(" USD")
    elsewhere = traded_elsewhere()
    for unknown in (999_999, elsewhere):
        with pytest.raises(NotFound):
            share_card(view, unknown)
    contest_end(contest_id=view.id)
    ended = share_card(contest_by_id(view.id), account)
    assert ended.status.startswith("Final standings")
    assert "UTC" in ended.status


def traded_elsewhere():
    other = make.contest()
    advance(other.market_id)
    return traded(other)


@pytest.mark.parametrize(
    "name",
    ["", "W" * 40, "王小明", "हिन्दी", "محمد", "👩‍👩‍👧", "Łukasz Żółw", "Весна", "Ωμέγα", "\u202e\x00\n",
     "e" + "\u0301" * 39, "\ud800"],
    ids=["empty", "wide", "chinese", "hindi", "arabic", "emoji", "polish", "cyrillic", "greek", "control", "stacked",
         "half"],
)  # fmt: skip
def test_no_name_breaks_it(name):
    for is_one in (True, False):
        data = card_png(card(name, name * 10, is_one=is_one, status=name))
        assert picture(data).size == (1200, 630)


def test_odd_figures_do_not_break_it():
    row = CardRow(123_456, "Ada", "agent", "-99999.99", "1,234,567,890,123.00 USD", (5, 5))
    assert picture(card_png(card(rows=(row,) * 3, is_one=False))).size == (1200, 630)
    assert picture(card_png(card(rows=(row,)))).size == (1200, 630)
    assert picture(card_png(card(rows=()))).size == (1200, 630)


def test_the_name_is_in_the_picture():
    """What differs in words differs in pixels, in each of the alphabets that are there."""
    for one, other in (("Ada", "Bob"), ("Ада", "Боб"), ("Ωδα", "Βοβ"), ("Łza", "Żza")):
        assert card_png(card(one)) != card_png(card(other))
    assert drawable("王小明") == drawable("😀") == ""
    assert drawable("Ada 😀 Łoś\n") == "Ada Łoś"
    assert card_png(card("王小明")) == card_png(card("A trader"))


def test_the_address_and_how_long_it_is_kept(view):
    account = traded(view)
    url = f"/contests/{view.slug}/card.png"
    answer = Client().get(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer["Cache-Control"] == "public, max-age=60"
    assert picture(answer.content).size == (1200, 630)
    again = Client().get(url, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    mine = Client().get(f"{url}?account={account}")
    assert mine["ETag"] != answer["ETag"]
    for query in ("?account=999999", "?account=x", "?account=", f"?account={'9' * 30}"):
        assert Client().get(url + query).status_code == 404
    Contest.objects.filter(pk=view.id).update(name="Renamed")
    assert Client().get(url)["ETag"] != answer["ETag"]


def test_private_contests_with_their_code_only():
    hidden = make.contest(visibility="private", invite_code="secret")
    url = f"/contests/{hidden.slug}/card.png"
    assert Client().get(url).status_code == 404
    assert Client().get(f"{url}?code=wrong").status_code == 404
    shown = Client().get(f"{url}?code=secret")
    assert (shown.status_code, shown["Cache-Control"]) == (200, "private, max-age=60")
    draft = make.contest(schedule=False, started=False)
    assert Client().get(f"/contests/{draft.slug}/card.png").status_code == 404
