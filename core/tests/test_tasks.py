"""The background tasks do their one thing, and the commands around them speak."""

from io import StringIO

import pytest
import structlog
from celery import current_app
from django.core.management import call_command

from core import outbox as registry
from core import schedule, tasks
from core.models import OutboxEvent, SealedJournal
from core.money import Money
from core.services import audit, ledger, outbox
from core.tests.factories import LedgerAccountFactory

pytestmark = pytest.mark.django_db


def test_events_are_delivered(monkeypatch):
    monkeypatch.setattr(registry, "_handlers", {})
    outbox.emit(topic="t", aggregate="a", payload={})
    tasks.outbox_drain.delay()
    assert OutboxEvent.objects.get().status == "done"


def test_journals_are_sealed():
    first, second = LedgerAccountFactory().pk, LedgerAccountFactory().pk
    legs = [(first, Money(5, "USD")), (second, Money(-5, "USD"))]
    ledger.journal_post_in_tx(book="virtual", kind="t", reference="r", legs=legs)
    tasks.journals_seal.delay()
    tasks.journals_seal_thorough.delay()
    assert SealedJournal.objects.count() == 1


def test_housekeeping_runs():
    tasks.purge.delay()


def test_every_registered_task_exists():
    current_app.loader.import_default_modules()
    assert {entry.task for entry in schedule.entries()} <= set(current_app.tasks)


def test_the_schedule_command_says_what_it_did():
    out = StringIO()
    call_command("sync_schedule", stdout=out)
    assert "created: " in out.getvalue()
    assert "core: deliver events" in out.getvalue()


def test_an_audit_entry_knows_its_request(client):
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        entry = audit.record(actor=None, action="a", subject_type="s", subject_id=1, reason="x" * 900)
    assert (entry.request_id, entry.actor_label, len(entry.reason)) == ("abc", "system", 500)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("203.0.113.7", "203.0.113.7"), ("::1", "::1"), ("203.0.113.7:80", None), ("", None), (None, None)],
)
def test_an_audit_entry_keeps_what_is_an_address(sent, kept):
    entry = audit.record(actor=None, action="a", subject_type="s", subject_id=1, ip=sent)
    entry.refresh_from_db()
    assert entry.ip == kept
