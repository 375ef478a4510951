"""The firm in a browser: from the plan's page to passed, funded and paid; and one account that fails, proved."""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.factories import UserFactory
from core.services.books import verify as verify_books
from marketdata.tests.factories import advance
from payments.adapters.sandbox import payouts as sandbox
from payments.models import Payee, Payout
from payments.services.payees import payee_begin
from payments.services.payout_sending import payouts_send_due
from payments.services.sandbox import events_deliver
from payments.tests.factories_payouts import finance, known
from propfirm.models import PropAccount, PropCertificate, PropPayout
from propfirm.services.payouts import payout_approve, payout_review
from propfirm.tests import factories as make
from tests.browser.axe import shot
from tests.browser.people import PASSWORD, arrive, sign_in
from trading.models import Verdict

pytestmark = pytest.mark.browser
BARS = {"AAA": [(100, 112, 100, 112), (112, 112, 112, 112), (112, 118, 112, 118), (118, 118, 103, 104), (104,) * 4]}
ADD_ON = {
    "code": "split-90", "name": "90 % for you", "about": "From the first payout on.", "price_percent": "20",
    "patches": [{"phase": "funded", "rule": "payout", "set": {"split_percent": "90"}}],
}  # fmt: skip


@pytest.fixture
def url(live_server, transactional_db, settings):
    settings.SITE_URL = live_server.url
    settings.PAYOUT_HOLD_HOURS = 0
    return live_server.url


def purchase(page: Page, url: str, code: str, shots, name: str) -> PropAccount:
    """From the comparison to an account that is open, paid for in the sandbox."""
    user = arrive(page, url, name, "/prop-firm")
    is_first = name.startswith("Ann")
    if is_first:
        shot(page, shots, "prop-plans")
    page.get_by_role("link", name=re.compile("See the rules of Test plan")).click()
    expect(page.get_by_text(re.compile("^Maximum loss: ")).first).to_be_visible()
    page.get_by_label(re.compile("90 % for you")).check()
    expect(page.get_by_text("120.00 USD")).to_be_visible()
    if is_first:
        page.get_by_label("How do you trade?").select_option("swing")
        page.get_by_role("button", name="Show the odds").click()
        expect(page.get_by_text("Be paid at least once")).to_be_visible()
        shot(page, shots, "prop-plan")
    page.get_by_role("button", name="Buy Test plan").click()
    page.get_by_role("button", name=re.compile("^Pay 120.00 USD")).click()
    page.wait_for_url("**/sandbox/checkout/**")
    page.get_by_role("button", name="Pay", exact=True).click()
    page.wait_for_url("**/checkout/return/**")
    page.get_by_role("link", name="Go to your accounts").click()
    account = PropAccount.objects.get(owner=user)
    expect(page.get_by_role("heading", name=account.number)).to_be_visible()
    return account


def order(page: Page, url: str, account: PropAccount, side: str, shares: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{url}/accounts/{make.phase_of(account).trading_account_id}")
    page.locator(f"#ticket label:has(input[name=side][value={side}])").click()
    page.get_by_label("Quantity").fill(shares)
    page.locator(".ticket-submit").click()
    confirm = page.get_by_role("button", name=re.compile("^Yes|Confirm|Send it"))
    result = page.locator("#ticket-result")
    expect(result.or_(confirm).first).to_be_visible()
    if confirm.count():
        confirm.first.click()
    expect(result).to_contain_text(f"{'Bought' if side == 'buy' else 'Sold'} {shares}")


def paid_at(user: User) -> None:
    """Where somebody is paid, set up a while ago, and who they are."""
    known(user)
    payee_begin(actor=user, country="US", currency="USD")
    payee = Payee.objects.get(user=user)
    sandbox.payee_fill(payee.ref, bank="First Bank", digits="6789")
    events_deliver()
    Payee.objects.filter(pk=payee.pk).update(changed_at=timezone.now() - timedelta(days=9))


def funded_and_paid(page: Page, other: Page, url: str, account: PropAccount, market, shots) -> None:
    """Profit of the funded account, asked for, looked at by two people, paid, and shown to somebody else."""
    order(page, url, account, "buy", "850")
    advance(market.id, 7)
    order(page, url, account, "sell", "850")
    page.goto(f"{url}/prop-firm/accounts/{account.number}/payouts")
    expect(page.get_by_text("Not met").first).to_be_visible()
    paid_at(account.owner)
    page.reload()
    shot(page, shots, "prop-payouts")
    page.get_by_role("button", name=re.compile("Ask for")).click()
    expect(page.get_by_text("Asked for.").first).to_be_visible()
    payout = PropPayout.objects.get(account=account)
    first, second = finance()
    payout_review(actor=first, payout_id=payout.pk)
    payout_approve(actor=second, payout_id=payout.pk, note="A first payout, looked at.")
    payouts_send_due()
    payout.refresh_from_db()
    for _ in range(2):
        sandbox.advance(Payout.objects.get(pk=payout.payout_id).ref)
        events_deliver()
    make.deliver()
    payout.refresh_from_db()
    row = Payout.objects.get(pk=payout.payout_id)
    assert (row.status, row.amount_minor) == ("paid", payout.trader_minor)
    assert payout.trader_minor * 10 == payout.gross_minor * 9
    page.reload()
    shot(page, shots, "prop-payout-paid")
    code = PropCertificate.objects.get(account=account, kind="payout").code
    other.goto(f"{url}/prop-firm/certificates/{code}")
    expect(other.get_by_text("Ann First").first).to_be_visible()
    shot(other, shots, "prop-certificate")


def failed_and_proved(page: Page, url: str, account: PropAccount, market, shots, tmp_path) -> None:
    """A breach; its evidence computed again from the file that was downloaded, and objected to."""
    order(page, url, account, "buy", "840")
    advance(market.id, 6)
    make.deliver()
    page.goto(f"{url}/prop-firm/accounts/{account.number}")
    expect(page.get_by_text("Failed").first).to_be_visible()
    shot(page, shots, "prop-account-failed")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").first.click()
    path = tmp_path / "evidence.json"
    download.value.save_as(path)
    verdict = Verdict.objects.get(account_id=make.phase_of(account).trading_account_id, kind="fail")
    assert json.loads(path.read_text())["code"] == verdict.code
    call_command("verify_verdict", str(path))
    page.get_by_label("What is wrong").fill("The price of 103 was never traded elsewhere.")
    page.get_by_role("button", name="Object to the verdict").click()
    expect(page.get_by_text("Your objection is with us").first).to_be_visible()
    page.goto(f"{url}/prop-firm/accounts")
    shot(page, shots, "prop-accounts")


def test_from_the_plan_to_the_payout_and_one_that_fails_with_its_evidence(url, people, shots, tmp_path):
    market = make.market(BARS)
    plan = make.plan(market, add_ons=[ADD_ON])
    ann, bob = people(), people()
    winner = purchase(ann, url, plan.code, shots, "Ann First")
    loser = purchase(bob, url, plan.code, shots, "Bob Second")

    ann.goto(f"{url}/prop-firm/accounts/{winner.number}")
    expect(ann.get_by_role("heading", name="Trading days").or_(ann.get_by_text("Profit target").first)).to_be_visible()
    order(ann, url, winner, "buy", "900")
    advance(market.id, 3)
    ann.goto(f"{url}/prop-firm/accounts/{winner.number}")
    expect(ann.get_by_text("+10,800.00").first).to_be_visible()
    shot(ann, shots, "prop-account-open")
    order(ann, url, winner, "sell", "900")
    advance(market.id)
    make.deliver()
    ann.goto(f"{url}/prop-firm/accounts/{winner.number}")
    expect(ann.get_by_text("Funded", exact=True).first).to_be_visible()
    shot(ann, shots, "prop-account-funded")

    funded_and_paid(ann, bob, url, winner, market, shots)
    failed_and_proved(bob, url, loser, market, shots, tmp_path)
    assert verify_books().is_sound


CANVAS = "document.querySelector('[data-chart] canvas').toDataURL()"


def test_the_cockpit_draws_floors_as_they_lay_and_goes_on_by_itself(url, people, shots):
    """Ten days with a trail that follows each mark: the lines rise with the curve, and the page moves on alone."""
    closes = [100, 101, 103, 102, 104, 106, 105, 108, 107, 109, 108]
    days = [(one, max(one, two), min(one, two), two) for one, two in zip([100, *closes], closes, strict=False)]
    market = make.market({"AAA": [*days, *[(108, 108, 108, 108)] * 3]})
    trail = {"kind": "max_loss", "amount": make.initial(6), "trailing": "intraday", "lock": "initial"}
    plan = make.plan(market, evaluation=[make.DAILY, trail, make.TARGET])
    account, who = make.prop_account(plan, UserFactory(password=PASSWORD))
    make.trade(account, who, "buy", 600)
    advance(market.id, 12)
    make.trade(account, who, "sell", 200)
    advance(market.id, 26)
    page = people()
    page.goto(f"{url}/sign-in?next=/prop-firm/accounts/{account.number}")
    sign_in(page, account.owner.email)
    chart = page.locator('[data-chart="prop-equity"]')
    expect(chart).to_have_attribute("aria-label", re.compile("High water 104,200.*Floor 98,200"))
    lines = {line["key"]: line for line in json.loads(page.locator("#lines").text_content() or "")}
    floor = lines["max_loss"]["course"]
    assert floor == sorted(floor)
    assert (floor[0], floor[-1]) == (94_000_00, lines["max_loss"]["minor"])
    assert len(set(lines["daily_loss"]["course"])) > 1
    shot(page, shots, "prop-account-trail")
    before, known = page.evaluate(CANVAS), page.locator("#prop-live").get_attribute("data-now") or ""
    advance(market.id)
    expect(page.locator("#prop-live")).not_to_have_attribute("data-now", known, timeout=15_000)
    page.wait_for_function(f"before => {CANVAS} !== before", arg=before)
