"""The contests API: who may do what, and what bad input gets."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from contests import selectors
from contests.models import Contest
from contests.tests.factories import bars_load, contest, joined
from marketdata.services.ticks import market_step
from trading.tests.factories import place, user

pytestmark = pytest.mark.django_db


def client(who: User | None = None) -> APIClient:
    made = APIClient()
    if who is not None:
        made.force_authenticate(who)
    return made


def operator() -> APIClient:
    return client(user(role=User.Role.ADMIN))


def body(**fields):
    return {"slug": "spring", "name": "Spring sprint", "market": bars_load(), "initial_balance": "50000.00", **fields}


def test_an_operator_makes_and_runs_a_contest():
    boss = operator()
    made = boss.post("/api/v1/contests", body(constraints={"max_position_pct": "25"}), format="json")
    assert made.status_code == 201, made.data
    assert (made.data["status"], made.data["initial_balance"]) == ("draft", "50000.00")
    assert len(made.data["definition_hash"]) == 64
    assert client().get("/api/v1/contests/spring").status_code == 404
    assert boss.post("/api/v1/contests/spring/start", {}, format="json").data["code"] == "contest_state"
    for verb, status in (("schedule", "scheduled"), ("start", "active"), ("pause", "paused"), ("resume", "active")):
        moved = boss.post(f"/api/v1/contests/spring/{verb}", {"reason": "test"}, format="json")
        assert (moved.status_code, moved.data["status"]) == (200, status)
    status = client().get("/api/v1/contests/spring/status").data
    assert (status["is_running"], status["clock"]["tick"], status["clock"]["ticks_total"]) == (True, -1, 20)
    assert boss.post("/api/v1/contests/spring/end", {}, format="json").data["status"] == "ended"
    assert boss.post("/api/v1/contests", body(), format="json").status_code == 409


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"market": {}}, 400, "invalid"),
        ({"market": None}, 400, "invalid"),
        ({"slug": "Not A Slug"}, 400, "invalid_contest"),
        ({"name": ""}, 400, "invalid"),
        ({"initial_balance": "NaN"}, 400, "invalid_amount"),
        ({"initial_balance": "-1"}, 400, "invalid_contest"),
        ({"initial_balance": "1e99"}, 400, "invalid_contest"),
        ({"currency": "EUR"}, 400, "invalid_contest"),
        ({"capacity": -5}, 400, "invalid_contest"),
        ({"capacity": 10**30}, 400, "invalid_contest"),
        ({"visibility": "private"}, 400, "invite_code_needed"),
        ({"constraints": {"max_position_pct": "a lot"}}, 400, "invalid_constraints"),
        ({"agents": ["nobody"]}, 400, "unknown_agent"),
        ({"allowed_symbols": ["ZZZ"]}, 400, "unknown_symbol"),
        ({"agent_interval_minutes": 0}, 400, "invalid_contest"),
        ({"ends_at": "2026-01-01T00:00:00Z"}, 400, "invalid_contest"),
    ],
)
def test_bad_input_has_its_code_and_changes_nothing(fields, status, code):
    answer = operator().post("/api/v1/contests", body(**fields), format="json")
    assert (answer.status_code, answer.data["code"]) == (status, code), answer.data
    assert set(answer.data) == {"code", "message", "details"}
    assert not Contest.objects.exists()


def test_only_operators_make_and_move():
    view = contest()
    for who, status in ((client(), 401), (client(user()), 403)):
        assert who.post("/api/v1/contests", body(), format="json").status_code == status
        for verb in ("schedule", "start", "pause", "resume", "cancel", "end"):
            assert who.post(f"/api/v1/contests/{view.slug}/{verb}", {}, format="json").status_code == status
        for verb in ("start", "pause", "resume"):
            assert who.post(f"/api/v1/competition/{verb}").status_code == status
    assert selectors.contest_by_id(view.id).status == "active"


def test_people_list_look_and_join():
    view = contest()
    private = contest(visibility="private", invite_code="secret")
    person = client(user())
    listed = person.get("/api/v1/contests?status=active,paused&pageSize=10").data
    assert [item["slug"] for item in listed["results"]] == [view.slug]
    assert (listed["total"], listed["next"]) == (1, None)
    assert client().post(f"/api/v1/contests/{view.slug}/join", {}, format="json").status_code == 401
    first = person.post(f"/api/v1/contests/{view.slug}/join", {}, format="json")
    again = person.post(f"/api/v1/contests/{view.slug}/join", {}, format="json")
    assert (first.status_code, first.data) == (201, again.data)
    assert person.get(f"/api/v1/contests/{view.slug}").data["account_id"] == first.data["account_id"]
    assert person.get(f"/api/v1/contests/{private.slug}").status_code == 404
    assert person.get(f"/api/v1/contests/{private.slug}?invite_code=secret").status_code == 200
    wrong = person.post(f"/api/v1/contests/{private.slug}/join", {"invite_code": "no"}, format="json")
    assert (wrong.status_code, wrong.data["code"]) == (403, "invite_code_wrong")
    assert person.post("/api/v1/contests/nowhere/join", {}, format="json").data["code"] == "contest_not_found"
    assert "secret" not in str(operator().get(f"/api/v1/contests/{private.slug}").data)


def test_the_leaderboard_is_paged_and_finds_you():
    view = contest()
    market_step(market_id=view.market_id, ticks=1)
    people = [joined(view) for _ in range(5)]
    for number, (account, who) in enumerate(people):
        place(who, account, "buy", 100 * (number + 1))
    market_step(market_id=view.market_id, ticks=2)
    url = f"/api/v1/contests/{view.slug}/leaderboard"
    page = client().get(f"{url}?pageSize=2").data
    assert [row["rank"] for row in page["results"]] == [1, 2]
    assert (page["total"], page["next"], page["ranked"], page["is_final"]) == (5, 2, 5, False)
    assert page["results"][0]["account_id"] == people[-1][0]
    last = client().get(f"{url}?pageSize=2&page=3").data
    assert ([row["rank"] for row in last["results"]], last["next"]) == ([5], None)
    me = client(User.objects.get(pk=people[0][1].user_id)).get(f"{url}?around=me&pageSize=3").data
    assert people[0][0] in {row["account_id"] for row in me["results"]}
    assert client().get(f"{url}?around=me").data["code"] == "not_joined"
    for query in ("page=0", "pageSize=1000", "around=you", "page=x"):
        assert client().get(f"{url}?{query}").status_code == 400


def test_the_arena_of_the_first_brief():
    assert client().get("/api/v1/competition/status").data["code"] == "no_arena"
    view = contest(slug="arena", is_featured=True, started=False)
    boss = operator()
    assert boss.post("/api/v1/competition/start").data["status"] == "active"
    assert boss.post("/api/v1/competition/pause").data["is_paused"] is True
    assert boss.post("/api/v1/competition/resume").data["is_running"] is True
    shown = client().get("/api/v1/competition/status").data
    assert (shown["contest"], shown["trading_interval_minutes"]) == (view.slug, 10)
