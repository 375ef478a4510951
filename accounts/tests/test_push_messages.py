"""Web push: to browsers that asked for it, readable by them alone."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from py_vapid import Vapid02
from rest_framework.test import APIClient

from accounts.adapters import webpush
from accounts.domain.push_hosts import endpoint_allowed
from accounts.models import (
    NotificationDelivery,
    PushSubscription,
    User,
)
from accounts.services.deliveries import deliveries_send
from accounts.services.notices import notify_in_tx
from accounts.tests.factories import UserFactory
from accounts.tests.vendors import Web, web_service
from core.errors import Unavailable

pytestmark = pytest.mark.django_db


def tell(user: User, kind: str = "contest_started", dedupe: str = "one", **params: object) -> NotificationDelivery:
    params = {"contest": "Spring", **params}
    notice = notify_in_tx(user_id=user.pk, kind=kind, dedupe=dedupe, params=params, url="/contests/spring")
    return NotificationDelivery.objects.filter(notification_id=notice).order_by("channel").first()


def states() -> list[str]:
    return list(NotificationDelivery.objects.order_by("pk").values_list("status", flat=True))


def due_now() -> None:
    NotificationDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))


# ---- Push


class Browser:
    """A browser's side of a push subscription."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"0123456789abcdef"
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.p256dh, self.auth = (base64.urlsafe_b64encode(data).rstrip(b"=").decode() for data in (point, self.secret))

    def read(self, body: bytes) -> dict[str, str]:
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret))


@pytest.fixture
def push(settings) -> Iterator[Web]:
    vapid = Vapid02()
    vapid.generate_keys()
    number = vapid.private_key.private_numbers().private_value
    settings.VAPID_PRIVATE_KEY = base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
    point = vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    settings.VAPID_PUBLIC_KEY = base64.urlsafe_b64encode(point).rstrip(b"=").decode()
    settings.VAPID_CONTACT = "ops@example.com"
    with web_service() as service:
        service.answer = (201, {}, b"")
        yield service


def subscribed(user: User, push: Web, path: str = "/p/1") -> Browser:
    browser = Browser()
    PushSubscription.objects.create(user=user, endpoint=f"{push.url}{path}", p256dh=browser.p256dh, auth=browser.auth)
    return browser


def call(user: User, dedupe: str = "m") -> NotificationDelivery:
    notify_in_tx(
        user_id=user.pk,
        kind="margin_call",
        dedupe=dedupe,
        params={"account": "A", "message": "Now."},
        url="/accounts/1",
    )
    return NotificationDelivery.objects.get(channel="push", notification__dedupe=dedupe)


def test_only_the_browser_can_read_a_push_and_it_is_signed(push):
    user = UserFactory()
    browser = subscribed(user, push)
    row = call(user)
    deliveries_send()
    (sent,) = push.sent
    assert b"Margin" not in sent["body"]
    told = browser.read(sent["body"])
    assert told == {
        "title": "Margin call on A", "body": "Now.", "url": "/accounts/1", "tag": f"notice-{row.notification_id}"
    }  # fmt: skip
    assert sent["headers"]["Urgency"] == "high"
    assert sent["headers"]["Ttl"] == "86400"
    token = sent["headers"]["Authorization"].split("t=")[1].split(",")[0]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert (claims["aud"], claims["sub"]) == (push.url, "mailto:ops@example.com")
    row.refresh_from_db()
    assert row.status == "sent"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(push, status):
    user = UserFactory()
    subscribed(user, push, "/gone")
    subscribed(user, push, "/here")
    push.script = [(status, {}, b"")]
    row = call(user)
    deliveries_send()
    row.refresh_from_db()
    assert row.status == "sent"
    assert PushSubscription.objects.get().endpoint.endswith("/here")


def test_a_push_service_that_fails_is_tried_again_and_one_that_refuses_is_given_up(push):
    user = UserFactory()
    subscribed(user, push)
    push.script = [(503, {"Retry-After": "90"}, b""), None, (201, {}, b"")]
    row = call(user)
    for expected in ("pending", "pending", "sent"):
        deliveries_send()
        row.refresh_from_db()
        assert row.status == expected
        due_now()
    push.answer = (400, {}, b"")
    for number in range(5):
        call(user, f"refused{number}")
        deliveries_send()
    assert not PushSubscription.objects.exists()


def test_a_push_follows_no_redirect(push):
    user = UserFactory()
    subscribed(user, push)
    push.script = [(307, {"Location": f"{push.url}/inside"}, b"")]
    call(user)
    deliveries_send()
    assert [sent["path"] for sent in push.sent] == ["/p/1"]


def test_a_push_that_was_being_sent_when_its_sender_died_is_sent_again(push):
    user = UserFactory()
    browser = subscribed(user, push)
    row = call(user)
    NotificationDelivery.objects.filter(pk=row.pk).update(
        status="sending", attempts=1, next_at=timezone.now() - timedelta(seconds=1)
    )
    deliveries_send()
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("sent", 2)
    assert browser.read(push.sent[0]["body"])["tag"] == f"notice-{row.notification_id}"


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", True),
        ("https://web.push.apple.com/Q", True),
        ("https://wns2-par02p.notify.windows.com/w/?token=x", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://fcm.googleapis.com@10.0.0.1/x", False),
        ("https://10.0.0.1/x", False),
        ("https://localhost/x", False),
        ("https://[::1]/x", False),
        ("https://fcm.googleapis.com.evil.example/x", False),
        ("https://evilpush.apple.com/x", False),
        ("https://push.apple.com.evil/x", False),
        ("https://169.254.169.254\\@fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com/" + "x" * 500, False),
        ("https://fcm.googleapis.com/\r\nHost: x", False),
        ("file:///etc/passwd", False),
        ("https://[bad/x", False),
        ("", False),
    ],
)
def test_pushes_go_to_push_services_only(endpoint, allowed):
    assert endpoint_allowed(endpoint) is allowed


@pytest.fixture
def api(push) -> APIClient:
    client = APIClient()
    client.user = UserFactory()
    client.force_authenticate(client.user)
    return client


def body(browser: Browser, number: int = 1) -> dict[str, str]:
    endpoint = f"https://fcm.googleapis.com/fcm/send/{number}"
    return {"endpoint": endpoint, "p256dh": browser.p256dh, "auth": browser.auth}


def test_a_browser_subscribes_once_and_at_most_ten_do(api):
    browser = Browser()
    for number in (1, 1, *range(2, 13)):
        answer = api.post("/api/v1/me/push-subscriptions", body(browser, number), format="json")
        assert answer.status_code == 201
    kept = [row["endpoint"].rpartition("/")[2] for row in api.get("/api/v1/me/push-subscriptions").json()]
    assert kept == [str(number) for number in range(12, 2, -1)]
    end = {"endpoint": "https://fcm.googleapis.com/fcm/send/12"}
    assert api.delete("/api/v1/me/push-subscriptions", end, format="json").status_code == 204
    assert PushSubscription.objects.count() == 9


def test_a_browser_that_changes_hands_tells_the_new_person_only(api):
    browser, before = Browser(), UserFactory()
    PushSubscription.objects.create(user=before, **body(browser))
    api.post("/api/v1/me/push-subscriptions", body(browser), format="json")
    assert PushSubscription.objects.get().user_id == api.user.pk


def test_nobody_ends_anothers(api):
    other = UserFactory()
    PushSubscription.objects.create(user=other, **body(Browser()))
    api.delete("/api/v1/me/push-subscriptions", {"endpoint": body(Browser())["endpoint"]}, format="json")
    assert PushSubscription.objects.filter(user=other).exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"endpoint": "https://10.0.0.1/x"}, "endpoint_invalid"),
        ({"p256dh": "AAAA"}, "push_keys_invalid"),
        ({"p256dh": base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode()}, "push_keys_invalid"),
        ({"auth": "AAAA"}, "push_keys_invalid"),
        ({"auth": "é" * 22}, "push_keys_invalid"),
    ],
)
def test_what_is_no_subscription_is_refused(api, change, code):
    answer = api.post("/api/v1/me/push-subscriptions", {**body(Browser()), **change}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_without_keys_there_is_no_push(api, settings):
    settings.VAPID_PRIVATE_KEY = ""
    answer = api.post("/api/v1/me/push-subscriptions", body(Browser()), format="json")
    assert (answer.status_code, answer.json()["code"]) == (503, "push_not_set_up")
    client = Client()
    client.force_login(api.user)
    assert "Web push is not set up" in client.get(reverse("settings-notifications")).content.decode()
    assert not webpush.push_is_set_up()
    assert Unavailable.status == 503


def test_the_worker_is_served_from_the_root(client):
    answer = client.get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "showNotification" in answer.content.decode()
    assert "worker-src 'self'" in answer["Content-Security-Policy"]
