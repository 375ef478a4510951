"""Every page, in each state of a contest, on a phone and a desktop: nothing complains, nothing is too wide."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ai_strategies import selectors as agents
from contests import selectors as contests
from contests.services.closing import contest_end
from contests.services.contests import contest_pause
from tests.browser.axe import assert_accessible, fits
from tests.browser.conftest import OPERATOR, Site
from tests.browser.test_arena import figure, join, send, sign_up


@pytest.fixture
def trader(site: Site, browser: Browser) -> tuple[dict, str]:
    """A trader who holds something: the browser's state, and the path of the account."""
    made = browser.new_context()
    page = made.new_page()
    sign_up(page, site, "Noor Haddad")
    join(page)
    send(page, "300")
    expect(page.locator("#ticket-result")).to_contain_text("Bought 300")
    account = page.locator("#contest").get_attribute("data-account")
    state = made.storage_state()
    made.close()
    return state, f"/accounts/{account}"


def visit(site: Site, context: BrowserContext, paths: list[str], *, accessible: bool = False) -> None:
    """Open each path and look at it until its scripts have run and a print has come, on a desktop and a phone."""
    page = context.new_page()
    site.watch(page)
    for path in paths:
        page.goto(site.url + path)
        live = page.locator("[data-live]").first
        if live.count():
            expect(live).not_to_have_attribute("data-live-state", "connecting")
        page.wait_for_timeout(300)
        if accessible:
            assert_accessible(page)
        fits(page, None, path)
    page.close()


def test_no_page_complains(site: Site, browser: Browser, trader: tuple[dict, str]):
    state, account = trader
    agent = agents.agents_list()[0]
    contest = contests.contest_get(site.slug)
    arena = f"/contests/{site.slug}"
    site.schedule_another()
    view = {"viewport": {"width": 1440, "height": 900}}
    visitor, signed_in = browser.new_context(**view), browser.new_context(**view, storage_state=state)
    public = [
        "/",
        "/contests",
        "/contests/later",
        arena,
        f"/agents/{agent.id}",
        f"/accounts/{agent.seats[0].account_id}",
    ]
    own = ["/", "/contests", arena, "/account", account, f"{account}?tab=orders", f"{account}?tab=trades"]
    visit(site, visitor, [*public, "/sign-in", "/sign-up", "/nowhere", "/contests/nowhere"], accessible=True)
    visit(site, signed_in, [*own, "/contests/later", f"/agents/{agent.id}"], accessible=True)
    contest_pause(actor=OPERATOR, contest_id=contest.id, reason="test")
    visit(site, signed_in, [arena, account])
    contest_end(actor=OPERATOR, contest_id=contest.id, reason="test")
    visit(site, visitor, ["/", "/contests", arena])
    visit(site, signed_in, [arena, account])
    visitor.close()
    signed_in.close()
    assert site.problems == []


def chart_is_drawn(page: Page) -> bool:
    """Whether the equity chart has painted something besides its axes."""
    script = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let painted = 0;
        for (let at = 3; at < data.length; at += 4) painted += data[at] > 60;
        return painted > 200;
    }"""
    charts = page.locator('[data-chart="equity"] td:nth-child(2) canvas')
    return any(charts.nth(at).evaluate(script) for at in range(charts.count()))


def test_the_account_and_the_agents_page_move_with_the_market(
    site: Site, context: BrowserContext, browser: Browser, trader: tuple[dict, str]
):
    state, account = trader
    signed_in = browser.new_context(storage_state=state)
    signed_in.set_default_timeout(15_000)
    for made, path in ((signed_in, account), (context, f"/agents/{agents.agents_list()[2].id}")):
        page = made.new_page()
        site.watch(page)
        page.goto(site.url + path)
        expect(page.locator("[data-live]").first).to_have_attribute("data-live-state", "live")
        assert chart_is_drawn(page)
        equity = page.locator("#figures [data-me=equity]")
        before = equity.inner_text()
        site.step(6)
        expect(equity).not_to_have_text(before)
        shown = figure(equity.inner_text())
        page.reload()
        assert figure(equity.inner_text()) == shown
        page.close()
    signed_in.close()
    assert site.problems == []


TYPED = """(field, values) => values.forEach((value) => {
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def test_the_ticket_asks_the_server_only_when_the_person_changes_it(
    site: Site, browser: Browser, trader: tuple[dict, str]
):
    state, _ = trader
    made = browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900})
    page = made.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/preview") else None)
    page.goto(f"{site.url}/contests/{site.slug}")
    expect(page.locator("[data-live]").first).to_have_attribute("data-live-state", "live")
    expect(page.locator("#estimate dl")).to_have_attribute("data-notional", re.compile(r"^\d"))
    page.wait_for_timeout(400)
    asked.clear()
    value = page.locator('[data-estimate="value"]')
    before = value.inner_text()
    site.step(4)
    expect(value).not_to_have_text(before)
    ask = figure(page.locator('[data-chart="ask"]').inner_text())
    assert figure(value.inner_text()) == ask * 10
    assert asked == []
    # Three keys faster than any machine is slow: in one turn of the page, so that they can only be one question.
    page.get_by_label("Quantity").evaluate(TYPED, ["100", "1000", "10000"])
    expect(value).to_have_text(f"{ask * 10_000:,.2f}")
    page.wait_for_timeout(700)
    assert len(asked) == 1
    page.get_by_role("button", name="Max").click()
    page.wait_for_timeout(700)
    expect(page.locator("[data-denial]")).to_have_count(0)
    made.close()


def test_whoever_is_below_the_pushed_rows_sees_their_own_row_move(
    site: Site, browser: Browser, trader: tuple[dict, str]
):
    state, _ = trader
    made = browser.new_context(storage_state=state)
    page = made.new_page()
    site.watch(page)
    # As if fifty others were ahead: the pushed rows are without the viewer's.
    page.add_init_script("""
        const parse = JSON.parse;
        JSON.parse = (text, ...rest) => {
            const value = parse(text, ...rest);
            const me = document.querySelector("[data-me][data-board]")?.dataset.me;
            if (value && Array.isArray(value.rows) && "ranked" in value) {
                value.rows = value.rows.filter((row) => String(row.account_id) !== me);
            }
            return value;
        };
    """)
    page.goto(f"{site.url}/contests/{site.slug}")
    expect(page.locator("[data-live]").first).to_have_attribute("data-live-state", "live")
    site.step(2)
    mine = page.locator("[data-board-me] tr.is-pinned")
    expect(mine).to_contain_text("Noor Haddad")
    before = mine.locator('[data-cell="value"]').inner_text()
    page.wait_for_timeout(3100)
    site.step(6)
    expect(mine.locator('[data-cell="value"]')).not_to_have_text(before)
    made.close()
    assert site.problems == []
