"""A person goes all the way through the platform, things break, and nothing about the person is in the logs."""

import io
import json
import logging
import re

import pytest
import structlog
from celery import shared_task
from django.core import mail
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import path

from accounts.models import DataExport, User
from accounts.services import exports
from accounts.services.deletion import deletion_now
from config import urls as real_urls
from config.settings import LOGGING
from contests.tests import factories as arena
from core import logs
from core.models import OutboxEvent
from core.outbox import subscribe, unsubscribe
from core.services import outbox
from marketdata.tests.factories import advance
from trading.models import Account

pytestmark = pytest.mark.django_db

EMAIL, NEW_EMAIL = "ann.canary@canary.example", "ann.other@canary.example"
PASSWORD, SECOND, WRONG = "a-canary-password-91", "another-canary-password-92", "a-wrong-canary-password"
NAME, BIO, AGENT = "Annabel Canaryname", "A bio about canaries", "CanaryBrowser/9.1"
BIRTH, PHONE, IP = "1987-03-21", "+14155550142", "203.0.113.77"
CANARIES = [EMAIL, NEW_EMAIL, PASSWORD, SECOND, WRONG, NAME, BIO, AGENT, BIRTH, PHONE, IP, "14155550142"]
JSON = {"content_type": "application/json"}


@pytest.fixture
def heard():
    """Every logger at DEBUG (but for those that the configuration quiets), written as JSON into a buffer."""
    config = logs.logging_config(level="DEBUG", style="json", debug=False)
    shape = config["formatters"]["json"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    chains = {name: shape[name] for name in ("processors", "foreign_pre_chain")}
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**chains))
    root = logging.getLogger()
    wanted = dict.fromkeys(LOGGING["loggers"], logging.NOTSET)  # what a local installation quiets
    wanted |= {name: values["level"] for name, values in config["loggers"].items()}
    levels = {name: logging.getLogger(name).level for name in wanted}
    before = root.level
    for name, level in wanted.items():
        logging.getLogger(name).setLevel(level)
    # A level of its own would hide what the platform's loggers say.
    assert not {name for name in LOGGING["loggers"] if name.split(".")[0] in ("accounts", "core", "trading")}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def link() -> str:
    outbox_now()
    return re.findall(r"http://\S+?(/(?:verify|password/reset)/\S+)", mail.outbox[-1].body)[-1]


def outbox_now() -> None:
    OutboxEvent.objects.update(next_at="2000-01-01T00:00:00Z")
    outbox.drain()


def nothing_of(canaries: list[str], stream: io.StringIO) -> None:
    text = stream.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) > 20
    for canary in canaries:
        found = [line["event"] for line in lines if canary.lower() in json.dumps(line, ensure_ascii=False).lower()]
        assert found == [], canary


def test_a_persons_way_through_the_platform(heard):
    browser = Client(REMOTE_ADDR=IP, headers={"User-Agent": AGENT})
    secrets: list[str] = []
    _sign_up(browser, secrets)
    user = User.objects.get(email=EMAIL)
    _set_up(browser)
    headers = _tokens(browser, secrets)
    _use(browser, headers, secrets, user)
    _leave(browser, headers)
    outbox_now()
    nothing_of([*CANARIES, *(secret for secret in secrets if len(secret) > 6)], heard)
    assert len(secrets) > 6


def _sign_up(browser: Client, secrets: list[str]) -> None:
    made = browser.post("/sign-up", {"email": EMAIL, "display_name": NAME, "password": PASSWORD})
    assert made.status_code == 302
    verify = link()
    secrets.append(verify.rsplit("/", 1)[1])
    assert browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code in (302, 422)
    assert browser.get(verify).status_code == 200
    assert browser.post(verify).status_code == 302
    browser.post("/sign-out")
    assert browser.post("/sign-in", {"email": EMAIL, "password": WRONG}).status_code == 422
    assert browser.post(f"/sign-in?next=/x&email={EMAIL}", {"email": EMAIL, "password": ""}).status_code == 422
    assert browser.post("/password/reset", {"email": EMAIL}).status_code == 302
    reset = link()
    secrets.append(reset.rsplit("/", 1)[1])
    form = browser.get(reset, follow=True).request["PATH_INFO"]
    browser.post(form, dict.fromkeys(("password", "password1", "password2", "new_password"), SECOND), follow=True)
    assert User.objects.get(email=EMAIL).check_password(SECOND)
    browser.post("/sign-in/code", {"to": EMAIL})
    outbox_now()
    secrets += re.findall(r"(?m)^\s*(\d{3} ?\d{3,5})\s*$", mail.outbox[-1].body)


def _set_up(browser: Client) -> None:
    user = User.objects.get(email=EMAIL)
    user.set_password(PASSWORD)
    user.save()
    assert browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 302
    where = {"country": "DE", "region": "DE-BE", "birth_date": BIRTH}
    browser.post("/onboarding/where", where)
    browser.post("/onboarding/where", {**where, "birth_date": "nonsense"})
    browser.post("/onboarding/experience", {"experience": "some", "risk_tolerance": "moderate"})
    profile = {"display_name": NAME, "bio": BIO, "handle": "annabel_canary"}
    assert browser.patch("/api/v1/me/profile", profile, **JSON).status_code == 200
    browser.post("/settings/profile", profile)
    browser.post("/settings/security/phone", {"phone": PHONE, "country": "US"})
    browser.post("/settings/security/email", {"email": NEW_EMAIL})
    outbox_now()
    User.objects.filter(pk=user.pk).update(clearance=2_147_483_647)


def _tokens(browser: Client, secrets: list[str]) -> dict[str, str]:
    api = Client(REMOTE_ADDR=IP, headers={"User-Agent": AGENT})
    wrong = api.post("/api/v1/auth/token", {"email": EMAIL, "password": WRONG}, **JSON)
    assert wrong.status_code == 401
    again = api.post("/api/v1/auth/register", {"email": EMAIL, "password": PASSWORD, "display_name": NAME}, **JSON)
    assert again.status_code < 500
    pair = api.post("/api/v1/auth/token", {"email": EMAIL, "password": PASSWORD}, **JSON).json()
    secrets += [pair["access"], pair["refresh"]]
    renewed = api.post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]}, **JSON).json()
    secrets += [renewed["access"], renewed["refresh"]]
    api.get("/api/v1/auth/me", HTTP_AUTHORIZATION="Bearer a-forged-canary-token")
    secrets.append("a-forged-canary-token")
    return {"HTTP_AUTHORIZATION": f"Bearer {renewed['access']}"}


def _use(browser: Client, headers: dict[str, str], secrets: list[str], user: User) -> None:
    made = browser.post("/api/v1/me/keys", {"name": "Canary key", "password": PASSWORD}, **JSON, **headers)
    text = made.json().get("key") or made.json().get("text") or ""
    assert text.startswith("ak_")
    secrets.append(text)
    keyed = Client(REMOTE_ADDR=IP).get("/api/v1/accounts", headers={"X-API-Key": text})
    assert keyed.status_code == 200
    Client(REMOTE_ADDR=IP).get("/api/v1/accounts", headers={"X-API-Key": f"{text}x"})
    view = arena.contest()
    assert browser.post(f"/contests/{view.slug}/join").status_code == 302
    account = Account.objects.get(owner=user)
    advance(view.market_id)
    order = {"account_id": account.pk, "symbol": "AAA", "side": "buy", "quantity": "1", "type": "market"}
    placed = browser.post("/api/v1/orders", order, **JSON, **headers)
    assert (placed.status_code, placed.json()["status"]) == (201, "filled")
    refused = browser.post("/api/v1/orders", {**order, "symbol": EMAIL}, **JSON, **headers)
    assert refused.status_code in (400, 422)
    for page in ("/settings/profile", "/settings/security", "/settings/privacy", "/people/annabel_canary", "/contests"):
        assert browser.get(f"{page}?email={EMAIL}").status_code < 500


def _leave(browser: Client, headers: dict[str, str]) -> None:
    proof = {"password": PASSWORD}
    assert browser.post("/api/v1/me/privacy/exports", proof, **JSON, **headers).status_code == 202
    assert exports.export_build(export_id=DataExport.objects.get().pk)
    leaving = browser.post("/api/v1/me/privacy/deletion", {**proof, "confirm": EMAIL}, **JSON, **headers)
    assert leaving.status_code == 202
    assert deletion_now(user_id=User.objects.get(email=EMAIL).pk, reason="a test")


# ---- Things break ----


def _broken(request):
    """A view that fails with what it was sent in its message."""
    raise ValueError(f"{EMAIL} from {IP}, password={PASSWORD!r}, phone {PHONE}")


def _broken_row(request):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO accounts_user (email, display_name) VALUES (%s, %s)", [EMAIL, NAME])


urlpatterns = [path("broken", _broken), path("broken-row", _broken_row), *real_urls.urlpatterns]


@shared_task
def _broken_task(email: str, **_: str) -> None:
    raise RuntimeError(f"cannot reach {email}")


@override_settings(ROOT_URLCONF=__name__)
def test_what_breaks_tells_no_more(heard):
    browser = Client(REMOTE_ADDR=IP, headers={"User-Agent": AGENT}, raise_request_exception=False)
    for _ in range(8):
        assert browser.post(f"/broken?email={EMAIL}", {"password": PASSWORD, "name": NAME}).status_code == 500
    assert browser.post("/broken-row", {"password": PASSWORD}).status_code == 500
    assert browser.post("/api/v1/auth/token", b'{"email": "' + EMAIL.encode(), **JSON).status_code == 400
    _broken_task.apply(kwargs={"email": EMAIL, "name": NAME})
    _broken_task.apply_async(kwargs={"email": EMAIL, "name": NAME}, throw=False)

    @subscribe("tests.canary", "tests.broken")
    def _handler(event):
        raise KeyError(f"{EMAIL} is not known")

    try:
        with transaction.atomic():
            outbox.emit(topic="tests.canary", aggregate="canary:1", payload={"n": 1})
        outbox_now()
    finally:
        unsubscribe("tests.canary", "tests.broken")
    nothing_of(CANARIES, heard)
    text = heard.getvalue()
    assert "ValueError: ***" in text
    assert "Failing row contains (***)" in text
    assert "cannot reach ***" in text
    assert "is not known" in text
    assert "_broken" in text


def test_the_test_would_see_what_is_not_masked(heard):
    """Names in free text cannot be told from words: whoever logs one fails the tests above."""
    for _ in range(21):
        logging.getLogger("accounts.services.x").debug("hello %s", NAME)
    with pytest.raises(AssertionError, match="Canaryname"):
        nothing_of(CANARIES, heard)
