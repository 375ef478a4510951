"""API keys in a browser: made, copied, used, changed and revoked."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from accounts.models import ApiKey
from accounts.tests.factories import PASSWORD, UserFactory
from tests.browser.axe import fits
from tests.browser.people import is_complaint

NAME = "Grid bot"


@pytest.fixture
def page(context, live_server, transactional_db):
    """A signed-in person's page that tolerates no complaint in the console."""
    user = UserFactory(email="ann@example.com", display_name="Ann")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    found = context.new_page()
    complaints: list[str] = []
    found.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
    found.goto(f"{live_server.url}/sign-in?next=/settings/keys")
    found.get_by_label("Email").fill(user.email)
    found.get_by_label("Password").fill(PASSWORD)
    found.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    found.wait_for_url("**/settings/keys")
    yield found
    assert not complaints


def status(live_server, key):
    where = urlsplit(live_server.url)
    connection = HTTPConnection(where.hostname, where.port, timeout=10)
    connection.request("GET", "/api/v1/accounts", headers={"X-API-Key": key})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()).get("code")


def test_a_key_from_its_making_to_its_end(page, live_server, shots):
    fits(page, shots, "keys-empty")
    page.get_by_role("link", name="New key").click()
    fits(page, shots, "keys-new")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Read and trade").check()
    page.get_by_label("Addresses it may be used from").fill("nonsense")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_text("neither an address nor a network").wait_for()
    fits(page, shots, "keys-refused")
    page.get_by_label("Addresses it may be used from").fill("127.0.0.0/8\n2001:db8::/32")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("heading", name=f"{NAME} is ready").wait_for()
    fits(page, shots, "keys-made")
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    key = page.evaluate("navigator.clipboard.readText()")
    assert key == page.get_by_label("Your new API key").input_value()
    assert status(live_server, key) == (200, None)

    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("heading", name=NAME).wait_for()
    assert key not in page.content()
    fits(page, shots, "keys-list")
    page.get_by_role("link", name=f"Edit {NAME}").click()
    page.get_by_label("Addresses it may be used from").fill("192.0.2.1")
    fits(page, shots, "keys-edit")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("192.0.2.1/32").wait_for()
    assert status(live_server, key) == (403, "key_ip")

    page.get_by_label(f"Revoke {NAME}").click()
    fits(page, shots, "keys-revoking")
    page.get_by_role("button", name="Revoke this key").click()
    page.get_by_text("was revoked").wait_for()
    fits(page, shots, "keys-past")
    assert status(live_server, key) == (401, "key_revoked")
    assert ApiKey.objects.get().revoked_at is not None
