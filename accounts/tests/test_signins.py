"""Sign-ins: opened, told of, ended at once."""

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends.cached_db import SessionStore
from django.utils import timezone

from accounts.domain.client import Client
from accounts.models import DeviceSighting, Notification, SignIn
from accounts.selectors.signins import place_name
from accounts.services import signins
from accounts.tests.factories import UserFactory
from core.errors import NotFound
from core.models import AuditEntry, OutboxEvent
from core.tests.threads import race

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
HOME = Client(ip="8.8.8.8", user_agent=FIREFOX, device="d" * 64, country="DE", city="Berlin")


def open_one(user, client=HOME, kind="web", **fields):
    fields = {"method": "password", "expires_at": timezone.now() + timedelta(days=14), **fields}
    return signins.signin_open(user_id=user.pk, kind=kind, client=client, **fields)


def told(user):
    return list(Notification.objects.filter(user=user, kind="sign_in_new_device").order_by("pk"))


def session(**data):
    store = SessionStore()
    store.update(data)
    store.save()
    return store.session_key


def test_the_first_sign_in_tells_nothing_and_a_new_device_does():
    user = UserFactory()
    first = open_one(user)
    assert (first.ip, first.city, first.method, first.device) == ("8.8.8.8", "Berlin", "password", "d" * 64)
    open_one(user)
    assert told(user) == []
    other = open_one(user, Client(ip="8.8.4.4", user_agent="curl/8.0", device="e" * 64), method="google+mfa")
    (notice,) = told(user)
    assert notice.dedupe == f"sign_in:{other.pk}"
    assert (notice.params["device"], notice.params["place"]) == ("curl", "8.8.4.4")
    assert notice.params["method"] == "by Google and a second factor"
    payloads = OutboxEvent.objects.filter(topic="accounts.signed_in").order_by("pk").values_list("payload", flat=True)
    assert [payload["is_new_device"] for payload in payloads] == [False, False, True]


def test_tokens_are_known_by_agent_and_network():
    user = UserFactory()
    bot = {"kind": "token"}
    open_one(user, Client(ip="1.2.3.4", user_agent="bot/1"), **bot)
    open_one(user, Client(ip="1.2.3.99", user_agent="bot/1"), **bot)
    assert told(user) == []
    open_one(user, Client(ip="1.2.4.4", user_agent="bot/1"), **bot)
    open_one(user, Client(ip="1.2.3.4", user_agent="bot/2"), **bot)
    assert len(told(user)) == 2


def test_what_was_seen_is_kept_as_a_hash_and_counted():
    user = UserFactory()
    open_one(user)
    open_one(user)
    seen = DeviceSighting.objects.filter(user=user).order_by("kind")
    assert [(one.kind, one.times) for one in seen] == [("device", 2), ("ip", 2)]
    assert "8.8.8.8" not in seen[1].digest
    open_one(user, Client(ip="192.168.1.4"))
    assert DeviceSighting.objects.filter(user=user).count() == 2


def test_ending_deletes_the_session_and_says_so():
    user = UserFactory()
    key = session(a=1)
    signin = open_one(user, session_key=key)
    assert SessionStore(key).load() == {"a": 1}
    ended = signins.signin_revoke(user_id=user.pk, signin_id=signin.pk, ip="9.9.9.9")
    assert SessionStore(key).load() == {}
    assert (ended.ended_because, ended.session_key) == ("revoked", "")
    entry = AuditEntry.objects.get(action="sign_ins_ended")
    assert (entry.actor_id, entry.ip, entry.after["sign_in"]) == (user.pk, "9.9.9.9", str(signin.pk))
    signins.signin_revoke(user_id=user.pk, signin_id=signin.pk)
    assert AuditEntry.objects.filter(action="sign_ins_ended").count() == 1


def test_a_stranger_ends_nothing():
    signin = open_one(UserFactory())
    with pytest.raises(NotFound):
        signins.signin_revoke(user_id=UserFactory().pk, signin_id=signin.pk)
    signin.refresh_from_db()
    assert signin.ended_at is None


def test_everywhere_else_keeps_one_and_everywhere_keeps_none():
    user, stranger = UserFactory(), UserFactory()
    kept, foreign = open_one(user), open_one(stranger)
    keys = [session(n=n) for n in range(3)]
    for key in keys:
        open_one(user, session_key=key)
    open_one(user, Client(user_agent="bot"), kind="token")
    assert signins.signins_revoke_all(user_id=user.pk, keep=str(kept.pk)) == 4
    assert [SessionStore(key).load() for key in keys] == [{}, {}, {}]
    user.refresh_from_db()
    assert user.token_version == 0
    assert signins.signins_revoke_all(user_id=user.pk) == 1
    user.refresh_from_db()
    assert user.token_version == 1
    foreign.refresh_from_db()
    assert foreign.ended_at is None


def test_seen_moves_with_the_client_and_not_after_the_end():
    user = UserFactory()
    signin = open_one(user)
    SignIn.objects.filter(pk=signin.pk).update(last_seen_at=timezone.now() - timedelta(hours=1))
    assert signins.signin_seen(signin_id=signin.pk, client=Client(ip="8.8.4.4", country="FR"))
    signin.refresh_from_db()
    assert (signin.ip, signin.country, signin.city) == ("8.8.4.4", "FR", "")
    assert timezone.now() - signin.last_seen_at < timedelta(minutes=1)
    signins.signin_close(signin_id=signin.pk)
    assert not signins.signin_seen(signin_id=signin.pk, client=HOME)


def test_live_sign_ins_are_bounded(monkeypatch):
    monkeypatch.setattr(signins, "MAX_LIVE", 3)
    user = UserFactory()
    made = [open_one(user) for _ in range(5)]
    live = set(SignIn.objects.filter(ended_at__isnull=True).values_list("pk", flat=True))
    assert len(live) == 3
    assert made[-1].pk in live
    assert set(SignIn.objects.filter(ended_at__isnull=False).values_list("ended_because", flat=True)) == {"too_many"}


def test_what_is_old_is_closed_and_then_forgotten():
    user, now = UserFactory(), timezone.now()
    live, expired, old = (open_one(user) for _ in range(3))
    SignIn.objects.filter(pk=expired.pk).update(expires_at=now - timedelta(days=1))
    SignIn.objects.filter(pk=old.pk).update(
        expires_at=now - timedelta(days=190), last_seen_at=now - timedelta(days=200)
    )
    days = django_settings.RETENTION_DAYS["sign_ins"]
    assert signins.signins_forget_old(days=days) == 1
    assert set(SignIn.objects.values_list("pk", "ended_because")) == {(live.pk, ""), (expired.pk, "expired")}


@pytest.mark.django_db(transaction=True)
def test_of_two_first_sign_ins_at_once_one_is_the_first():
    user = UserFactory()
    made = race(2, lambda n: open_one(user, Client(ip="8.8.8.8", device=str(n) * 64)))
    assert all(isinstance(one, SignIn) for one in made)
    assert len(told(user)) == 1


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("DE", "Berlin", "8.8.8.8"), "Berlin, Germany"),
        (("DE", "", "8.8.8.8"), "Germany"),
        (("", "", "8.8.8.8"), "8.8.8.8"),
        (("", "", None), "an unknown place"),
    ],
)
def test_places_in_words(place, words):
    assert place_name(*place) == words
