"""Webhooks over HTTP: what is refused, what is taken once, what is set aside."""

import json
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.models import OutboxEvent
from payments.adapters import registry
from payments.adapters.sandbox import checkouts
from payments.adapters.sandbox.signature import HEADER, body_of, signature
from payments.domain.ports import ProviderError
from payments.models import Payment, SandboxEvent, WebhookDelivery
from payments.services import webhooks
from payments.services.checkout import purchase_begin

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/webhooks/sandbox"


@pytest.fixture
def paid(things):
    view = purchase_begin(actor=UserFactory(), kind="thing", reference="one", idempotency_key="k")
    checkouts.checkout_pay(view.url.rsplit("/", 1)[1], "pay")
    return Payment.objects.get(pk=view.id)


@pytest.fixture
def event(paid):
    return SandboxEvent.objects.filter(object_kind="charge").latest("pk")


def send(client, body, sign=None, at=None, address=ADDRESS):
    header = signature(body, int(time.time()) if at is None else at) if sign is None else sign
    return client.post(address, body, content_type="application/json", headers={HEADER: header} if header else {})


def test_stored_taken_and_processed_once(client, event, paid, things):
    body = body_of(event)
    for expected in ("received", "duplicate", "duplicate"):
        answer = send(client, body)
        assert (answer.status_code, answer.json()["code"]) == (200, expected)
    assert things.granted == []  # not before it is processed
    assert OutboxEvent.objects.filter(topic="payments.webhook").count() == 1
    assert webhooks.webhooks_process_due() == 1
    assert webhooks.webhooks_process_due() == 0
    assert things.granted == [paid.pk]
    statuses = list(WebhookDelivery.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == ["processed", "duplicate", "duplicate"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body, now: (body + b" ", signature(body, now)), "signature_wrong"),
        (lambda body, now: (body[:-20], signature(body, now)), "signature_wrong"),
        (lambda body, now: (body[:-20], signature(body[:-20], now)), "body_unreadable"),
        (lambda body, now: (body, signature(body, now - 301)), "signature_stale"),
        (lambda body, now: (body, signature(body, now + 301)), "signature_stale"),
        (lambda body, now: (body, ""), "signature_missing"),
        (lambda body, now: (body, "t=1,v1=00"), "signature_wrong"),
        (lambda body, now: (b"\xff\xfe", signature(b"\xff\xfe", now)), "body_unreadable"),
    ],
)
def test_what_is_not_the_providers_is_kept_and_refused(client, event, things, change, code):
    body, sign = change(body_of(event), int(time.time()))
    answer = send(client, body, sign)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    row = WebhookDelivery.objects.get()
    assert (row.status, bytes(row.body)) == ("rejected", body)
    assert webhooks.webhooks_process_due() == 0
    assert things.granted == []


def test_forged_ones_are_kept_up_to_a_number(client, event, monkeypatch):
    monkeypatch.setattr(webhooks, "KEPT_AN_HOUR", 3)
    assert [send(client, b"{}", "t=1,v1=00").status_code for _ in range(5)] == [400, 400, 400, 429, 429]
    assert WebhookDelivery.objects.filter(status="rejected").count() == 3
    assert send(client, body_of(event)).status_code == 200  # what is the provider's is always taken


def test_one_that_is_refused_for_good_is_set_aside_sooner(client, event, paid):
    send(client, body_of(event))
    broken = Broken(ProviderError("gone", "No such charge."))
    registry.replace("sandbox", lambda: broken)
    try:
        for _ in range(webhooks.REFUSED_TRIES):
            WebhookDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))
            webhooks.webhooks_process_due()
    finally:
        registry.replace("sandbox", None)
    assert WebhookDelivery.objects.get().status == "poison"


def test_one_whose_provider_is_not_set_up_waits(event, paid, things, settings):
    body = body_of(event)
    kept = {HEADER: signature(body, int(time.time()))}
    WebhookDelivery.objects.create(provider="sandbox", body=body, headers=kept, next_at=timezone.now())
    settings.SANDBOX_PAYMENTS = False
    webhooks.webhooks_process_due()
    assert WebhookDelivery.objects.get().status == "received"
    settings.SANDBOX_PAYMENTS = True
    for _ in range(2):
        WebhookDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        webhooks.webhooks_process_due()
    assert things.granted == [paid.pk]


def test_unknown_not_set_up_too_large_and_the_old_addresses(client, event, settings):
    assert send(client, b"{}", address="/api/v1/webhooks/paypal").status_code == 404
    assert send(client, b"{}", address="/api/v1/webhooks/stripe").status_code == 503
    assert send(client, b"x" * 300_000).status_code == 413
    for address in ("/api/payments/webhook/sandbox/", "/v1/webhooks/sandbox", "/api/prop-firm/webhook/sandbox/"):
        assert send(client, body_of(event), address=address).status_code == 200
    assert client.get(ADDRESS).status_code == 405
    settings.SANDBOX_PAYMENTS = False
    assert send(client, body_of(event)).status_code == 503


def test_what_means_nothing_is_ignored_with_a_reason(client, event):
    told = json.loads(body_of(event)) | {"id": "sev_other", "object": {"kind": "customer", "ref": "scu_1"}}
    assert send(client, json.dumps(told).encode()).json()["code"] == "ignored"
    told |= {"id": "sev_third", "object": {"kind": "charge", "ref": "sch_unknown"}}
    assert send(client, json.dumps(told).encode()).status_code == 200
    webhooks.webhooks_process_due()
    row = WebhookDelivery.objects.get(event_id="sev_third")
    assert (row.status, row.reason[:9]) == ("received", "not_found")


class Broken:
    def __init__(self, error):
        self.error, self.inner = error, registry.provider("sandbox")

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def charge(self, ref):
        raise self.error


@pytest.mark.parametrize("error", [ProviderError("down", "No.", is_retryable=True), RuntimeError("odd")])
def test_poison_is_set_aside_and_replayed_when_it_is_mended(client, event, paid, things, error):
    send(client, body_of(event))
    broken = Broken(error)
    registry.replace("sandbox", lambda: broken)
    try:
        for _ in range(webhooks.MAX_ATTEMPTS):
            WebhookDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))
            webhooks.webhooks_process_due()
    finally:
        registry.replace("sandbox", None)
    row = WebhookDelivery.objects.get()
    assert (row.status, row.attempts) == ("poison", webhooks.MAX_ATTEMPTS)
    assert webhooks.webhooks_process_due() == 0
    out = StringIO()
    call_command("replay_webhooks", "--status", "poison", "--dry-run", stdout=out)
    assert out.getvalue().startswith("1 webhooks would")
    call_command("replay_webhooks", "--provider", "sandbox", "--reason", "mended", stdout=out)
    row.refresh_from_db()
    assert (row.status, row.replays) == ("processed", 1)
    call_command("replay_webhooks", stdout=out)  # once more changes nothing
    assert things.granted == [paid.pk]


def test_a_process_that_dies_while_it_holds_one_lets_it_fall_due_again(client, event, paid, things):
    send(client, body_of(event))
    now = timezone.now()
    WebhookDelivery.objects.update(attempts=1, next_at=now + webhooks.LEASE)  # claimed, and then nothing
    assert webhooks.webhooks_process_due() == 0
    WebhookDelivery.objects.update(next_at=now - timedelta(seconds=1))
    assert webhooks.webhooks_process_due() == 1
    assert things.granted == [paid.pk]


def test_stored_and_not_yet_verified_is_verified_later(event, paid, things):
    body = body_of(event)
    kept = {HEADER: signature(body, int(time.time()))}
    WebhookDelivery.objects.create(provider="sandbox", body=body, headers=kept, next_at=timezone.now())
    WebhookDelivery.objects.create(provider="sandbox", body=body, headers={}, next_at=timezone.now())
    webhooks.webhooks_process_due()
    webhooks.webhooks_process_due()
    assert sorted(WebhookDelivery.objects.values_list("status", flat=True)) == ["processed", "rejected"]
    assert things.granted == [paid.pk]


def test_old_bodies_are_emptied_and_old_refusals_forgotten(client, event):
    send(client, body_of(event))
    send(client, b"{}", "t=1,v1=00")
    WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(days=91))
    assert webhooks.webhooks_purge(now=timezone.now()) == 3
    row = WebhookDelivery.objects.get()
    assert (bytes(row.body), row.headers, bool(row.event_id)) == (b"", {}, True)
