"""The API of accounts: whose they are, what they show, and that looking at one judges it as a tick would."""

import pytest

from core import throttling
from marketdata.selectors import market_clock
from marketdata.tests.factories import advance
from propfirm.models import PropActivity, PropDispute
from propfirm.tests import factories as make
from propfirm.tests.client import api, refused
from trading.models import Account, Verdict
from trading.tests.factories import user

pytestmark = pytest.mark.django_db
V1 = "/api/v1/prop-firm/accounts"
PARTS = (
    "",
    "/activities",
    "/violations",
    "/statistics",
    "/objectives",
    "/equity",
    "/floors",
    "/rules",
    "/disputes",
    "/payouts",
)
CHANCE = {"kind": "second_chance", "free_retries": 1}
LIMIT = {"kind": "time_limit", "days": 1}


def test_a_list_holds_ones_own_accounts_in_a_bounded_number_of_statements(django_assert_num_queries):
    market = make.market()
    plan, owner = make.plan(market, max_accounts=10), user()
    numbers = [make.prop_account(plan, owner)[0].number for _ in range(3)]
    make.prop_account(plan)
    client = api(owner)
    with django_assert_num_queries(2):
        found = client.get(f"{V1}?pageSize=10").data
    assert [row["number"] for row in found["results"]] == numbers[::-1]
    assert found["total"] == 3
    row = found["results"][0]
    assert (row["plan"]["code"], row["status"], row["phase"], row["size"]) == (
        plan.code, "active", "Step 1", "100000.00"
    )  # fmt: skip
    assert (row["equity"], row["profit"]) == ("100000.00", "0.00")
    assert client.get(f"{V1}?status=failed").data["total"] == 0
    assert client.get(f"{V1}?status=odd").status_code == 400
    refused(api().get(V1), 401, "not_authenticated")


def test_an_account_is_its_owners_and_an_operators_and_for_others_it_is_not_there():
    account, _ = make.prop_account(make.plan(make.market()))
    for part in PARTS:
        url = f"{V1}/{account.number}{part}"
        assert api(account.owner).get(url).status_code == 200, part
        assert api(user(role="moderator")).get(url).status_code == 200, part
        refused(api(user()).get(url), 404, "prop_account_not_found")
        refused(api().get(url), 401, "not_authenticated")
    for part in ("refresh_balance", "retry", "disputes"):
        sent = {"verdict_id": 1, "body": "This is not what happened."}
        refused(api(user()).post(f"{V1}/{account.number}/{part}", sent, format="json"), 404, "prop_account_not_found")
    for part in ("retry", "disputes", "reset"):
        answer = api(user(role="admin")).post(f"{V1}/{account.number}/{part}", {}, format="json")
        refused(answer, 404, "prop_account_not_found")


def test_an_account_with_its_phase_its_rules_and_its_curve():
    market = make.market()
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 100)
    advance(market.id, 2)
    client, url = api(account.owner), f"{V1}/{account.number}"
    found = client.get(url).data
    trading_id = make.phase_of(account).trading_account_id
    assert (found["trading_account_id"], found["phases"][0]["trading_account_id"]) == (trading_id, trading_id)
    assert (found["balance"], found["equity"], found["lock_reason"]) == ("100000.00", "100000.00", "")
    kinds = [item["kind"] for item in found["objectives"]]
    assert kinds == ["target", "limit", "limit"]
    objectives = client.get(f"{url}/objectives").data
    assert objectives["objectives"] == found["objectives"]
    assert (objectives["objectives"][0]["line"], objectives["objectives"][0]["distance"]) == ("110000.00", "10000.00")
    assert client.get(f"{url}/rules").data["account_id"] == trading_id
    curve = client.get(f"{url}/equity?interval=day").data
    assert (len(curve), curve[0]["equity"]) == (1, "100000.00")
    assert len(client.get(f"{url}/equity?limit=1&phase={found['phases'][0]['id']}").data) == 1
    refused(client.get(f"{url}/equity?phase=1"), 404, "phase_not_found")
    assert client.get(f"{url}/equity?limit=0").status_code == 400
    floors = client.get(f"{url}/floors").data["results"]
    assert {(row["rule_key"], row["reference"], row["floor"]) for row in floors} == {
        ("daily_loss", "100000.00", "95000.00"), ("max_loss", "100000.00", "90000.00"),
    }  # fmt: skip
    refused(client.get(f"{url}/floors?phase=1"), 404, "phase_not_found")
    told = client.get(f"{url}/statistics").data
    assert (told["phases_traded"], told["phases_passed"], told["performance"]["fills"]) == (1, 0, 1)
    assert [row["kind"] for row in client.get(f"{url}/activities").data["results"]][-1] == "bought"


def test_refreshing_judges_under_the_rules_once_and_at_the_prices_in_force():
    market = make.market({"AAA": [(100, 100, 100, 100), (94, 94, 94, 94), (94,) * 4]})
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 800)
    client, url = api(account.owner), f"{V1}/{account.number}/refresh_balance"
    calm = client.post(url).data
    assert (calm["balance"], calm["equity"], calm["verdicts"]) == ("100000.00", "100000.00", [])
    advance(market.id, 4)  # 4,800.00 of the 5,000.00 that may be lost
    near = client.post(url).data
    assert (near["equity"], near["profit"], near["status"]) == ("95200.00", "-4800.00", "active")
    limits = {item["key"]: item for item in near["objectives"]}
    assert (limits["daily_loss"]["distance"], limits["daily_loss"]["percent"]) == ("200.00", 96)
    assert near["at"] == market_clock(market.id).at
    kinds = list(Verdict.objects.values_list("kind", flat=True))
    assert client.post(url).data["verdicts"] == []
    assert list(Verdict.objects.values_list("kind", flat=True)) == kinds


def test_refreshing_and_objecting_have_a_limit(monkeypatch):
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"comments": "3/min"})
    account, _ = make.prop_account(make.plan(make.market()))
    client, url = api(account.owner), f"{V1}/{account.number}"
    assert [client.post(f"{url}/refresh_balance").status_code for _ in range(5)][2:] == [200, 429, 429]
    body = {"verdict_id": 1, "body": "Nothing has ended yet."}
    answers = [client.post(f"{url}/disputes", body, format="json").status_code for _ in range(5)]
    assert answers[2:] == [409, 429, 429]


def test_a_breach_that_no_tick_has_shown_yet_is_found_by_refreshing():
    account, who = make.prop_account(make.plan(make.market()))
    make.trade(account, who, "buy", 10)
    Account.objects.filter(pk=make.phase_of(account).trading_account_id).update(cash_minor=80_000_00)
    found = api(account.owner).post(f"{V1}/{account.number}/refresh_balance").data
    assert "fail" in [item["kind"] for item in found["verdicts"]]
    assert Verdict.objects.filter(kind="fail").count() == 1
    make.deliver()
    account.refresh_from_db()
    assert account.status == "failed"


def test_what_ended_an_account_is_shown_and_may_be_objected_to_once():
    _, account, _ = make.failed()
    client, url = api(account.owner), f"{V1}/{account.number}"
    [row] = client.get(f"{url}/violations").data["results"]
    assert (row["kind"], row["rule_key"]) == ("fail", "daily_loss")
    assert client.get(row["evidence_url"]).data["id"] == row["id"]
    body = {"verdict_id": row["id"], "body": "The price of AAA was wrong at that moment."}
    refused(client.post(f"{url}/disputes", {**body, "body": "No."}, format="json"), 400, "dispute_invalid")
    refused(client.post(f"{url}/disputes", {**body, "verdict_id": 0}, format="json"), 400, "invalid")
    refused(client.post(f"{url}/disputes", {**body, "verdict_id": 9**9}, format="json"), 409, "not_the_ending_verdict")
    boss = api(user(role="moderator"))
    refused(boss.post(f"{url}/disputes", body, format="json"), 404, "prop_account_not_found")
    made = client.post(f"{url}/disputes", body, format="json")
    assert (made.status_code, made.data["status"], made.data["note"]) == (201, "open", "")
    refused(client.post(f"{url}/disputes", body, format="json"), 409, "dispute_exists")
    PropDispute.objects.update(note="What one of two thinks.", status="assessed")
    [told] = client.get(f"{url}/disputes").data["results"]
    assert (told["id"], told["status"], told["note"]) == (made.data["id"], "assessed", "")
    before = PropActivity.objects.count()
    ended = client.post(f"{url}/refresh_balance").data
    assert (ended["status"], ended["verdicts"]) == ("failed", [])
    assert PropActivity.objects.count() == before
    refused(client.post(f"{url}/retry"), 409, "no_free_retry")


def test_lists_of_an_account_cost_a_bounded_number_of_statements(django_assert_num_queries):
    _, account, _ = make.failed()
    client, url = api(account.owner), f"{V1}/{account.number}"
    for part in ("activities", "violations", "disputes"):
        with django_assert_num_queries(2 if part == "disputes" else 3):
            client.get(f"{url}/{part}")


def test_a_phase_whose_time_ran_out_in_profit_is_tried_again_free():
    market = make.market({"AAA": [(100, 100, 100, 100), *[(101, 101, 101, 101)] * 6]})
    plan = make.plan(market, evaluation=[make.DAILY, make.MOST, make.TARGET, CHANCE, LIMIT])
    account, who = make.prop_account(plan)
    client, url = api(account.owner), f"{V1}/{account.number}/retry"
    refused(client.post(url), 409, "account_not_over")
    make.trade(account, who, "buy", 100)
    advance(market.id, 4)
    make.trade(account, who, "sell", 100)
    advance(market.id, 4)
    make.deliver()
    again = client.post(url)
    assert again.status_code == 200, again.data
    assert (again.data["status"], [phase["attempt"] for phase in again.data["phases"]]) == ("active", [1, 2])


def test_the_addresses_of_the_first_brief_answer():
    client = api(user())
    assert client.get("/api/account/profile/").status_code == 200
    assert client.get("/api/prop-firm/accounts/").data["total"] == 0
    refused(client.get("/api/core/assets/NONE/candles_v2/"), 404, "unknown_symbol")
