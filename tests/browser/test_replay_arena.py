"""The replay arena in a browser: start one's own, trade, see it end, watch it again."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.factories import UserFactory
from contests.domain.templates import Facts
from contests.models import Contest
from contests.services.closing import contest_end
from contests.services.joins import contest_join
from contests.services.lifecycle import lifecycle_run
from contests.services.templates import TemplateOrder, template_create
from contests.tests.factories import OPERATOR, spec
from marketdata.services.ticks import market_step
from tests.browser.axe import assert_accessible
from tests.browser.people import arrive, is_complaint
from trading.tests.factories import actor

pytestmark = pytest.mark.browser


@pytest.fixture
def url(live_server, transactional_db, settings):
    """A site whose arena offers five market days of two symbols."""
    settings.SITE_URL = live_server.url
    order = TemplateOrder(
        name="Trade a crash", spec=spec(name="Trade a crash", market={"mask": True}), blurb="Everything falls.",
        is_arena=True, facts=Facts(5, 3500),
    )  # fmt: skip
    template_create(actor=OPERATOR, slug="trade-a-crash", order=order)
    return live_server.url


@pytest.fixture
def page(browser, url):
    """A page that tolerates no complaint in the console."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    made = context.new_page()
    made.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    context.close()
    assert not complaints


def fits(page: Page, shots, name: str) -> None:
    assert_accessible(page)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide at {width}"
        if shots is not None:
            page.screenshot(path=shots / f"{name}-{width}.png", full_page=True)


def trade(page: Page, contest: Contest) -> None:
    """Buy something, and sell a part of it a day later."""
    for quantity, side, ticks in (("50", "Bought", 4), ("20", "Sold", 40)):
        if side == "Sold":
            page.locator('[name=side][value="sell"]').check(force=True)
        page.get_by_label("Quantity").fill(quantity)
        page.locator(".ticket-submit").click()
        expect(page.locator("#ticket-result")).to_contain_text(f"{side} {quantity}")
        market_step(market_id=contest.market_id, ticks=ticks)


def watch_again(page: Page, shots) -> None:
    """The slider moves places and trades; playing moves the slider."""
    slider = page.get_by_role("slider", name="Moment")
    expect(page.locator("[data-chart] canvas").first).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^Day 5, \d\d \w{3} \d{4} \d\d:\d\d UTC$"))
    places, trades = page.locator("[data-places] tr"), page.locator("[data-trades] tr")
    expect(places).to_have_count(2)
    expect(page.locator("[data-places] tr.is-me")).to_contain_text("Ada Whitfield")
    expect(trades).to_have_count(2)
    final = page.locator("[data-places] tr.is-me td").first.inner_text()
    end = page.locator("section", has=page.get_by_role("heading", name="How it ended"))
    assert end.locator("tr.is-me td").first.inner_text() == final
    fits(page, shots, "rewatch")
    slider.focus()
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^Day 1,"))
    expect(trades).to_have_text(["No trade up to this moment."])
    slider.press("ArrowRight")
    assert slider.input_value() == "1"
    page.get_by_label("4×").check(force=True)
    slider.focus()
    slider.press(" ")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^Day [2-5],"))
    slider.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_label("Add somebody by name").fill("ben")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="Show Ben Arlow").click()
    expect(page.locator("[data-places] tr.is-chosen")).to_contain_text("Ben Arlow")
    page.get_by_text("Day by day").click()
    expect(page.locator("[data-days] tr")).to_have_count(5)


def test_from_the_arena_to_watching_it_again(url, page, shots):
    page.goto(f"{url}/arena")
    expect(page.get_by_role("link", name="Sign in to start Trade a crash")).to_be_visible()
    arrive(page, url, "Ada Whitfield", "/arena")
    fits(page, shots, "arena")
    page.get_by_role("button", name="Start now: Trade a crash").click()
    expect(page.locator("#toasts")).to_contain_text("It starts in a minute")
    contest = Contest.objects.get(template__slug="trade-a-crash")
    friend = actor(User.objects.get(pk=UserFactory(display_name="Ben Arlow").pk))
    contest_join(actor=friend, contest_id=contest.pk, invite_code=contest.invite_code)
    lifecycle_run(timezone.now() + timedelta(seconds=61))
    market_step(market_id=contest.market_id, ticks=1)
    page.goto(f"{url}/contests/{contest.slug}")
    expect(page.locator("[data-contest-status]")).to_contain_text(re.compile("active|running", re.IGNORECASE))
    trade(page, contest)
    contest_end(contest_id=contest.pk)
    page.goto(f"{url}/arena")
    expect(page.get_by_role("row", name=re.compile("Trade a crash"))).to_contain_text("1 of 1")
    fits(page, shots, "arena-finished")
    page.get_by_role("link", name="Rewatch Trade a crash").click()
    watch_again(page, shots)
