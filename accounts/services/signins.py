"""Where people are signed in: opened when they sign in, kept up to date, ended at once when they or we want it."""

from datetime import datetime, timedelta
from importlib import import_module
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.adapters.agents import agent_name
from accounts.domain.client import Client
from accounts.locks import user_lock
from accounts.models import SignIn, User
from accounts.selectors.signins import method_name, place_name
from accounts.services.leads import client_seen_in_tx
from accounts.services.notices import notify_in_tx
from accounts.services.users import tokens_revoke_in_tx
from core import push
from core.errors import Invalid, NotFound
from core.services import audit, outbox

MAX_LIVE = 100  # of one user; the one longest unseen ends when there would be more
MAX_COMPARED = 500
FORGET_BATCH = 2_000


def signin_open(
    *, user_id: int, kind: str, method: str, client: Client, expires_at: datetime, session_key: str = ""
) -> SignIn:
    """A user has signed in."""
    with transaction.atomic(durable=True):
        return signin_open_in_tx(
            user=user_lock(user_id), kind=kind, method=method, client=client, expires_at=expires_at,
            session_key=session_key,
        )  # fmt: skip


def signin_open_in_tx(
    *, user: User, kind: str, method: str, client: Client, expires_at: datetime, session_key: str = ""
) -> SignIn:
    """`signin_open` inside the caller's transaction. From a device not seen before, the user is told."""
    user_lock(user.pk)
    is_first = not SignIn.objects.filter(user_id=user.pk).exists()
    is_new = not is_first and not _is_known(user.pk, kind, client)
    _make_room_in_tx(user.pk)
    signin = SignIn.objects.create(
        user_id=user.pk,
        kind=kind,
        method=method[:24],
        session_key=session_key,
        device=client.device,
        ip=client.ip,
        country=client.country,
        city=client.city[:80],
        user_agent=client.user_agent[:300],
        expires_at=expires_at,
    )
    payload = {"user_id": user.pk, "sign_in": str(signin.pk), "is_new_device": is_new}
    outbox.emit(topic="accounts.signed_in", aggregate=f"user:{user.pk}", payload=payload)
    client_seen_in_tx(user_id=user.pk, client=client)
    if is_new:
        _tell_new_device_in_tx(signin)
    return signin


def signin_moved(*, signin_id: UUID, session_key: str, expires_at: datetime) -> None:
    """The browser's session has another key, or lives longer."""
    SignIn.objects.filter(pk=signin_id, ended_at__isnull=True).update(session_key=session_key, expires_at=expires_at)


def signin_seen(*, signin_id: UUID, client: Client) -> bool:
    """Note that a sign-in is in use, and from where; False when it has ended."""
    found = SignIn.objects.filter(pk=signin_id, ended_at__isnull=True)
    place = {"ip": client.ip, "country": client.country, "city": client.city[:80]} if client.ip else {}
    return bool(found.update(last_seen_at=Now(), **place))


def signin_close(*, signin_id: UUID) -> None:
    """The person has signed out here."""
    with transaction.atomic(durable=True):
        signin = SignIn.objects.select_for_update().filter(pk=signin_id, ended_at__isnull=True).first()
        if signin is not None:
            signin_end_in_tx(signin=signin, because="signed_out")


def signin_revoke(*, user_id: int, signin_id: UUID, ip: str | None = None) -> SignIn:
    """End one of the user's own sign-ins, wherever it is. Ended already: nothing changes. Raises NotFound."""
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        signin = SignIn.objects.select_for_update().filter(pk=signin_id, user_id=user_id).first()
        if signin is None:
            raise NotFound("sign_in_not_found", "There is no such session.")
        if signin.ended_at is None:
            signin_end_in_tx(signin=signin, because="revoked")
            _audit_in_tx(user, {"sign_in": str(signin.pk), "ended": 1}, "revoked", ip)
    return signin


def signins_revoke_all(*, user_id: int, keep: UUID | str | None = None, ip: str | None = None) -> int:
    """Sign a user out everywhere, but for `keep`; returns how many sign-ins ended."""
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        ended = signins_end_all_in_tx(user_id=user_id, because="everywhere", keep=keep)
        if keep is None:
            tokens_revoke_in_tx(user_id=user_id)
        _audit_in_tx(user, {"ended": ended}, "everywhere" if keep is None else "everywhere else", ip)
    return ended


def signin_end_by_operator(*, actor: User, signin_id: UUID, reason: str, ip: str | None = None) -> SignIn:
    """End someone's sign-in for them, with a reason. Ended already: nothing changes."""
    if not reason.strip():
        raise Invalid("invalid", "Say why.", {"reason": ["Say why."]})
    with transaction.atomic(durable=True):
        signin = SignIn.objects.select_for_update().filter(pk=signin_id).first()
        if signin is None:
            raise NotFound("sign_in_not_found", "There is no such session.")
        if signin.ended_at is None:
            signin_end_in_tx(signin=signin, because="operator")
            audit.record(
                actor=actor,
                action="sign_ins_ended",
                subject_type="user",
                subject_id=signin.user_id,
                after={"sign_in": str(signin.pk), "ended": 1},
                reason=reason,
                ip=ip,
            )
    return signin


def signin_end_in_tx(*, signin: SignIn, because: str) -> None:
    """End one sign-in: its session or tokens, and the live streams of its user, which open again where it may."""
    if signin.ended_at is None:
        _end_in_tx([signin], because)


def signins_end_all_in_tx(*, user_id: int, because: str, keep: UUID | str | None = None) -> int:
    """End every sign-in of a user but `keep` (its id): sessions and token families at once. Returns how many."""
    live = SignIn.objects.select_for_update().filter(user_id=user_id, ended_at__isnull=True).order_by("pk")
    return _end_in_tx(list(live if keep is None else live.exclude(pk=keep)), because)


def signins_forget_old(*, days: int) -> int:
    """Close what has expired, and delete what ended or expired longer ago than that; returns how many were deleted."""
    now = timezone.now()
    SignIn.objects.filter(ended_at__isnull=True, expires_at__lt=now).update(
        ended_at=Now(), ended_because="expired", session_key=""
    )
    removed = 0
    while True:
        old = SignIn.objects.filter(ended_at__isnull=False, last_seen_at__lt=now - timedelta(days=days))
        ids = list(old.filter(expires_at__lt=now).values_list("pk", flat=True)[:FORGET_BATCH])
        if not ids:
            return removed
        SignIn.objects.filter(pk__in=ids).delete()
        removed += len(ids)


def _end_in_tx(signins: list[SignIn], because: str) -> int:
    if not signins:
        return 0
    keys = [signin.session_key for signin in signins if signin.session_key]
    now = timezone.now()
    for signin in signins:
        signin.ended_at, signin.ended_because, signin.session_key = now, because[:24], ""
    SignIn.objects.bulk_update(signins, ["ended_at", "ended_because", "session_key"], batch_size=200)
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in keys:
        # Once more after the commit: until then a request may read the row and put it back into the cache.
        store(key).delete()
        transaction.on_commit(lambda key=key: store(key).delete(), robust=True)  # type: ignore[misc]
    for user_id in {signin.user_id for signin in signins}:
        push.stream_restart(user_id)
    outbox.emit_many(
        (
            "accounts.signed_out",
            f"user:{signin.user_id}",
            {"user_id": signin.user_id, "sign_in": str(signin.pk), "because": because},
        )
        for signin in signins
    )
    return len(signins)


def _make_room_in_tx(user_id: int) -> None:
    """Keep the number of live sign-ins bounded: those longest unseen end."""
    live = SignIn.objects.filter(user_id=user_id, ended_at__isnull=True).order_by("-last_seen_at", "pk")
    if surplus := list(live[MAX_LIVE - 1 : MAX_LIVE + 199]):
        _end_in_tx(surplus, "too_many")


def _is_known(user_id: int, kind: str, client: Client) -> bool:
    """Whether the user has signed in from this device before. Without a device, agent and network stand for it."""
    before = SignIn.objects.filter(user_id=user_id)
    if client.device:
        return before.filter(device=client.device).exists()
    like = before.filter(kind=kind, user_agent=client.user_agent[:300])
    addresses = like.order_by("-created_at").values_list("ip", flat=True)[:MAX_COMPARED]
    return any(_network(ip) == _network(client.ip) for ip in addresses)


def _network(ip: str | None) -> Any:
    if ip is None:
        return None
    address = ip_address(ip)
    return ip_network((address, 24 if address.version == 4 else 48), strict=False)


def _tell_new_device_in_tx(signin: SignIn) -> None:
    notify_in_tx(
        user_id=signin.user_id,
        kind="sign_in_new_device",
        dedupe=f"sign_in:{signin.pk}",
        params={
            "device": agent_name(signin.user_agent),
            "place": place_name(signin.country, signin.city, signin.ip),
            "method": f"by {method_name(signin.method)}",
        },
        url="/settings/sessions",
    )


def _audit_in_tx(user: User, after: dict[str, object], reason: str, ip: str | None) -> None:
    audit.record(
        actor=user, action="sign_ins_ended", subject_type="user", subject_id=user.pk, after=after, reason=reason, ip=ip
    )
