"""The bell in a browser: live, by keyboard, over two pages; what one wants; the mailbox."""

import re

import pytest
from django.db import transaction

from accounts.services.deliveries import deliveries_send
from accounts.services.notices import Notice, notify_many_in_tx
from accounts.tests.factories import PASSWORD, UserFactory
from tests.browser.axe import fits


@pytest.fixture
def ann(transactional_db):
    return UserFactory(email="ann@example.com", display_name="Ann")


@pytest.fixture
def pages(context, live_server, stream, ann):
    """Two pages of one signed-in person; no complaint in their consoles."""
    complaints: list[str] = []

    def opened():
        page = context.new_page()
        page.on("console", lambda line: complaints.append(f"{page.url} {line.text}") if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    first = opened()
    first.goto(f"{live_server.url}/sign-in?next=/settings/notifications")
    first.get_by_label("Email").fill(ann.email)
    first.get_by_label("Password").fill(PASSWORD)
    first.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    first.wait_for_url("**/settings/notifications")
    second = opened()
    second.goto(f"{live_server.url}/notifications")
    yield first, second
    # A refused form; the stream while it is away; a list given up for what is pressed.
    expected = ("status of 422", "ERR_CONNECTION_REFUSED", "htmx:sendAbort", "htmx:afterRequest")
    assert not [text for text in complaints if not any(words in text for words in expected)]


def tell(user, *names: str) -> None:
    with transaction.atomic():
        notify_many_in_tx([Notice(user.pk, "contest_started", name, {"contest": name}, "/contests") for name in names])


def bell(page, words: str):
    return page.locator(f'summary[aria-label="{words}"]')


def listening(pages) -> None:
    """Wait until one of the pages hears the stream: the other has it from there."""
    for page in pages:
        page.wait_for_timeout(700)


def test_the_bell_counts_on_by_itself_in_every_page_and_opens_by_keyboard(pages, ann, shots):
    first, second = pages
    listening(pages)
    tell(ann, "Spring Sprint")
    bell(first, "Notifications, 1 unread").wait_for()
    bell(second, "Notifications, 1 unread").wait_for()
    second.locator("[data-bell-said]", has_text="Notification: Spring Sprint has started").wait_for(state="attached")
    tell(ann, "Summer", "Autumn")
    bell(first, "Notifications, 3 unread").wait_for()

    bell(second, "Notifications, 3 unread").focus()
    second.keyboard.press("Enter")
    second.get_by_role("link", name=re.compile("Unread: Spring Sprint has started")).wait_for()
    fits(second, shots, "bell")
    second.keyboard.press("Escape")
    assert not second.locator("[data-bell]").evaluate("(bell) => bell.open")
    assert second.evaluate("document.activeElement.tagName") == "SUMMARY"

    second.keyboard.press("Enter")
    second.get_by_role("button", name="Mark all read").first.click()
    bell(second, "Notifications").wait_for()
    bell(first, "Notifications").wait_for()  # the other page heard of it
    second.keyboard.press("Escape")

    tell(ann, "Winter")
    bell(first, "Notifications, 1 unread").click()
    first.get_by_role("link", name=re.compile("Winter has started")).click()
    first.wait_for_url("**/contests")
    bell(first, "Notifications").wait_for()


def test_a_list_that_was_asked_for_before_does_not_bring_back_what_is_read(pages, ann):
    _, second = pages
    tell(ann, "Spring Sprint")
    second.reload()
    bell(second, "Notifications, 1 unread").click()
    second.get_by_role("button", name="Mark all read").last.wait_for()
    second.keyboard.press("Escape")
    late = []

    def hold(route):
        late.append((route, route.fetch()))

    second.route("**/notifications/panel", hold)
    bell(second, "Notifications, 1 unread").click()
    while not late:
        second.wait_for_timeout(20)
    second.locator("[data-bell-panel]").get_by_role("button", name="Mark all read").click()
    bell(second, "Notifications").wait_for()
    for route, answer in late:
        route.fulfill(response=answer)
    second.wait_for_timeout(300)
    assert bell(second, "Notifications").is_visible()


def test_the_bell_is_right_again_after_the_stream_was_away(pages, ann, stream):
    first, second = pages
    listening(pages)
    stream.stop()
    tell(ann, "Missed")
    stream.start()
    bell(first, "Notifications, 1 unread").wait_for()
    bell(second, "Notifications, 1 unread").wait_for()


def test_the_list_and_what_one_wants(pages, ann, shots):
    first, second = pages
    fits(second, shots, "notifications-empty")
    tell(ann, *(f"Contest {number}" for number in range(30)))
    second.reload()
    second.get_by_text("Page 1 of 2").wait_for()
    fits(second, shots, "notifications")
    second.get_by_role("button", name="Mark as read: Contest 29 has started").click()
    second.get_by_role("link", name=re.compile("^Unread")).first.wait_for()

    fits(first, shots, "settings-notifications")
    first.get_by_label("A contest of yours starts: mail").uncheck()
    first.get_by_label("From", exact=True).fill("22:00")
    first.get_by_role("button", name="Save").click()
    first.get_by_text("Give both ends of the quiet hours").first.wait_for()
    fits(first, shots, "settings-notifications-refused")
    assert not first.get_by_label("A contest of yours starts: mail").is_checked()
    first.get_by_label("Until", exact=True).fill("07:00")
    first.get_by_role("button", name="Save").click()
    first.get_by_text("Saved. It holds from now on.").wait_for()
    assert first.get_by_label("From", exact=True).input_value() == "22:00"


def test_the_mailbox_shows_what_would_have_been_sent(pages, ann, settings, tmp_path, live_server, shots):
    settings.DEBUG, settings.MAIL_IS_LOCAL = True, True
    settings.MAILBOX_DIR, settings.SITE_URL = tmp_path / "mailbox", live_server.url
    settings.EMAIL_BACKEND = "accounts.adapters.mailbox.MailboxBackend"
    first, _ = pages
    first.reload()
    first.get_by_role("button", name="Send me a test").click()
    first.get_by_text("Sent. The bell shows it now").wait_for()
    deliveries_send()
    first.goto(f"{live_server.url}/mailbox")
    fits(first, shots, "mailbox")
    first.get_by_role("link", name=re.compile("This is a test")).click()
    frame = first.frame_locator("iframe")
    frame.get_by_role("heading", name="This is a test").wait_for()
    fits(first, shots, "mailbox-message")
    tell(ann, "Spring Sprint")
    deliveries_send()
    first.goto(f"{live_server.url}/mailbox")
    first.get_by_role("link", name=re.compile("Spring Sprint has started")).click()
    first.get_by_role("link", name=re.compile("unsubscribe")).click()
    first.get_by_role("button", name="Stop this mail").wait_for()
    fits(first, shots, "unsubscribe")
    first.get_by_role("button", name="Stop this mail").click()
    first.get_by_role("heading", name="You get no such mail any more").wait_for()
