"""Passkeys, by Chromium's virtual authenticator: added, used to sign in alone and after a password, removed."""

from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page, expect

from accounts.models import SignIn, User
from accounts.services.factors import FACTORS
from accounts.tests.factories import PASSWORD, UserFactory
from tests.browser.axe import assert_accessible, shot

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def user(live_server) -> User:
    return UserFactory(email="ann@example.com", display_name="Ann")


@pytest.fixture
def page(browser: Browser) -> Page:
    """A page whose console complains of nothing."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    made = context.new_page()
    complaints: list[str] = []
    # A refused form counts as a resource that failed, no stream process runs here, and a lost session is refused.
    ignored = ("status of 422", "status of 401", ":8001")

    def note(text: str, address: str = "") -> None:
        if not any(part in text + address for part in ignored):
            complaints.append(text)

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            note(message.text, message.location["url"])

    made.on("console", hear)
    made.on("pageerror", lambda error: note(str(error)))
    yield made
    assert complaints == []
    context.close()


@pytest.fixture
def device(page: Page) -> CDPSession:
    """A device that holds passkeys and whose owner always agrees."""
    return plug_in(page)


def plug_in(page: Page, **options: bool) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    answer = session.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **options}})
    session.authenticator = answer["authenticatorId"]
    return session


def sign_in(page: Page, url: str, path: str = "/settings/security") -> None:
    page.goto(f"{url}/sign-in?next={path}")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def sign_out(context: BrowserContext, url: str) -> None:
    context.clear_cookies(name="sessionid")


def add(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/settings/security/passkeys/add")
    page.get_by_label("Name").fill(name)
    assert_accessible(page)
    page.get_by_role("button", name="Add it").click()


def test_a_passkey_from_its_making_to_its_end(page: Page, device, live_server, user):
    url = live_server.url
    sign_in(page, url)
    page.wait_for_url("**/settings/security")
    add(page, url, "Laptop")
    page.wait_for_url("**/recovery-codes")
    expect(page.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(10)
    assert len(device.send("WebAuthn.getCredentials", {"authenticatorId": device.authenticator})["credentials"]) == 1

    sign_out(page.context, url)
    page.goto(f"{url}/sign-in?next=/settings/security/passkeys")
    assert_accessible(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/settings/security/passkeys")
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    assert SignIn.objects.latest("created_at").method == "passkey"
    assert_accessible(page)

    # Signing in by it has just proved who it is: nothing more is asked before it is removed.
    page.get_by_role("link", name="Remove Laptop").click()
    expect(page.get_by_text("only second factor")).to_be_visible()
    page.get_by_role("button", name="Remove it").click()
    page.wait_for_url("**/settings/security/passkeys")
    assert not Authenticator.objects.filter(user=user).exists()
    sign_out(page.context, url)
    page.goto(f"{url}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("The passkey was not accepted")).to_be_visible()


def test_a_passkey_after_the_password_and_again(page: Page, device, live_server, user):
    url = live_server.url
    sign_in(page, url)
    add(page, url, "Key")
    page.wait_for_url("**/recovery-codes")
    sign_out(page.context, url)
    sign_in(page, url)
    page.wait_for_url("**/sign-in/second-factor")
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/settings/security")
    assert SignIn.objects.latest("created_at").method == "password+mfa"
    page.goto(f"{url}/reauthenticate/passkey?next=/settings/sessions")
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/settings/sessions")


def test_a_device_that_does_not_verify_its_owner_makes_none(page: Page, live_server, user):
    plug_in(page, isUserVerified=False)
    sign_in(page, live_server.url)
    page.wait_for_url("**/settings/security")
    add(page, live_server.url, "Key")
    expect(page.get_by_text("Nothing was sent")).to_be_visible()
    expect(page.get_by_role("button", name="Add it")).to_be_enabled()
    assert not Authenticator.objects.filter(user=user).exists()


def test_a_second_passkey_on_the_same_device_is_refused(page: Page, device, live_server, user):
    sign_in(page, live_server.url)
    page.wait_for_url("**/settings/security")
    add(page, live_server.url, "One")
    page.wait_for_url("**/recovery-codes")
    add(page, live_server.url, "Two")
    expect(page.get_by_text("has a passkey for your account already")).to_be_visible()
    assert Authenticator.objects.filter(user=user, type__in=FACTORS).count() == 1


def test_pages_fit_by_day_and_night(page: Page, device, live_server, user, shots: Path | None):
    url = live_server.url
    sign_in(page, url)
    page.wait_for_url("**/settings/security")
    paths = ["security", "security/authenticator", "sessions", "security/passkeys"]
    look(page, url, paths, "none", shots)
    add(page, url, "Ann’s laptop, at the desk by the window of the second floor")
    page.wait_for_url("**/recovery-codes")
    later = ["security", "security/recovery-codes", "security/recovery-codes/new", "security/passkeys"]
    look(page, url, later, "some", shots)


def look(page: Page, url: str, paths: list[str], state: str, shots: Path | None) -> None:
    for path in paths:
        page.goto(f"{url}/settings/{path}")
        shot(page, shots, f"{path.replace('/', '-')}-{state}")
