"""Switches of the platform."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from core import flags
from core.errors import Invalid
from core.models import AuditEntry, OutboxEvent
from core.services.flags import flag_set

pytestmark = pytest.mark.django_db


def on(key="maintenance", **more):
    return flag_set(actor=None, key=key, is_on=True, reason="a test", **more)


def test_a_switch_is_seen_said_and_written_down():
    assert flags.flags_on() == ()
    until = datetime.now(tz=UTC) + timedelta(hours=1)
    on(message="Back soon.", until=until)
    assert flags.flags_on() == (flags.FlagView("maintenance", "Back soon.", until),)
    assert not flags.flag_is_on("trading_halt")
    entry = AuditEntry.objects.get(action="flag_set")
    assert (entry.subject_id, entry.reason, entry.before["is_on"], entry.after["is_on"]) == (
        "maintenance", "a test", False, True
    )  # fmt: skip
    assert OutboxEvent.objects.get(topic="core.flag_changed").payload == {"key": "maintenance", "is_on": True}
    flag_set(actor=None, key="maintenance", is_on=False, reason="done")
    assert flags.flags_on() == ()


def test_setting_it_as_it_is_changes_nothing():
    on()
    on()
    assert AuditEntry.objects.filter(action="flag_set").count() == 1


def test_a_switch_ends_by_itself(settings):
    row = on(until=datetime.now(tz=UTC) + timedelta(hours=1))
    type(row).objects.update(until=datetime.now(tz=UTC) - timedelta(seconds=1))
    flags.flags_forget()
    assert flags.flags_on() == ()


def test_other_processes_see_it_after_a_second(settings, django_assert_num_queries):
    settings.FLAGS_KEPT_SECONDS = 0
    with django_assert_num_queries(1):
        assert not flags.flag_is_on("maintenance")
    settings.FLAGS_KEPT_SECONDS = 60
    with django_assert_num_queries(0):
        flags.flags_on()


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "nope"},
        {"reason": " "},
        {"until": datetime(2020, 1, 1, tzinfo=UTC)},
        {"message": "x" * 201},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(Invalid):
        flag_set(actor=None, **{"key": "maintenance", "is_on": True, "reason": "r", **wrong})
    assert not AuditEntry.objects.exists()


def test_during_maintenance_nothing_is_written_and_everything_is_read():
    on(message="Back at noon.")
    client = Client()
    client.force_login(get_user_model().objects.create_user("ann@example.com"))
    assert "Back at noon." in client.get("/contests").content.decode()
    refused = client.post("/api/v1/orders", {}, "application/json")
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "maintenance", "60")
    assert refused.json()["message"] == "Back at noon."
    page = client.post("/sign-up", {})
    assert page.status_code == 503
    assert "Back at noon." in page.content.decode()
    part = client.post("/watchlists", {}, headers={"HX-Request": "true"})
    assert (part.status_code, part.content.decode().startswith("<p")) == (503, True)
    assert client.post("/sign-out").status_code == 302
    assert client.post("/sign-in", {"email": "x"}).status_code == 422
    assert client.post("/admin/login/").status_code in (302, 403)


def test_the_alias_of_an_address_is_no_way_around():
    on()
    for path in ("/v1/orders", "/api/orders/", "/api/v1/orders/"):
        assert Client().post(path, {}, "application/json").status_code == 503, path


def test_a_page_shows_no_banner_without_a_reason():
    assert "platform-banner" not in Client().get("/contests").content.decode()


def test_the_command():
    call_command("set_flag", "trading_halt", "on", "--reason", "exchange down", "--message", "Wait.")
    assert flags.flag_on("trading_halt").message == "Wait."
    call_command("set_flag", "trading_halt", "off", "--reason", "up again")
    assert flags.flags_on() == ()
    for wrong in ("2020-01-01T00:00Z", "tomorrow", "2099-01-01T00:00"):
        with pytest.raises(CommandError):
            call_command("set_flag", "trading_halt", "on", "--reason", "r", "--until", wrong)
