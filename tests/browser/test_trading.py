"""The trading core in a browser: a bracket lives and dies, a position is protected, the kill switch stops it all."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import fits
from tests.browser.conftest import Site
from tests.browser.test_arena import figure, join, send, sign_up

STEPS = 60


@pytest.fixture
def page(site: Site, context: BrowserContext) -> Page:
    """A trader on the contest page, with the ticket before them."""
    made = context.new_page()
    site.watch(made)
    sign_up(made, site, "Ines Moreau")
    join(made)
    return made


def account_of(page: Page) -> str:
    return f"/accounts/{page.locator('#contest').get_attribute('data-account')}"


def price_of(page: Page, part: str) -> Decimal:
    return figure(page.locator(f'[data-chart="{part}"]').inner_text())


def bracket(page: Page, quantity: str, stop: Decimal, profit: Decimal) -> None:
    """Buy at the market with both exits."""
    page.get_by_label("Quantity").fill(quantity)
    page.locator("label.check", has_text="Take profit").click()
    page.get_by_label("Take profit price").fill(f"{profit:.2f}")
    page.locator("label.check", has_text="Stop loss").click()
    page.get_by_label("Stop loss price").fill(f"{stop:.2f}")
    expect(page.get_by_label("In force")).to_have_value("gtc")
    page.locator(".ticket-submit").click()


def step_until_flat(site: Site, page: Page) -> None:
    """Play prints until one of the exits has closed the position."""
    for _ in range(STEPS):
        site.step()
        page.wait_for_timeout(120)
        if page.locator("#positions [data-position]").count() == 0:
            return
    raise AssertionError("no exit was reached")


def test_a_bracket_fills_its_exit_closes_it_and_analytics_shows_it(site: Site, page: Page, shots: Path | None):
    last = price_of(page, "last")
    # Exits so near that the next days reach one of them.
    bracket(page, "300", stop=last * Decimal("0.985"), profit=last * Decimal("1.015"))
    expect(page.locator("#ticket-result")).to_contain_text("Bought 300")
    page.get_by_role("tab", name=re.compile("Open orders")).click()
    orders = page.locator("#orders")
    expect(orders.locator("[data-order]")).to_have_count(2)
    expect(orders).to_contain_text("Take profit")
    expect(orders).to_contain_text("Stop loss")
    expect(orders).to_contain_text("one cancels the other")
    if shots is not None:
        page.screenshot(path=shots / "bracket-1440-dark.png")

    step_until_flat(site, page)
    expect(page.locator("#orders [data-order]")).to_have_count(0)
    expect(page.locator('[data-count-of="trades"]')).to_have_text("2")

    account = account_of(page)
    page.goto(site.url + account + "/analytics")
    expect(page.locator('[data-chart="performance"] canvas').first).to_be_visible()
    expect(page.locator(".stats-small")).to_contain_text("of 1 trades")
    expect(page.locator("main")).to_contain_text("1 closed, 0 open")
    assert page.locator(".heat li").count() >= 1

    # The exit's own page: its steps, its twin, the quote behind the fill.
    page.goto(site.url + account + "?tab=orders&status=filled")
    page.locator("a.sym").first.click()
    expect(page.locator("main")).to_contain_text("Linked orders")
    expect(page.locator(".evidence-figures")).to_contain_text("Bid")
    expect(page.locator(".trail")).to_contain_text("filled")
    assert site.problems == []


def test_a_position_is_protected_changed_and_closed_in_parts(site: Site, page: Page):
    send(page, "400")
    expect(page.locator("#ticket-result")).to_contain_text("Bought 400")
    last = price_of(page, "last")
    page.get_by_role("link", name=re.compile("^Manage ")).click()
    page.get_by_label(re.compile("^Take profit above")).fill(f"{last * Decimal('1.2'):.2f}")
    page.get_by_label(re.compile("^Stop loss below")).fill(f"{last * Decimal('0.8'):.2f}")
    page.get_by_role("button", name="Place both").click()
    expect(page.locator("#ticket-result")).to_contain_text("Waiting.")
    expect(page.locator('[data-count-of="orders"]')).to_have_text("2")

    page.get_by_role("tab", name=re.compile("Open orders")).click()
    page.get_by_role("link", name=re.compile("^Change order")).last.click()
    page.locator("#orders").get_by_label("Stop price").fill(f"{last * Decimal('0.85'):.2f}")
    page.get_by_role("button", name="Change the order").click()
    expect(page.locator("#ticket-result")).to_contain_text("Changed.")
    expect(page.locator("#orders")).to_contain_text(f"{last * Decimal('0.85'):,.2f}")

    page.get_by_role("tab", name=re.compile("Positions")).click()
    # What changes between press and release does not take the button away.
    page.get_by_role("link", name=re.compile("^Manage ")).hover()
    page.mouse.down()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('account-changed'))")
    expect(page.locator("#positions")).to_have_attribute("data-waits", "")
    page.mouse.up()
    page.get_by_label(re.compile("^Quantity, at most")).fill("150")
    page.get_by_role("button", name="Sell at the market").click()
    expect(page.locator("#ticket-result")).to_contain_text("Sold 150")
    expect(page.locator("[data-position]")).to_have_attribute("data-quantity", "250")

    page.get_by_role("tab", name=re.compile("Open orders")).click()
    every = page.get_by_label(re.compile("^All 2 of them"))
    every.check()
    # What changes meanwhile does not take away what is ticked.
    page.evaluate("document.body.dispatchEvent(new CustomEvent('account-changed'))")
    expect(page.locator("#orders")).to_have_attribute("data-waits", "")
    expect(every).to_be_checked()
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator("#ticket-result")).to_contain_text("orders cancelled")
    expect(page.locator("#orders")).to_contain_text("No order is waiting.")
    assert site.problems == []


def test_the_ticket_shows_what_a_type_needs_and_asks_before_a_large_order(site: Site, page: Page):
    limit, stop = page.get_by_label("Limit price"), page.get_by_label("Stop price")
    trail = page.get_by_label("Trail by")
    for kind, shown in (
        ("Market", (False, False, False)),
        ("Limit", (True, False, False)),
        ("Stop", (False, True, False)),
        ("Stop-limit", (True, True, False)),
        ("Trailing", (False, False, True)),
    ):
        page.get_by_role("radio", name=kind, exact=True).check()
        for field, visible in zip((limit, stop, trail), shown, strict=True):
            expect(field).to_be_visible(visible=visible)
    expect(page.locator("[data-note]")).to_contain_text("It would follow the price")
    page.get_by_role("radio", name="Market", exact=True).check()

    page.get_by_role("button", name="50 percent").click()
    expect(page.get_by_label("Quantity")).not_to_have_value("10")
    half = figure(page.get_by_label("Quantity").input_value())
    page.get_by_role("button", name="Max").click()
    expect(page.get_by_label("Quantity")).not_to_have_value(f"{half:,}")
    most = figure(page.get_by_label("Quantity").input_value())
    assert abs(most - 2 * half) <= 2
    page.get_by_label("Quantity").fill(f"{most * 9 // 10}")
    page.locator(".ticket-submit").click()
    expect(page.locator("#ticket-result")).to_contain_text("This is a large order.")
    expect(page.locator('[data-count-of="trades"]')).to_have_text("0")
    expect(page.get_by_role("button", name="Send it")).to_be_focused()
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    # Twice, as a hand that trembles does: it is one order.
    page.get_by_role("button", name="Send it").dblclick()
    expect(page.locator("#ticket-result")).to_contain_text("Bought")
    page.wait_for_timeout(500)
    assert len([url for url in sent if url.endswith("/orders")]) == 1, sent
    expect(page.locator("#ticket-result")).to_contain_text("Bought")
    assert site.problems == []


def test_the_kill_switch_cancels_closes_and_blocks(site: Site, page: Page):
    bracket(page, "200", stop=price_of(page, "last") / 2, profit=price_of(page, "last") * Decimal("1.3"))
    expect(page.locator("#ticket-result")).to_contain_text("Bought 200")
    contest = page.url
    page.get_by_label("Your menu").click()
    page.get_by_role("link", name="Risk and kill switch").click()
    page.get_by_role("button", name="Use the moderate limits").click()
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    expect(page.locator("main")).to_contain_text("your choice")
    page.get_by_label("Type STOP to confirm").fill("no")
    page.get_by_role("button", name="Stop everything").click()
    expect(page.locator("#toasts")).to_contain_text("Nothing was stopped")
    page.get_by_label("Type STOP to confirm").fill("stop")
    page.get_by_role("button", name="Stop everything").click()
    report = page.locator(".report")
    expect(report).to_contain_text("Everything is stopped")
    expect(report).to_contain_text("2 orders cancelled, 1 position closed")

    page.goto(contest)
    expect(page.locator("#positions")).to_contain_text("You hold nothing.")
    expect(page.locator("[data-note]")).to_contain_text("kill switch")
    send(page, "10")
    expect(page.locator("#ticket-result")).to_contain_text("The kill switch is on")
    assert site.problems == []


def test_the_new_pages_fit_and_do_not_complain(site: Site, page: Page, shots: Path | None):
    send(page, "300")
    expect(page.locator("#ticket-result")).to_contain_text("Bought 300")
    account = account_of(page)
    site.step(24)
    paths = {
        "analytics": f"{account}/analytics",
        "statement": f"{account}/statement",
        "orders": f"{account}?tab=orders",
        "risk": "/risk",
    }
    for name, path in paths.items():
        page.goto(site.url + path)
        page.wait_for_timeout(400)
        fits(page, shots, name)
    assert site.problems == []
