"""Money in a browser, without any key: a plan is bought in the sandbox, used, refunded by finance, and gone."""

import re

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from accounts.services.roles import roles_sync
from accounts.tests.factories import UserFactory
from core.services.books import verify
from marketdata.models import Market
from marketdata.tests.live import exchanges, simulated, step, tell
from payments.models import Payment
from payments.services.dunning import subscriptions_tidy
from payments.services.plans import plans_sync
from payments.services.reconciliation import reconcile_all
from payments.tests.factories_payouts import approved, payable
from tests.browser.axe import shot
from tests.browser.people import PASSWORD, arrive, is_complaint, sign_in
from trading.services.practice import SIMULATED

pytestmark = pytest.mark.browser


@pytest.fixture
def page(context, live_server, transactional_db, settings):
    """A page that tolerates no complaint in the console."""
    settings.SITE_URL = live_server.url
    settings.REQUIRE_STAFF_MFA = False
    plans_sync()
    roles_sync()
    exchanges()
    stock = simulated("SIMA")[0]
    call_command("setup_practice")
    tell(stock, 100)
    step(Market.objects.get(slug=SIMULATED))
    found = context.new_page()
    complaints: list[str] = []

    def console(line):
        if is_complaint(line) and "/admin" not in found.url:
            complaints.append(f"{found.url}: {line.text}")

    found.on("console", console)
    yield found
    assert not complaints


def buys(page: Page, words: str) -> None:
    """Sends an order for one share from the practice account, and reads what became of it."""
    page.get_by_label("Quantity").fill("1")
    page.locator(".ticket-submit").click()
    expect(page.locator("#ticket-result")).to_contain_text(words)


def practise_until_the_block(page: Page, url: str, shots) -> str:
    """Opens the practice account and trades until the plan's trades are used; the account's address."""
    page.goto(f"{url}/practice")
    expect(page.get_by_text("4 trades here, 4 left")).to_be_visible()
    shot(page, shots, "practice")
    page.get_by_role("button", name="Open it").click()
    page.wait_for_url("**/accounts/*")
    for left in (3, 2, 1):
        buys(page, "Bought 1")
        expect(page.locator("#plan-left")).to_contain_text(f"{left} of 4")
    buys(page, "Bought 1")
    expect(page.locator("#plan-left")).to_contain_text("are used")
    buys(page, "You have used all 4 of your plan Free")
    expect(page.locator("#ticket-result").get_by_role("link", name="See the plans")).to_be_visible()
    account = page.url
    shot(page, shots, "practice-blocked")
    return account


def analytics_is_open(page: Page, account: str) -> bool:
    """Whether the gate of a page is open."""
    return page.goto(f"{account}/analytics").status == 200


def refund_in_admin(browser, url: str, shots) -> None:
    """Somebody of finance gives all of the one payment back, and looks at the day's figures."""
    payment = Payment.objects.get()
    operator = browser.new_context(viewport={"width": 1440, "height": 900})
    desk = operator.new_page()
    finance = UserFactory(email="fin@example.com", display_name="Fin", password=PASSWORD, role="finance", is_staff=True)
    roles_sync()
    desk.goto(f"{url}/sign-in?next=/admin/payments/payment/")
    sign_in(desk, finance.email)
    desk.wait_for_url("**/admin/payments/payment/")
    desk.locator(f'input.action-select[value="{payment.pk}"]').check()
    desk.locator('select[name="action"]').select_option("refund_whole")
    desk.locator('[name="reason"]').fill("Bought by mistake.")
    desk.get_by_role("button", name="Go").click()
    expect(desk.locator(".messagelist")).to_contain_text(f"{payment.pk}: the refund is on its way.")
    desk.goto(f"{url}/admin/payments/dashboard")
    expect(desk.get_by_text("USD").first).to_be_visible()
    if shots is not None:
        desk.screenshot(path=shots / "dashboard.png", full_page=True)
    operator.close()


def test_a_plan_is_bought_used_refunded_and_gone(page, live_server, browser, shots):
    arrive(page, live_server.url, "Ann Buyer", "/pricing")
    account = practise_until_the_block(page, live_server.url, shots)
    assert not analytics_is_open(page, account)
    shot(page, shots, "analytics-closed")
    page.get_by_role("link", name="See the plans").click()
    expect(page.get_by_text("No money moves on this site").first).to_be_visible()
    shot(page, shots, "pricing")
    page.get_by_role("link", name="Choose Pro").click()
    expect(page.get_by_role("heading", name="Pro, monthly")).to_be_visible()
    page.get_by_label("Coupon").fill("NOSUCH")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("There is no such coupon")).to_be_visible()
    shot(page, shots, "checkout")
    page.get_by_role("button", name=re.compile("^Pay 29.00 USD")).click()
    page.wait_for_url("**/sandbox/checkout/**")
    shot(page, shots, "sandbox-checkout")
    page.get_by_role("button", name="Pay with a card that is declined").click()
    expect(page.get_by_text("declined").first).to_be_visible()
    page.get_by_role("button", name="Pay", exact=True).click()
    page.wait_for_url("**/checkout/return/**")
    expect(page.get_by_role("heading", name="Pro, monthly is yours")).to_be_visible()
    shot(page, shots, "return")
    page.get_by_role("link", name="See your plan").click()
    expect(page.get_by_text("It renews")).to_be_visible()
    shot(page, shots, "billing")
    page.get_by_role("link", name="Pro, monthly").click()
    expect(page.get_by_text("What happened")).to_be_visible()
    shot(page, shots, "payment")
    assert analytics_is_open(page, account)
    page.goto(account)
    buys(page, "Bought 1")

    refund_in_admin(browser, live_server.url, shots)
    assert not analytics_is_open(page, account)
    page.goto(account)
    buys(page, "You have used all 4 of your plan Free")
    subscriptions_tidy()
    page.goto(f"{live_server.url}/billing")
    expect(page.get_by_text("Free has no end")).to_be_visible()
    expect(page.get_by_text("Refunded").first).to_be_visible()
    assert [run.status for run in reconcile_all()] == ["clean"]
    assert verify().is_sound


def test_what_is_owed_is_asked_for_and_followed(page, live_server, shots):
    user = payable(12_345)
    user.set_password(PASSWORD)
    user.save()
    approved(user, 2_000)
    page.goto(f"{live_server.url}/sign-in?next=/payouts")
    sign_in(page, user.email)
    page.wait_for_url("**/payouts")
    expect(page.get_by_text("103.45")).to_be_visible()
    shot(page, shots, "payouts")
    page.get_by_label(re.compile("^Amount, USD")).fill("50")
    page.get_by_role("button", name="Ask for a payout").click()
    expect(page.get_by_role("heading", name="Payout of 50.00 USD")).to_be_visible()
    shot(page, shots, "payout")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("You may ask for it again")).to_be_visible()
    page.goto(f"{live_server.url}/payouts/payee")
    shot(page, shots, "payee")
