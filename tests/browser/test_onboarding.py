"""Onboarding, texts, profile and public page in a browser: by keyboard, on a phone and a desktop, by night and day."""

import pytest
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from accounts.models import User
from accounts.selectors.standing import standing_of
from accounts.services.consents import texts_publish
from accounts.services.onboarding import person_set_up
from accounts.services.profile import profile_update
from accounts.tests.factories import UserFactory
from tests.browser.axe import fits
from tests.browser.people import is_complaint


@pytest.fixture(autouse=True)
def texts(live_server, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return texts_publish()


def open_as(browser: Browser, live_server, user: User) -> Page:
    """A page of a signed-in browser; whatever its console complains of fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    client = Client()
    client.force_login(user)
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: _note(page, message))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def _note(page: Page, message: ConsoleMessage) -> None:
    if is_complaint(message):
        page.complaints.append(message.text)


def test_from_the_first_step_to_the_end_by_keyboard(browser, live_server, settings):
    settings.BLOCKED_REGIONS = ["US-NY"]
    user = UserFactory(clearance=0)
    page = open_as(browser, live_server, user)
    page.goto(f"{live_server.url}/contests")
    page.get_by_role("link", name="Finish setting up").click()
    country = page.get_by_label("Country you live in")
    country.focus()
    country.select_option(label="United States of America")
    region = page.get_by_label("State or region")
    expect(region).to_be_visible()
    region.select_option(label="California")
    page.get_by_label("Date of birth").fill("2020-02-02")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("18 or older")
    expect(region).to_have_value("US-CA")
    page.get_by_label("Date of birth").fill("1990-02-02")
    page.keyboard.press("Enter")
    page.get_by_label("Less than two years").focus()
    page.keyboard.press("Space")
    page.get_by_label("Moderate").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The terms")).to_be_visible()
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    for number in range(2):
        boxes.nth(number).focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Accept and continue").click()
    assert not standing_of(User.objects.get(pk=user.pk)).is_clear
    boxes.nth(2).check()
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Accept and continue").click()
    expect(page.get_by_role("heading", name="You are set up")).to_be_visible()
    page.get_by_role("link", name="Go on where you were").click()
    expect(page).to_have_url(f"{live_server.url}/contests")
    expect(page.get_by_role("link", name="Finish setting up")).to_have_count(0)
    assert standing_of(User.objects.get(pk=user.pk)).is_clear
    assert page.complaints == []


def test_pages_fit_and_do_not_complain(browser, live_server, shots):
    newcomer = UserFactory(clearance=0, display_name="Noor Haddad")
    page = open_as(browser, live_server, newcomer)
    for step in ("where", "experience", "consent"):
        page.goto(f"{live_server.url}/onboarding/{step}")
        fits(page, shots, f"onboarding-{step}")
    page.goto(f"{live_server.url}/contests")
    fits(page, shots, "standing")
    assert page.complaints == []
    person = person_set_up(user_id=UserFactory(clearance=0, display_name="Jane Doe").pk, because="test")
    profile_update(user_id=person.pk, changes={"handle": "jane_d", "bio": "Slow and steady."})
    page = open_as(browser, live_server, person)
    for path, name in (
        ("/onboarding/done", "done"),
        ("/legal/privacy", "legal"),
        ("/settings/profile", "profile"),
        ("/people/jane_d", "person"),
    ):
        page.goto(f"{live_server.url}{path}")
        fits(page, shots, name)
    assert page.complaints == []


def test_a_picture_is_shown_before_it_is_sent_and_after(browser, live_server, tmp_path):
    from PIL import Image

    source = tmp_path / "me.png"
    Image.effect_noise((500, 300), 80).save(source)
    person = person_set_up(user_id=UserFactory(clearance=0).pk, because="test")
    page = open_as(browser, live_server, person)
    page.goto(f"{live_server.url}/settings/profile")
    page.locator("#id_avatar").set_input_files(str(source))
    expect(page.locator("[data-avatar-preview] img")).to_be_visible()
    page.get_by_role("button", name="Save picture").click()
    expect(page.get_by_role("button", name="Remove")).to_be_visible()
    picture = page.locator("[data-avatar-preview] img")
    assert picture.evaluate("img => [img.naturalWidth, img.naturalHeight]") == [256, 256]
    page.get_by_role("button", name="Remove").click()
    expect(picture).to_have_count(0)
    assert page.complaints == []


def test_the_theme_of_the_account_is_taken_over_once(browser, live_server):
    person = person_set_up(user_id=UserFactory(clearance=0).pk, because="test")
    page = open_as(browser, live_server, person)
    page.goto(f"{live_server.url}/settings/profile")
    page.get_by_label("Theme").select_option("light")
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.complaints == []
