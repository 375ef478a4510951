"""Contests of teams in a browser: looked at first, made, entered, full, written to, played, won, and certified."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.tests.factories import UserFactory
from contests.models import Contest, Team
from contests.services.closing import contest_end
from contests.tests.factories import OPERATOR, bars_load
from marketdata.services.ticks import market_step
from tests.browser.axe import shot
from tests.browser.people import PASSWORD, arrive, sign_in
from tests.browser.test_contest_money import url  # noqa: F401 - a fixture

pytestmark = pytest.mark.browser
PLACE = "/contests/pairs"


def made(page: Page, url: str, shots) -> None:  # noqa: F811
    """An organiser looks at a contest of teams as a dry run, then schedules it."""
    organiser = UserFactory(email="org@example.com", display_name="Org", password=PASSWORD, role="moderator",
                            is_staff=True)  # fmt: skip
    market = bars_load()
    page.goto(f"{url}/sign-in?next=/contests/new")
    sign_in(page, organiser.email)
    page.wait_for_url("**/contests/new")
    starts = timezone.now() + timedelta(hours=1)
    for name, value in (
        ("name", "Pairs"), ("slug", "pairs"), ("start", market["start"]), ("end", market["end"]),
        ("symbols", ", ".join(market["symbols"])), ("starts_at", starts.strftime("%Y-%m-%dT%H:%M")),
        ("capacity", "1"), ("team_size", "2"), ("resets", "1"), ("sponsors", "Acme | https://acme.example"),
    ):  # fmt: skip
        page.locator(f"main [name={name}]").fill(value)
    page.locator("[name=scoring]").select_option("calmar")
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_role("heading", name="This is what it would be")).to_be_visible()
    expect(page.get_by_text("Return over the deepest fall (Calmar)").first).to_be_visible()
    assert not Contest.objects.exists()
    shot(page, shots, "contest-preview")
    page.get_by_role("button", name="Create and schedule").click()
    expect(page.get_by_role("heading", name="Pairs")).to_be_visible()
    page.get_by_role("link", name="Organiser's desk").click()
    page.get_by_label("Message").fill("Choose names for your teams.")
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text("on its way to everyone")).to_be_visible()
    shot(page, shots, "contest-desk")


def test_a_contest_of_teams(url, people, shots):  # noqa: F811
    org, ann, bob, cat = (people() for _ in range(4))
    made(org, url, shots)
    arrive(ann, url, "Ann First", "/contests")
    ann.goto(url + PLACE)
    expect(ann.get_by_text("Choose names for your teams.")).to_be_visible()
    ann.get_by_role("button", name="Join").first.click()
    ann.get_by_label("Name of the team").fill("The Long Vols")
    ann.get_by_role("button", name="Name it").click()
    expect(ann.get_by_role("heading", name="Team The Long Vols")).to_be_visible()

    arrive(cat, url, "Cat Third", "/contests")
    cat.goto(url + PLACE)
    expect(cat.get_by_role("heading", name="This contest is full")).to_be_visible()
    cat.get_by_role("button", name="Wait for a place").click()
    expect(cat.get_by_role("heading", name="Your place in the queue")).to_be_visible()
    shot(cat, shots, "contest-queue")

    arrive(bob, url, "Bob Second", "/contests")
    bob.goto(url + PLACE)
    bob.get_by_label("Team's code").fill(Team.objects.get().code)
    bob.get_by_role("button", name="Join the team").click()
    expect(bob.get_by_role("heading", name="Team The Long Vols")).to_be_visible()

    contest = Contest.objects.get()
    org.set_viewport_size({"width": 1440, "height": 900})
    org.get_by_label("Reason, for the audit trail").fill("everyone is here")
    org.get_by_role("button", name="Start now").click()
    expect(org.get_by_role("button", name="Pause")).to_be_visible()
    market_step(market_id=contest.market_id, ticks=1)
    bob.goto(url + PLACE)
    bob.get_by_label("Quantity").fill("30")
    bob.locator(".ticket-submit").click()
    expect(bob.locator("#ticket-result")).to_contain_text("Bought 30")
    bob.get_by_label("Message to everyone in this contest").fill("All in, captain.")
    bob.locator(".chat-write button").click()
    expect(bob.get_by_text("All in, captain.").first).to_be_visible()
    shot(bob, shots, "contest-team")
    market_step(market_id=contest.market_id, ticks=1_000)
    contest_end(actor=OPERATOR, contest_id=contest.pk)

    ann.goto(url + PLACE)
    ann.get_by_role("button", name="Your certificate").click()
    expect(ann.get_by_role("heading", name="The Long Vols")).to_be_visible()
    expect(ann.get_by_text("Rank 1 of 1")).to_be_visible()
    shot(ann, shots, "contest-certificate")
