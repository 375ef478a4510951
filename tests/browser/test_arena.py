"""A stranger signs up, joins the running contest, buys, sees the fill and the board move, sells and signs out."""

import re
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.axe import fits
from tests.browser.conftest import Site
from tests.browser.people import arrive


def figure(text: str) -> Decimal:
    return Decimal(re.sub(r"[^0-9.\-]", "", text.replace("\N{MINUS SIGN}", "-")))


def board(page: Page) -> str:
    return page.locator("[data-board-top]").inner_text()


def sign_up(page: Page, site: Site, name: str) -> None:
    arrive(page, site.url, name, f"/contests/{site.slug}")


def join(page: Page) -> None:
    page.get_by_role("button", name="Join contest").click()
    expect(page.locator("#toasts")).to_contain_text("You are in")
    expect(page.locator("[data-live]").first).to_have_attribute("data-live-state", "live")


def send(page: Page, quantity: str) -> None:
    page.get_by_label("Quantity").fill(quantity)
    page.locator(".ticket-submit").click()


def look_at_the_trail(page: Page):
    """The account keeps every order with its life."""
    page.get_by_role("link", name="Equity curve, every order").click()
    expect(page.locator('[data-chart="equity"] canvas').first).to_be_visible()
    page.get_by_role("link", name="Orders", exact=True).click()
    expect(page.locator("main")).to_contain_text("Denied")
    page.locator("[data-trail]").first.click()
    expect(page.locator(".trail").first).to_contain_text("filled")


def sign_out(page: Page):
    page.get_by_label("Your menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_from_sign_up_to_sign_out(site: Site, context: BrowserContext):
    page = context.new_page()
    site.watch(page)
    page.goto(site.url)
    expect(page.locator("[data-race] canvas").first).to_be_visible()
    page.get_by_role("link", name="Join the arena").click()
    sign_up(page, site, "Ada Whitfield")
    join(page)

    # Buy: the estimate, the fill, the position, the marker's trade, the figures.
    page.get_by_label("Quantity").fill("500")
    expect(page.locator("#estimate dl")).to_have_attribute("data-notional", re.compile(r"^\d"))
    page.locator(".ticket-submit").click()
    symbol = page.locator('[data-chart="symbol"]').inner_text()
    expect(page.locator("#ticket-result")).to_contain_text(f"Bought 500 {symbol}")
    position = page.locator(f'[data-position="{symbol}"]')
    expect(position).to_be_visible()
    expect(page.locator('[data-count-of="trades"]')).to_have_text("1")
    expect(page.locator("[data-fill]")).to_have_count(1)

    # The market moves: prices, the forming candle, the position and the leaderboard follow; agents decide.
    before, worth = board(page), position.locator('[data-cell="value"]').inner_text()
    newest = page.locator("[data-feed] [data-decision]").first.get_attribute("data-decision")
    at = page.locator('[data-clock="at"]').inner_text()
    site.step(8)
    expect(page.locator('[data-clock="at"]')).not_to_have_text(at)
    expect(position.locator('[data-cell="value"]')).not_to_have_text(worth)
    expect(page.locator("[data-board-top]")).not_to_have_text(before)
    expect(page.locator("[data-feed] [data-decision]").first).not_to_have_attribute("data-decision", newest or "")
    expect(page.locator("tr.is-me")).to_contain_text("Ada Whitfield")
    expect(page.locator("tr.is-me [data-cell=trades]")).to_have_text("1")
    last = figure(page.locator('[data-chart="last"]').inner_text())
    assert figure(position.locator('[data-cell="value"]').inner_text()) == last * 500

    # What is too much is refused in plain words; nothing changes.
    send(page, "900000")
    expect(page.locator("#ticket-result")).to_contain_text("Not enough buying power: this order needs")
    expect(page.locator('[data-count-of="trades"]')).to_have_text("1")

    # Sell all of it.
    position.get_by_role("button", name=re.compile("^Close")).click()
    expect(page.locator("#ticket-result")).to_contain_text(f"Sold 500 {symbol}")
    expect(page.locator("#positions")).to_contain_text("You hold nothing.")
    expect(page.locator('[data-count-of="trades"]')).to_have_text("2")

    look_at_the_trail(page)
    sign_out(page)
    assert site.problems == []


def test_a_limit_order_waits_and_is_cancelled(site: Site, context: BrowserContext):
    page = context.new_page()
    site.watch(page)
    sign_up(page, site, "Tomas Bauer")
    join(page)
    page.get_by_role("radio", name="Limit", exact=True).check()
    ask = figure(page.locator('[data-chart="ask"]').inner_text())
    page.get_by_label("Limit price").fill(f"{ask * Decimal('0.8'):.2f}")
    page.get_by_label("In force").select_option("gtc")
    send(page, "10")
    expect(page.locator("#ticket-result")).to_contain_text("Waiting.")
    page.get_by_role("tab", name=re.compile("Open orders")).click()
    page.locator("#orders").get_by_role("button", name=re.compile("^Cancel")).click()
    expect(page.locator("#orders")).to_contain_text("No order is waiting.")
    expect(page.locator('[data-count-of="orders"]')).to_have_text("0")
    assert site.problems == []


def test_the_page_works_from_the_keyboard(site: Site, context: BrowserContext):
    page = context.new_page()
    site.watch(page)
    sign_up(page, site, "Priya Nair")
    join(page)
    page.reload()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.locator("[data-symbols] [role=tab]").first.focus()
    first = page.locator('[data-chart="symbol"]').inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator('[data-chart="symbol"]')).not_to_have_text(first)
    chosen = page.locator('[data-chart="symbol"]').inner_text()
    expect(page.get_by_label("Symbol", exact=True)).to_have_value(chosen)
    page.get_by_label("Quantity").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Quantity")).to_have_value("11")
    page.keyboard.press("Enter")
    expect(page.locator("#ticket-result")).to_contain_text(f"Bought 11 {chosen}")
    assert site.problems == []


def test_a_lost_stream_shows_and_comes_back(site: Site, context: BrowserContext):
    page = context.new_page()
    page.goto(f"{site.url}/contests/{site.slug}")
    live = page.locator("[data-live]").first
    expect(live).to_have_attribute("data-live-state", "live")
    site.stream.stop()
    expect(live).to_have_attribute("data-live-state", "reconnecting")
    site.stream.start()
    expect(live).to_have_attribute("data-live-state", "live", timeout=30_000)
    before = board(page)
    site.step(4)
    expect(page.locator("[data-board-top]")).not_to_have_text(before)


def test_the_theme_is_the_systems_until_one_is_chosen(site: Site, browser: Browser):
    made = browser.new_context(color_scheme="light")
    page = made.new_page()
    page.goto(f"{site.url}/contests")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    made.close()


def test_the_ticket_is_a_sheet_on_a_phone(site: Site, browser: Browser, shots: Path | None):
    made = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    made.set_default_timeout(15_000)
    page = made.new_page()
    site.watch(page)
    sign_up(page, site, "Jonas Okonkwo")
    join(page)
    expect(page.get_by_label("Quantity")).to_be_hidden()
    page.get_by_role("button", name="Buy", exact=True).tap()
    send(page, "300")
    expect(page.locator("#ticket-result")).to_contain_text("Bought 300")
    if shots is not None:
        page.screenshot(path=shots / "sheet-390-dark.png")
    page.get_by_role("button", name="Close the ticket").tap()
    expect(page.get_by_label("Quantity")).to_be_hidden()
    expect(page.locator("[data-position]")).to_be_visible()
    site.step(2)
    page.get_by_role("tab", name=re.compile("Trades")).tap()
    expect(page.locator("[data-fill]")).to_be_visible()
    if shots is not None:
        page.locator("[data-fill]").scroll_into_view_if_needed()
        page.screenshot(path=shots / "trades-390-dark.png")
        page.get_by_role("tab", name=re.compile("Positions")).tap()
        page.screenshot(path=shots / "positions-390-dark.png")
    page.get_by_role("button", name="Sell", exact=True).tap()
    page.get_by_role("button", name="The most this account can trade").tap()
    expect(page.get_by_label("Quantity")).to_have_value("300")
    page.locator(".ticket-submit").tap()
    expect(page.locator("#ticket-result")).to_contain_text("Sold 300")
    made.close()
    assert site.problems == []


def test_every_page_fits_a_phone_and_a_desktop_in_both_themes(site: Site, browser: Browser, shots: Path | None):
    first = browser.new_context()
    page = first.new_page()
    sign_up(page, site, "Marta Lindqvist")
    join(page)
    send(page, "400")
    expect(page.locator("#ticket-result")).to_contain_text("Bought 400")
    site.step(12)
    state = first.storage_state()
    first.close()
    for who, paths in pages(site).items():
        made = browser.new_context(
            viewport={"width": 1440, "height": 900}, storage_state=state if who == "trader" else None
        )
        page = made.new_page()
        site.watch(page)
        for name, path in paths.items():
            page.goto(site.url + path)
            page.wait_for_load_state("networkidle" if name in ("sign-up", "list") else "load")
            page.wait_for_timeout(400)
            fits(page, shots, name, full=name != "contest")
        made.close()
    assert site.problems == []


def pages(site: Site) -> dict[str, dict[str, str]]:
    """What each kind of viewer looks at."""
    return {
        "visitor": {"landing": "/", "sign-up": "/sign-up", "watch": f"/contests/{site.slug}"},
        "trader": {
            "contest": f"/contests/{site.slug}",
            "list": "/contests",
            "accounts": "/account",
        },
    }
