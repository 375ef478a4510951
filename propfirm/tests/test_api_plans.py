"""The API of plans and odds: what anyone sees before buying."""

import pytest

from propfirm.services.plans import plan_draft, plan_withdraw
from propfirm.tests import factories as make
from propfirm.tests.client import api, refused
from trading.domain.types import SYSTEM
from trading.tests.factories import user

pytestmark = pytest.mark.django_db
V1 = "/api/v1/prop-firm"
SWING = {"code": "swing", "name": "Weekends", "price_percent": "12.5",
         "patches": [{"phase": "step-1", "rule": "daily_loss", "set": {"remove": True}}]}  # fmt: skip


def test_plans_are_listed_for_anyone_in_a_bounded_number_of_statements(django_assert_num_queries):
    dear = make.plan(price="200", add_ons=[SWING])
    cheap = make.plan(price="100")
    plan_draft(actor=SYSTEM, document=make.document())
    with django_assert_num_queries(1):
        found = api().get(f"{V1}/plans?pageSize=10").data
    assert [row["code"] for row in found["results"]] == [cheap.code, dear.code]
    assert (found["total"], found["next"]) == (2, None)
    row = found["results"][1]
    assert (row["size"], row["price"], row["total"], row["currency"]) == ("100000.00", "200.00", "200.00", "USD")
    assert row["add_ons"] == [{"code": "swing", "name": "Weekends", "about": "", "price": "25.00"}]
    assert [phase["kind"] for phase in row["phases"]] == ["evaluation", "funded"]
    assert row["phases"][0]["figures"][0]["label"] == "Profit target"


def test_a_plan_by_its_code_with_add_ons_and_a_version_by_its_id():
    plan = make.plan(price="200", add_ons=[SWING])
    url = f"{V1}/plans/{plan.code}"
    plain, chosen = api().get(url).data, api().get(f"{url}?add_ons=swing,swing").data
    assert (chosen["total"], chosen["chosen"]) == ("225.00", ["swing"])
    assert len(chosen["phases"][0]["rules"]) == len(plain["phases"][0]["rules"]) - 1
    refused(api().get(f"{url}?add_ons=nothing"), 400, "unknown_add_on")
    refused(api().get(f"{V1}/plans/none"), 404, "plan_not_found")
    plan_withdraw(actor=SYSTEM, plan_id=plan.pk, reason="Test")
    refused(api().get(url), 404, "plan_not_found")
    kept = api().get(f"{V1}/plans/{plan.pk}").data
    assert (kept["code"], kept["status"], kept["hash"]) == (plan.code, "withdrawn", plan.hash)
    draft = plan_draft(actor=SYSTEM, document=make.document())
    refused(api().get(f"{V1}/plans/{draft.pk}"), 404, "plan_not_found")
    refused(api().post(f"{url}/odds", {"preset": "swing"}, format="json"), 409, "plan_withdrawn")


def test_odds_are_asked_for_by_anyone_and_are_the_same_for_the_same_seed():
    plan = make.plan(price="200", add_ons=[SWING])
    url = f"{V1}/plans/{plan.code}/odds"
    body = {"preset": "day-trader", "payoff": 1.5, "add_ons": ["swing"], "paths": 500, "horizon_days": 20}
    first, again = (api().post(url, body, format="json") for _ in range(2))
    assert first.status_code == 200, first.data
    assert first.data == again.data
    assert (first.data["plan"], first.data["paths"], first.data["add_ons"]) == (plan.code, 500, ["swing"])
    assert first.data["cost"]["value"] == "225.00"
    assert 0 <= first.data["funded"]["low"] <= first.data["funded"]["value"] <= first.data["funded"]["high"] <= 1
    assert first.data["trading"]["payoff"] == 1.5
    other = api().post(url, {**body, "seed": 2}, format="json").data
    assert other["funded"] != first.data["funded"] or other["ends"] != first.data["ends"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "odds_style_invalid"),
        ({"preset": "nobody"}, 400, "odds_style_invalid"),
        ({"preset": "swing", "payoff": "NaN"}, 400, "odds_style_invalid"),
        ({"preset": "swing", "payoff": 10**400}, 400, "invalid"),
        ({"preset": "swing", "payoff": [1]}, 400, "invalid"),
        ({"preset": "swing", "paths": 10**9}, 400, "invalid"),
        ({"preset": "swing", "horizon_days": 0}, 400, "invalid"),
        ({"preset": "swing", "max_resets": 6}, 400, "invalid"),
        ({"preset": "swing", "add_ons": ["nothing"]}, 400, "unknown_add_on"),
        ({"preset": "own"}, 400, "no_history"),
    ],
)
def test_what_cannot_be_simulated_is_refused(body, status, code):
    refused(api().post(f"{V1}/plans/{make.plan().code}/odds", body, format="json"), status, code)


def test_ones_own_trades_must_be_enough_to_say_something():
    answer = api(user()).post(f"{V1}/plans/{make.plan().code}/odds", {"preset": "own"}, format="json")
    refused(answer, 400, "no_history")
    assert answer.data["details"] == {"trades": 0}
