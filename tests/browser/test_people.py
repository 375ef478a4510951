"""A person from the first step to a second factor; a forgotten password; a session that is ended from elsewhere."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from accounts.models import User
from accounts.selectors.standing import standing_of
from accounts.services.consents import texts_publish
from accounts.tests.factories import UserFactory
from tests.browser.axe import shot
from tests.browser.people import PASSWORD, is_complaint, mailed_link, sign_in, sign_out


@pytest.fixture(autouse=True)
def texts(live_server, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return texts_publish()


def open_page(browser: Browser, width: int = 1440) -> Page:
    """A browser of its own; whatever its console complains of is collected."""
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.complaints = []

    def note(message: ConsoleMessage) -> None:
        if is_complaint(message):
            page.complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def look(page: Page) -> None:
    """The page stands: accessible, as wide as the screen on a phone and a desktop, and nothing complained."""
    shot(page, None, page.url)
    assert page.complaints == []


def code_now(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def sign_up(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/sign-up?next=/contests")
    look(page)
    page.get_by_label("Name").fill("Ines Moreau")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create your account").click()
    expect(page.get_by_role("heading", name="Open the link we sent")).to_be_visible()
    look(page)


def set_up(page: Page) -> None:
    """The steps of onboarding."""
    page.get_by_label("Country you live in").select_option(label="India")
    page.get_by_label("Date of birth").fill("1990-02-02")
    look(page)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Less than two years").check()
    page.get_by_label("Moderate").check()
    look(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="The terms")).to_be_visible()
    look(page)
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Accept and continue").click()


def add_authenticator(page: Page, url: str) -> str:
    """Set an authenticator app up; its secret."""
    page.goto(f"{url}/settings/security")
    look(page)
    page.get_by_role("link", name="Add a second factor").click()
    if "/reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button").first.click()
    secret = page.locator(".factor-key").inner_text().replace(" ", "")
    look(page)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    page.get_by_label("Code").fill(code_now(secret))
    page.get_by_role("button", name="Turn it on").click()
    page.wait_for_url("**/recovery-codes**")
    look(page)
    return secret


def test_from_sign_up_to_a_second_factor(browser: Browser, live_server):
    page, email = open_page(browser), "ines@example.com"
    sign_up(page, live_server.url, email)
    page.goto(mailed_link(live_server.url, email))
    look(page)
    page.get_by_role("button", name="Confirm").click()
    set_up(page)
    user = User.objects.get(email=email)
    expect(page.get_by_role("main")).to_be_visible()
    assert standing_of(User.objects.get(pk=user.pk)).is_clear
    secret = add_authenticator(page, live_server.url)
    sign_out(page)
    # The code of this half minute was used to set it up.
    Authenticator.objects.filter(user=user, type="totp").update(data={**_data(user), "last_counter": 0})
    page.goto(f"{live_server.url}/sign-in?next=/settings/security")
    look(page)
    sign_in(page, email)
    page.wait_for_url("**/sign-in/second-factor**")
    look(page)
    page.get_by_label("Code").fill(code_now(secret))
    page.get_by_role("button", name="Sign in", exact=True).first.click()
    page.wait_for_url("**/settings/security")
    expect(page.get_by_text("Two things are asked for")).to_be_visible()
    look(page)


def _data(user: User) -> dict:
    return Authenticator.objects.get(user=user, type="totp").data


def test_a_forgotten_password(browser: Browser, live_server):
    user = UserFactory(email="omar@example.com", display_name="Omar")
    elsewhere, page = open_page(browser), open_page(browser, width=390)
    elsewhere.goto(f"{live_server.url}/sign-in?next=/settings/sessions")
    sign_in(elsewhere, user.email, "correct-horse-battery")
    elsewhere.wait_for_url("**/settings/sessions")
    page.goto(f"{live_server.url}/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    look(page)
    page.get_by_label("Email").fill(user.email)
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/password/reset/sent")
    look(page)
    link = mailed_link(live_server.url, user.email)
    page.goto(link)
    look(page)
    page.locator("input[type=password]").first.fill("another-horse-battery-7")
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/password/reset/done")
    look(page)
    elsewhere.goto(f"{live_server.url}/settings/sessions")
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{live_server.url}/sign-in?next=/settings/sessions")
    sign_in(page, user.email, "another-horse-battery-7")
    page.wait_for_url("**/settings/sessions")
    page.goto(link)
    expect(page.locator("input[type=password]")).to_have_count(0)
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()


def test_a_session_dies_when_it_is_ended_from_elsewhere(browser: Browser, live_server):
    user = UserFactory(email="lena@example.com", display_name="Lena")
    here, there = open_page(browser), open_page(browser)
    for page in (here, there):
        page.goto(f"{live_server.url}/sign-in?next=/settings/sessions")
        sign_in(page, user.email, "correct-horse-battery")
        page.wait_for_url("**/settings/sessions")
    here.reload()
    look(here)
    here.get_by_role("button", name="End it").first.click()
    here.wait_for_url("**/settings/sessions")
    there.goto(f"{live_server.url}/settings/security")
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
    here.goto(f"{live_server.url}/settings/security")
    expect(here.get_by_role("heading", name="Security")).to_be_visible()


def test_every_page_of_the_settings_is_accessible(browser: Browser, live_server):
    user = UserFactory(email="kim@example.com", display_name="Kim")
    page = open_page(browser)
    for place in ("sign-in/code", "legal/terms", "legal/privacy", "sign-in"):
        page.goto(f"{live_server.url}/{place}")
        look(page)
    sign_in(page, user.email, "correct-horse-battery")
    page.wait_for_url(f"{live_server.url}/**")
    for place in ("profile", "security", "sessions", "keys", "keys/new", "notifications", "identity", "privacy"):
        page.goto(f"{live_server.url}/settings/{place}")
        look(page)
    for place in ("notifications", "settings/security/password", "settings/security/email", "settings/privacy/delete"):
        page.goto(f"{live_server.url}/{place}")
        look(page)
