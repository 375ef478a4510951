"""The agents API."""

import pytest
from rest_framework.test import APIClient

from ai_strategies.models import AgentSeat
from ai_strategies.tests.factories import agent, arena
from contests.tests.factories import joined
from marketdata.services.ticks import market_step

pytestmark = pytest.mark.django_db
BASE = "/api/v1"


def get(path: str):
    return APIClient().get(BASE + path)


def test_everyone_sees_agents_strategies_and_decisions():
    steady, chance = agent("buy_and_hold", bio="Buys and waits."), agent("random", params={"chance_pct": 100})
    view = arena(steady, chance)
    account = AgentSeat.objects.get(agent=steady).account_id
    assert get(f"/trading/strategy/{account}").data["tick"] is None
    market_step(market_id=view.market_id, ticks=3)
    listed = get("/agents").data
    assert [item["key"] for item in listed["results"]] == [steady.key, chance.key]
    shown = get(f"/agents/{steady.pk}").data
    assert (shown["strategy"], shown["bio"]) == ("buy_and_hold", "Buys and waits.")
    assert shown["seats"][0]["account_id"] == account
    assert shown["parameters"][0]["name"] == "invested_pct"
    latest = get(f"/trading/strategy/{account}").data
    assert (latest["tick"], latest["actions"]) == (2, [])
    assert "Holding 2 positions" in latest["note"]
    history = get(f"/trading/strategies/{account}?pageSize=2").data
    assert ([turn["tick"] for turn in history["results"]], history["total"]) == ([2, 1], 3)
    first = get(f"/trading/strategies/{account}?page=3&pageSize=1").data["results"][0]
    assert [(item["action"], item["status"]) for item in first["actions"]] == [("BUY", "filled")] * 2
    assert {item["ticker"] for item in first["actions"]} == {"AAA", "BBB"}
    made = get(f"/contests/{view.slug}/decisions").data
    assert "hold" not in {item["action"] for item in made["results"]}
    everything = get(f"/contests/{view.slug}/decisions?holds=true&account={account}").data
    assert everything["total"] == 4
    assert all(item["reason"] for item in everything["results"])


def test_what_is_not_there():
    view = arena(agent())
    person, _ = joined(view)
    for path in (f"/trading/strategy/{person}", "/trading/strategies/999", "/agents/999"):
        answer = get(path)
        assert (answer.status_code, answer.data["code"]) == (404, "agent_not_found")
    assert get("/contests/nowhere/decisions").data["code"] == "contest_not_found"
    assert get(f"/contests/{view.slug}/decisions?account=x").status_code == 400
