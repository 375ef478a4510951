"""People in a browser: made beforehand and signed in through the page, or from the very first step."""

import re

from django.conf import settings
from django.core import mail
from playwright.sync_api import ConsoleMessage, Page, expect

from accounts.models import User
from accounts.tests.factories import UserFactory
from core.services.outbox import drain

PASSWORD = "correct-horse-battery-9"


def is_complaint(message: ConsoleMessage) -> bool:
    """Whether a line of the console is a fault of the page.

    A refused form, or a page that a plan does not hold, is a resource that failed, for Chromium; and where no stream
    process runs, the bell says so.
    """
    is_stream = "/events?" in message.location.get("url", "") or ":8001" in message.text
    is_refusal = any(f"status of {status}" in message.text for status in (402, 422))
    return message.type in ("error", "warning") and not is_refusal and not is_stream


def arrive(page: Page, url: str, name: str, path: str) -> User:
    """Someone who is set up signs in and comes back to `path`."""
    email = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    user = UserFactory(email=email, display_name=name, password=PASSWORD)
    page.goto(f"{url}/sign-in?next={path}")
    sign_in(page, email)
    page.wait_for_url(f"**{path}")
    return user


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Fill in the page of signing in and send it."""
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    """By the menu."""
    page.get_by_label("Your menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def mailed_link(url: str, to: str) -> str:
    """The last link in the newest mail to someone, on the server under test."""
    drain()
    message = [message for message in mail.outbox if to in message.to][-1]
    links = re.findall(rf"{re.escape(settings.SITE_URL)}/\S+", str(message.body))
    link = next(link for link in links if "/verify/" in link or "/password/reset/" in link)
    return link.replace(settings.SITE_URL, url).rstrip(".")
