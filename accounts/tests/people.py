"""A person with something in every table of accounts, recognisable wherever it turns up."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import models
from accounts.models import User
from accounts.tests.factories import UserFactory
from core.services import audit

FAR = datetime(2090, 1, 1, tzinfo=UTC)
# What must not be in a copy, nor left after a deletion.
SECRETS = ("canary-totp-secret", "canary-key-digest", "canary-session-key", "canary-push-auth", "canary-p256dh")


def proved(client: Any, user: User) -> Any:
    """Sign in as someone who has just proved to be the one."""
    client.logout()
    client.force_login(user)
    session = client.session
    session["account_authentication_methods_user"] = str(user.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": datetime.now(tz=UTC).timestamp(), "reauthenticated": True}
    ]
    session.save()
    return client


def files_in(monkeypatch: Any, place: Path) -> None:
    """Have files of this test lie in a directory of its own."""
    private = (storages["private"], models.DataExport._meta.get_field("file").storage,
               models.IdentityDocument._meta.get_field("file").storage)  # fmt: skip
    public = (storages["default"], models.Profile._meta.get_field("avatar").storage)
    for found, name in ((private, "private"), (public, "public")):
        for storage in found:
            assert storage.location  # one that is made when it is first asked
            real = getattr(storage, "_wrapped", storage)
            for attribute in ("base_location", "location"):
                monkeypatch.setitem(real.__dict__, attribute, str(place / name))


def canaries(mark: str) -> dict[str, str]:
    """What identifies this person."""
    return {
        "email": f"{mark}@canary.example",
        "name": f"{mark.capitalize()} Canary",
        "handle": f"{mark}_canary",
        "bio": f"{mark}-bio-canary",
        "phone": "+4915112345678" if mark == "ann" else "+4915187654321",
        "legal": f"{mark.capitalize()} Maria Legal-Canary",
        "city": f"{mark}-city-canary",
        "agent": f"{mark}-agent-canary",
        "key": f"{mark}-key-canary",
        "google": f"{mark}-google-canary",
        "note": f"{mark}-note-canary",
        "ip": "203.0.113.41" if mark == "ann" else "203.0.113.42",
    }


def person(mark: str = "ann", *, staff: User | None = None, **fields: Any) -> User:
    """The person, active and with something everywhere."""
    it = canaries(mark)
    user = UserFactory(email=it["email"], display_name=it["name"], handle=it["handle"], **fields)
    _profile(user, it)
    _doors(user, it, mark)
    _told(user, it, mark)
    _checked(user, it, staff or UserFactory(display_name="Sam Staff", email=f"{mark}-staff@example.com"))
    return user


def _profile(user: User, it: dict[str, str]) -> None:
    profile = user.profile
    profile.bio, profile.country, profile.region, profile.birth_date = it["bio"], "DE", "DE-BE", date(1990, 2, 3)
    profile.experience, profile.risk_tolerance = "some", "moderate"
    profile.phone, profile.phone_verified_at = it["phone"], FAR
    profile.avatar.save("x", ContentFile(f"avatar of {it['name']}".encode()), save=False)
    profile.save()
    models.HandleClaim.objects.create(skeleton=it["handle"], handle=it["handle"], user=user)
    text, _ = models.LegalText.objects.get_or_create(
        kind="terms", version=901, edition=901, defaults={"title": "Terms", "body": "Be fair."}
    )
    models.Consent.objects.create(user=user, text=text, ip=it["ip"], user_agent=it["agent"])


def _doors(user: User, it: dict[str, str], mark: str) -> None:
    SocialAccount.objects.create(user=user, provider="google", uid=it["google"], extra_data={"name": it["google"]})
    Authenticator.objects.create(user=user, type="totp", data={"secret": "canary-totp-secret"})
    models.SignIn.objects.create(
        user=user, kind="web", method="password", session_key="canary-session-key", ip=it["ip"], city=it["city"],
        user_agent=it["agent"], expires_at=FAR,
    )  # fmt: skip
    token = OutstandingToken.objects.create(user=user, jti=f"{mark}-jti-canary", token="", expires_at=FAR)
    BlacklistedToken.objects.create(token=token)
    models.ApiKey.objects.create(
        user=user, name=it["key"], prefix=f"ak_{mark}0000", digest="canary-key-digest", last_used_ip=it["ip"]
    )
    user.groups.add(Group.objects.get_or_create(name="a group")[0])
    user.user_permissions.add(Permission.objects.order_by("pk").first())


def _told(user: User, it: dict[str, str], mark: str) -> None:
    notice = models.Notification.objects.create(
        user=user, kind="verdict", title=it["note"], params={"place": it["city"]}, dedupe=f"{mark}-dedupe"
    )
    models.NotificationDelivery.objects.create(notification=notice, channel="email", message_id=it["note"][:100])
    models.NotificationPreference.objects.create(user=user, kind="verdict", channel="email", is_on=False)
    models.NotificationSettings.objects.create(user=user, quiet_from=time(22), quiet_until=time(6))
    models.PushSubscription.objects.create(
        user=user, endpoint=f"https://push.example/{mark}-push-canary", p256dh="canary-p256dh", auth="canary-push-auth"
    )


def _checked(user: User, it: dict[str, str], staff: User) -> None:
    check = models.IdentityCheck.objects.create(
        user=user, status="approved", legal_name=it["legal"], country="DE", decided_by=staff, decided_at=FAR,
        assessment="canary-reviewers-note", reason=it["note"],
    )  # fmt: skip
    document = models.IdentityDocument(check_of=check, kind="front", content_type="image/png", size=3, sha256="0" * 64)
    document.file.save("x", ContentFile(f"passport of {it['legal']}".encode()), save=False)
    document.save()
    models.DeviceSighting.objects.create(user=user, kind="device", digest="d" * 64)
    lead = models.AbuseLead.objects.create(key=f"device:{user.pk}", kind="device", score=70, evidence={})
    lead.users.add(user, staff)
    old = models.DataExport.objects.create(user=user, status="ready", ready_at=FAR, expires_at=FAR)
    old.file.save("x", ContentFile(b"an older copy"), save=True)
    models.DeletionRequest.objects.create(
        user=user, status="cancelled", due_at=FAR, cancelled_at=FAR - timedelta(days=1)
    )
    audit.record(actor=user, action="profile_changed", subject_type="user", subject_id=user.pk, ip=it["ip"])
    audit.record(
        actor=staff, action="user_suspended", subject_type="user", subject_id=user.pk, reason=it["note"],
        ip="203.0.113.99",
    )  # fmt: skip
    LogEntry.objects.create(
        user=staff, content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk),
        object_repr=it["name"], action_flag=CHANGE,
    )  # fmt: skip
    LogEntry.objects.create(user=user, object_id="1", object_repr="something else", action_flag=CHANGE)
