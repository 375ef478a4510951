"""The API of purchases: from the plan to an account that is open, and a reset, by the sandbox provider."""

import pytest

from marketdata.tests.factories import advance
from payments.adapters.sandbox import checkouts
from payments.models import Payment
from payments.tests.factories import PaymentFactory
from propfirm.models import Affiliate, PropAccount
from propfirm.tests import factories as make
from propfirm.tests.client import api, refused
from trading.tests.factories import user

pytestmark = pytest.mark.django_db
V1 = "/api/v1/prop-firm"
BUY, VERIFY = f"{V1}/checkout/create_session", f"{V1}/checkout/verify_payment"
CHANCE = {"kind": "second_chance", "reset_price": "80", "max_resets": 1}
SPLIT = {"code": "split", "name": "More", "price_percent": "20",
         "patches": [{"phase": "funded", "rule": "payout", "set": {"split_percent": "90"}}]}  # fmt: skip


def post(client, url, body, key="k1"):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(url, body, format="json", headers=headers)


def pay(url):
    checkouts.checkout_pay(url.rsplit("/", 1)[1], "pay")


def test_a_purchase_opens_its_account_when_the_provider_says_so():
    plan = make.plan(make.market(), add_ons=[SPLIT])
    Affiliate.objects.create(user=user(), code="FRIEND", commission_bp=1_000, discount_bp=1_000)
    client = api(user())
    body = {"plan": plan.code, "add_ons": ["split"], "affiliate": "friend", "provider": "sandbox", "total": "0.01"}
    begun = post(client, BUY, body)
    assert begun.status_code == 201, begun.data
    assert (begun.data["total"], begun.data["currency"], begun.data["status"]) == ("108.00", "USD", "requires_action")
    assert post(client, BUY, body).data == begun.data
    asked = {"public_id": str(begun.data["public_id"])}
    waiting = client.post(VERIFY, asked, format="json")
    assert waiting.data == {
        "status": "requires_action", "number": begun.data["number"], "account_status": "pending", "problem": ""
    }  # fmt: skip
    pay(begun.data["url"])
    assert PropAccount.objects.get().status == "pending"
    paid = client.post(VERIFY, asked, format="json").data
    assert (paid["status"], paid["account_status"]) == ("succeeded", "active")
    account = PropAccount.objects.get()
    assert (account.number, account.add_ons, account.affiliate.code) == (begun.data["number"], ["split"], "FRIEND")
    assert client.get(f"{V1}/accounts/{account.number}").data["payment_id"] == asked["public_id"]
    refused(api(user()).post(VERIFY, asked, format="json"), 404, "payment_not_found")
    refused(post(client, BUY, {**body, "add_ons": []}), 409, "idempotency_key_reused")


def test_what_cannot_be_bought_is_refused_and_leaves_nothing():
    plan = make.plan(make.market(), add_ons=[SPLIT])
    client = api(user())
    good = {"plan": plan.code}
    refused(post(client, BUY, good, key=""), 400, "idempotency_key_required")
    for changes, status, code in (
        ({"plan": "none"}, 404, "plan_not_found"),
        ({"plan": "a/b"}, 400, "invalid"),
        ({"add_ons": ["nothing"]}, 400, "unknown_add_on"),
        ({"add_ons": "split+x"}, 400, "invalid"),
        ({"add_ons": ["a"] * 9}, 400, "invalid"),
        ({"affiliate": "nobody"}, 404, "affiliate_unknown"),
        ({"affiliate": "x/../y"}, 400, "invalid"),
        ({"provider": "cash"}, 400, "provider_unknown"),
    ):
        refused(post(client, BUY, {**good, **changes}), status, code)
    refused(post(api(), BUY, good), 401, "not_authenticated")
    refused(post(api(user(clearance=0)), BUY, good), 403, "onboarding_incomplete")
    assert not Payment.objects.exists()


def test_only_purchases_of_the_firm_are_verified_here():
    owner = user()
    other = PaymentFactory(user=owner, kind="plan")
    refused(api(owner).post(VERIFY, {"public_id": str(other.public_id)}, format="json"), 404, "payment_not_found")
    refused(api(owner).post(VERIFY, {"public_id": "x"}, format="json"), 400, "invalid")


def test_a_reset_is_bought_for_ones_own_account_that_ended():
    market = make.market({"AAA": [(100, 100, 94, 94), *[(94, 94, 94, 94)] * 4]})
    account, who = make.prop_account(make.plan(market, evaluation=[make.DAILY, make.MOST, make.TARGET, CHANCE]))
    url, client = f"{V1}/accounts/{account.number}/reset", api(account.owner)
    refused(post(client, url, {}), 409, "account_not_over")
    make.trade(account, who, "buy", 900)
    advance(market.id, 3)
    make.deliver()
    refused(post(api(user()), url, {}), 404, "prop_account_not_found")
    refused(post(api(user(role="moderator")), url, {}), 404, "prop_account_not_found")
    refused(post(client, url, {}, key=""), 400, "idempotency_key_required")
    begun = post(client, url, {"provider": "sandbox"})
    assert begun.status_code == 201, begun.data
    assert (begun.data["total"], begun.data["number"]) == ("80.00", account.number)
    pay(begun.data["url"])
    paid = client.post(VERIFY, {"public_id": str(begun.data["public_id"])}, format="json").data
    assert (paid["status"], paid["number"], paid["account_status"]) == ("succeeded", account.number, "active")
    assert len(client.get(f"{V1}/accounts/{account.number}").data["phases"]) == 2


def test_the_webhook_of_the_first_brief_answers_as_payments_own():
    told = []
    for name in ("webhooks", "prop-firm/webhook"):
        answer = api().post(f"/api/v1/{name}/sandbox", b"{}", content_type="application/json")
        told.append((answer.status_code, answer.data["code"]))
    assert told == [(400, "signature_missing")] * 2
    assert api().post("/api/prop-firm/webhook/stripe/", b"{}", content_type="application/json").status_code == 503
