"""Privacy and data in a browser: a copy from asking to download, and leaving, taken back and carried out."""

import json
import zipfile
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Consent, DataExport, DeletionRequest, LegalText
from accounts.services import deletion, exports
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.people import files_in
from tests.browser.axe import fits
from tests.browser.people import is_complaint


@pytest.fixture
def page(context, live_server, transactional_db, monkeypatch, tmp_path):
    """A signed-in person's page that tolerates no complaint in the console."""
    files_in(monkeypatch, tmp_path)
    user = UserFactory(email="ann@example.com", display_name="Ann")
    for edition, (kind, title) in enumerate((("terms", "Terms of use"), ("risk", "Risk disclosure")), start=801):
        text = LegalText.objects.create(kind=kind, version=edition, edition=edition, title=title, body="Be fair.")
        Consent.objects.create(user=user, text=text)
    found = context.new_page()
    complaints: list[str] = []

    def console(line):
        if is_complaint(line):
            complaints.append(f"{line.text} {line.location}")

    found.on("console", console)
    sign_in(found, live_server)
    yield found
    assert not complaints


def sign_in(page, live_server, target="/settings/privacy"):
    page.goto(f"{live_server.url}/sign-in?next={target}")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"**{target}")


def test_a_copy_is_asked_for_watched_and_fetched(page, shots, tmp_path):
    fits(page, shots, "privacy-empty")
    page.get_by_role("button", name="Make a copy").click()
    page.get_by_text("Waiting to be built").wait_for()
    row = DataExport.objects.get()
    DataExport.objects.update(status="building", progress=42)
    page.get_by_text("Being built, 42%").wait_for()
    fits(page, shots, "privacy-building")
    DataExport.objects.update(status="requested")
    assert exports.export_build(export_id=row.pk)
    link = page.get_by_role("link", name="Download")
    link.wait_for()
    fits(page, shots, "privacy-ready")
    with page.expect_download() as waiting:
        link.click()
    waiting.value.save_as(tmp_path / "copy.zip")
    assert waiting.value.suggested_filename.startswith("trading-arena-data-")
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert json.loads(archive.read("data/user.json"))[0]["email"] == "ann@example.com"


def test_leaving_taken_back_and_carried_out(page, live_server, shots):
    page.get_by_role("link", name="Delete my account").click()
    page.get_by_role("heading", name="Stays, without your name").wait_for()
    fits(page, shots, "privacy-delete")
    page.get_by_role("button", name="Delete my account").click()
    page.get_by_text("Type delete, or your email address, to confirm.").wait_for()
    fits(page, shots, "privacy-delete-refused")
    page.get_by_label("Type delete, or your email address").fill("ann@example.com")
    page.get_by_role("button", name="Delete my account").click()
    page.wait_for_url("**/settings/privacy")
    page.get_by_role("heading", name="Your account will be deleted").wait_for()
    fits(page, shots, "privacy-leaving")
    page.goto(f"{live_server.url}/contests")
    page.get_by_role("complementary", name="Deletion of your account").get_by_role("button").click()
    page.get_by_text("Your account stays.").wait_for()
    assert DeletionRequest.objects.get().status == "cancelled"
    page.get_by_role("link", name="Delete my account").click()
    page.get_by_label("Type delete, or your email address").fill("delete")
    page.get_by_role("button", name="Delete my account").click()
    page.get_by_role("heading", name="Your account will be deleted").wait_for()
    DeletionRequest.objects.filter(status="waiting").update(due_at=timezone.now() - timedelta(seconds=1))
    assert deletion.deletions_carry_out() == 1
    page.goto(f"{live_server.url}/settings/privacy")
    page.wait_for_url("**/sign-in?next=/settings/privacy")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("The email or the password is not right.").wait_for()
