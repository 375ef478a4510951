"""A contest with a fee in a browser: made by an organiser, entered by invite, played, won, paid, and proved."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.services.roles import roles_sync
from accounts.tests.factories import UserFactory
from contests.models import Contest, Participant
from contests.services.closing import contest_end
from contests.services.contests import contest_start
from contests.services.proof import contest_verify
from contests.services.settling import contests_settle_due
from contests.tests.factories import OPERATOR, bars_load
from core.services.books import verify
from marketdata.services.ticks import market_step
from payments.services.plans import plans_sync
from payments.services.reconciliation import reconcile_all
from tests.browser.axe import shot
from tests.browser.people import PASSWORD, arrive, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def url(live_server, transactional_db, settings):
    settings.SITE_URL = live_server.url
    settings.REQUIRE_STAFF_MFA = False
    plans_sync()
    roles_sync()
    return live_server.url


def organise(page: Page, url: str, shots) -> Contest:
    """An organiser makes a private replay contest with a fee, from the form."""
    organiser = UserFactory(email="org@example.com", display_name="Org", password=PASSWORD, role="moderator",
                            is_staff=True)  # fmt: skip
    market = bars_load()
    page.goto(f"{url}/sign-in?next=/contests/new")
    sign_in(page, organiser.email)
    page.wait_for_url("**/contests/new")
    starts = timezone.now() + timedelta(hours=1)
    for name, value in (
        ("name", "Spring Cup"), ("slug", "spring-cup"), ("start", market["start"]), ("end", market["end"]),
        ("symbols", ", ".join(market["symbols"])), ("entry_fee", "25"), ("house_pct", "10"),
        ("starts_at", starts.strftime("%Y-%m-%dT%H:%M")), ("dispute_hours", "0"), ("invite_code", "letmein"),
        ("prizes", "1: 80% Gold medal\n2: 20.5%"),
    ):  # fmt: skip
        page.locator(f"main [name={name}]").fill(value)
    page.locator("[name=visibility]").select_option("private")
    page.get_by_role("button", name=re.compile("contest|Create", re.IGNORECASE)).last.click()
    # More than all of the pool: it is said at the field, and nothing that was typed is lost.
    expect(page.get_by_text("come to more than 100 %")).to_be_visible()
    shot(page, shots, "contest-form")
    page.locator("[name=prizes]").fill("1: 80% Gold medal\n2: 20%")
    page.get_by_role("button", name=re.compile("contest|Create", re.IGNORECASE)).last.click()
    expect(page.get_by_text("It is private. Invite people with this link")).to_be_visible()
    return Contest.objects.get(slug="spring-cup")


def enter(page: Page, url: str, name: str, shots) -> None:
    """Someone comes by the invite link, pays in the sandbox and is in."""
    arrive(page, url, name, "/contests")
    page.goto(f"{url}/contests/spring-cup?code=letmein")
    expect(page.get_by_text("80% of the pool and Gold medal")).to_be_visible()
    page.get_by_role("button", name="Enter for 25.00 USD").first.click()
    expect(page.get_by_role("heading", name="Entry: Spring Cup")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Pay 25.00 USD")).click()
    page.wait_for_url("**/sandbox/checkout/**")
    page.get_by_role("button", name="Pay", exact=True).click()
    page.wait_for_url("**/checkout/return/**")
    expect(page.get_by_role("heading", name="Entry: Spring Cup is yours")).to_be_visible()
    page.get_by_role("link", name="Go to the contest").click()
    expect(page.get_by_text("45.00 USD" if name.startswith("Bob") else "22.50 USD").first).to_be_visible()
    shot(page, shots, f"contest-in-{name[:3].lower()}")


def buy(page: Page, url: str, shares: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{url}/contests/spring-cup")
    page.get_by_label("Quantity").fill(shares)
    page.locator(".ticket-submit").click()
    expect(page.locator("#ticket-result")).to_contain_text(f"Bought {shares}")


def test_made_entered_played_won_paid_and_proved(url, people, shots):
    contest = organise(people(), url, shots)
    ann, bob = people(), people()
    enter(ann, url, "Ann First", shots)
    enter(bob, url, "Bob Second", shots)
    contest_start(actor=OPERATOR, contest_id=contest.pk)
    market_step(market_id=contest.market_id, ticks=1)
    buy(ann, url, "30")
    buy(bob, url, "10")
    market_step(market_id=contest.market_id, ticks=1_000)
    contest_end(contest_id=contest.pk)
    assert contests_settle_due() == [contest.pk]

    winner = Participant.objects.get(contest=contest, final_rank=1)
    page = ann if winner.display_name.startswith("Ann") else bob
    page.goto(f"{url}/contests/spring-cup")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.get_by_text("36.00 USD")).to_be_visible()
    page.get_by_text("What this result rests on").click()
    shot(page, shots, "contest-result")
    page.goto(f"{url}/payouts")
    expect(page.get_by_text("36.00")).to_be_visible()
    found = contest_verify("spring-cup")
    assert found.is_equal, found.findings
    call_command("verify_contest", "spring-cup")
    assert [run.status for run in reconcile_all()] == ["clean"]
    assert verify().is_sound
