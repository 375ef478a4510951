"""A person's lists: their own only, bounded, in their order."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.tests.factories import UserFactory
from core.errors import Conflict
from marketdata.models import Watchlist, WatchlistItem
from marketdata.selectors.watchlists import watchlists_of
from marketdata.services import watchlists
from marketdata.tests.factories import InstrumentFactory

URL = "/api/v1/core/watchlists"


@pytest.fixture
def person():
    return UserFactory()


@pytest.fixture
def api(person):
    client = APIClient()
    client.force_authenticate(person)
    return client


def refusal(response, status, code):
    assert response.status_code == status
    assert (response.json()["code"], set(response.json())) == (code, {"code", "message", "details"})


@pytest.mark.django_db
def test_a_list_from_its_making_to_its_end(api):
    one, two, three = (InstrumentFactory(symbol=symbol) for symbol in ("ONE", "TWO", "THREE"))
    made = api.post(URL, {"name": "  My   list "}, format="json")
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["items"], made.json()["position"]) == ("My list", [], 0)
    place = f"{URL}/{made.json()['id']}"
    for asset in ("one", "TEST:TWO", str(three.pk), "ONE"):
        body = api.post(f"{place}/items", {"asset": asset}, format="json").json()
    assert [item["symbol"] for item in body["items"]] == ["ONE", "TWO", "THREE"]
    order = [three.pk, one.pk, two.pk]
    body = api.put(f"{place}/items", {"items": order}, format="json").json()
    assert [item["id"] for item in body["items"]] == order
    assert api.get(place).json() == body == api.get(URL).json()[0]
    body = api.delete(f"{place}/items/{one.pk}").json()
    assert [item["id"] for item in body["items"]] == [three.pk, two.pk]
    assert api.delete(f"{place}/items/{one.pk}").json() == body
    assert api.patch(place, {"name": "Other"}, format="json").json()["name"] == "Other"
    assert api.patch(place, {"name": "OTHER"}, format="json").json()["name"] == "OTHER"
    assert api.post(f"{place}/items", {"asset": "ONE"}, format="json").json()["items"][-1]["symbol"] == "ONE"
    assert api.delete(place).status_code == 204
    assert (Watchlist.objects.count(), WatchlistItem.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_lists_are_their_owners_only(api):
    theirs = watchlists.watchlist_create(actor=UserFactory(), name="Theirs")
    found = InstrumentFactory()
    place = f"{URL}/{theirs.id}"
    answers = [
        api.get(place),
        api.patch(place, {"name": "Mine"}, format="json"),
        api.delete(place),
        api.post(f"{place}/items", {"asset": found.symbol}, format="json"),
        api.put(f"{place}/items", {"items": []}, format="json"),
        api.delete(f"{place}/items/{found.pk}"),
    ]
    for answer in answers:
        refusal(answer, 404, "unknown_watchlist")
    assert api.get(URL).json() == []
    assert Watchlist.objects.get().name == "Theirs"
    refusal(APIClient().get(URL), 401, "not_authenticated")
    refusal(APIClient().post(URL, {"name": "x"}, format="json"), 401, "not_authenticated")


@pytest.mark.django_db
def test_refusals(api):
    place = f"{URL}/{api.post(URL, {'name': 'A'}, format='json').json()['id']}"
    refusal(api.post(URL, {"name": "a"}, format="json"), 409, "name_taken")
    other = f"{URL}/{api.post(URL, {'name': 'B'}, format='json').json()['id']}"
    refusal(api.patch(other, {"name": "A"}, format="json"), 409, "name_taken")
    for name in ("", "   ", "x" * 61, None, ["x"], "\u0000"):
        refusal(api.post(URL, {"name": name}, format="json"), 400, "invalid")
    refusal(api.post(URL, {"name": "a\u202eb"}, format="json"), 400, "bad_name")
    refusal(api.post(f"{place}/items", {"asset": "NONE"}, format="json"), 404, "unknown_symbol")
    refusal(api.post(f"{place}/items", {}, format="json"), 400, "invalid")
    one, two = InstrumentFactory(), InstrumentFactory()
    api.post(f"{place}/items", {"asset": one.symbol}, format="json")
    for items in ([], [two.pk], [one.pk, one.pk], [one.pk, two.pk]):
        refusal(api.put(f"{place}/items", {"items": items}, format="json"), 409, "items_differ")
    refusal(api.put(f"{place}/items", {"items": "no"}, format="json"), 400, "invalid")
    refusal(api.put(f"{place}/items", {"items": [1] * 201}, format="json"), 400, "invalid")


@pytest.mark.django_db
def test_lists_and_what_is_on_them_are_bounded(api, person, monkeypatch):
    monkeypatch.setattr(watchlists, "MAX_LISTS", 3)
    monkeypatch.setattr(watchlists, "MAX_ITEMS", 2)
    places = [api.post(URL, {"name": f"List {n}"}, format="json").json()["id"] for n in range(3)]
    refusal(api.post(URL, {"name": "One more"}, format="json"), 409, "too_many_lists")
    rows = [InstrumentFactory() for _ in range(3)]
    for row in rows[:2]:
        api.post(f"{URL}/{places[0]}/items", {"asset": row.symbol}, format="json")
    refusal(api.post(f"{URL}/{places[0]}/items", {"asset": rows[2].symbol}, format="json"), 409, "too_many_items")
    assert api.post(f"{URL}/{places[0]}/items", {"asset": rows[0].symbol}, format="json").status_code == 200
    api.delete(f"{URL}/{places[1]}")
    assert api.post(URL, {"name": "One more"}, format="json").json()["position"] == 3
    assert [view.name for view in watchlists_of(person.pk)] == ["List 0", "List 2", "One more"]


@pytest.mark.django_db
def test_the_number_of_questions_does_not_grow_with_the_lists(api, django_assert_num_queries):
    for number in range(5):
        place = api.post(URL, {"name": f"List {number}"}, format="json").json()["id"]
        for _ in range(3):
            api.post(f"{URL}/{place}/items", {"asset": InstrumentFactory().symbol}, format="json")
    with django_assert_num_queries(2):
        assert sum(len(row["items"]) for row in api.get(URL).json()) == 15


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_do_not_pass_the_bound(monkeypatch):
    monkeypatch.setattr(watchlists, "MAX_LISTS", 1)
    person = UserFactory()

    def make(number):
        try:
            return watchlists.watchlist_create(actor=person, name=f"List {number}").name
        except Conflict as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = sorted(pool.map(make, range(4)))
    assert results[1:] == ["too_many_lists"] * 3
    assert Watchlist.objects.count() == 1
