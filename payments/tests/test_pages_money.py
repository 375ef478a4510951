"""Pages of plans, buying, billing and payouts."""

import pytest
from django.test import Client

from accounts.tests.factories import UserFactory
from payments.adapters.sandbox import checkouts
from payments.models import Invoice, Payment
from payments.services.plans import plans_sync
from payments.services.sandbox import events_deliver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plans(db):
    plans_sync()


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def browser(user):
    client = Client()
    client.force_login(user)
    return client


def text(response):
    return response.content.decode()


def test_pricing_is_open_to_all_and_says_that_no_money_moves(client):
    page = text(client.get("/pricing"))
    assert "SANDBOX" in page
    assert "29.00 USD" in page
    assert "290.00 USD" in text(client.get("/pricing?interval=year"))
    assert "1,499.00 INR" in text(client.get("/pricing?currency=INR"))


def test_without_a_provider_it_says_what_is_missing(client, settings):
    settings.SANDBOX_PAYMENTS = False
    page = text(client.get("/pricing"))
    assert "not set up on this site" in page
    assert "Choose Pro" not in page


def buy(browser, price="pro-1-usd-month", key="k1"):
    answer = browser.post(f"/checkout/plan/{price}", {"provider": "sandbox", "idempotency_key": key})
    assert answer.status_code == 302, text(answer)
    return answer.headers["Location"].rsplit("/", 1)[1]


def test_from_pricing_to_a_plan_and_its_papers(browser, user):
    assert "Pay 29.00 USD" in text(browser.get("/checkout/plan/pro-1-usd-month"))
    ref = buy(browser)
    payment = Payment.objects.get()
    back = f"/checkout/return/{payment.public_id}"
    assert "Waiting for the provider" in text(browser.get(back))
    checkouts.checkout_pay(ref, "pay")
    assert "is yours" in text(browser.get(back))  # the page asks the provider itself
    page = text(browser.get("/billing"))
    assert "It renews" in page
    number = Invoice.objects.get().number
    paper = browser.get(f"/billing/invoices/{number}.pdf")
    assert paper.content.startswith(b"%PDF")
    assert text(browser.get(f"/billing/payments/{payment.public_id}")).count("<li><strong>") >= 3
    other = Client()
    other.force_login(UserFactory())
    for path in (back, f"/billing/payments/{payment.public_id}", f"/billing/invoices/{number}.pdf"):
        assert other.get(path).status_code == 404
    assert "You have a plan already" in text(browser.get("/checkout/plan/elite-1-usd-month"))


def test_two_clicks_are_one_payment_and_so_are_two_tabs(browser):
    assert buy(browser) == buy(browser) == buy(browser, key="another-tab")
    assert Payment.objects.count() == 1


def test_change_end_and_go_on(browser):
    checkouts.checkout_pay(buy(browser), "pay")
    events_deliver()
    page = text(browser.get("/billing"))
    assert "Upgrade to Elite" in page
    assert "Change to Basic" in page
    browser.post("/billing/change", {"price": "elite-1-usd-month", "idempotency_key": "c1"})
    events_deliver()
    assert '<p class="plan-now">Elite</p>' in text(browser.get("/billing"))
    assert Payment.objects.filter(title="Elite, monthly: change of plan", status="succeeded").count() == 1
    browser.post("/billing/change", {"price": "basic-1-usd-month", "idempotency_key": "c2"})
    assert "as Basic" in text(browser.get("/billing"))
    browser.post("/billing/cancel", {"idempotency_key": "c3"})
    assert "does not renew" in text(browser.get("/billing"))
    browser.post("/billing/resume", {"idempotency_key": "c4"})
    assert "It renews" in text(browser.get("/billing"))
    assert browser.post("/billing/portal").headers["Location"].startswith("http")


def test_lists_take_few_queries(browser, django_assert_max_num_queries, user):
    from payments.tests.factories import PaymentFactory

    for index in range(20):
        PaymentFactory(user=user, reference=f"r{index}")
    with django_assert_max_num_queries(22):
        browser.get("/billing")
    with django_assert_max_num_queries(16):
        browser.get("/payouts")
    assert browser.get("/payouts/payee").status_code == 200
    assert browser.get("/payouts/statement.csv").status_code == 200
    assert browser.get("/payouts/statement.pdf").content.startswith(b"%PDF")


def test_a_page_that_was_left_says_so_and_can_be_given_up(browser):
    buy(browser)
    payment = Payment.objects.get()
    back = f"/checkout/return/{payment.public_id}"
    assert "You left the page" in text(browser.get(f"{back}?cancelled=1"))
    browser.post(f"/checkout/cancel/{payment.public_id}")
    assert "Not paid in time" in text(browser.get(back))
    payment.refresh_from_db()
    assert payment.status == "expired"
