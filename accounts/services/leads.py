"""Traces of devices, addresses and payments, and the leads drawn from them: who may be one person.

Of what was seen only a keyed hash is kept, for as long as RETENTION_DAYS says. A lead is for a moderator to look at;
nothing here refuses or bans anyone.
"""

from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.adapters.crypto import keyed_hash
from accounts.domain.client import Client
from accounts.domain.leads import ENOUGH, score_of
from accounts.models import AbuseLead, DeviceSighting, User
from core.errors import Conflict, Invalid, NotFound
from core.services import audit, outbox

Kind = DeviceSighting.Kind
Status = AbuseLead.Status
IP_DAYS = 30
MAX_CLUSTERS = 2_000  # of a kind in one run; those with the most users come first
MAX_USERS = 50  # named in one lead
BATCH = 2_000


def client_seen_in_tx(*, user_id: int, client: Client) -> None:
    """Remember the device and the address that a user came with."""
    if client.device:
        _seen_in_tx(user_id, Kind.DEVICE, client.device)
    if client.ip and ip_address(client.ip).is_global:
        _seen_in_tx(user_id, Kind.IP, keyed_hash(f"sighting:{Kind.IP}", client.ip))


def sighting_record(*, user_id: int, kind: str, value: str) -> None:
    """Remember that a user was seen with a device, an address or a payment instrument; the value is not kept."""
    with transaction.atomic():
        _seen_in_tx(user_id, kind, keyed_hash(f"sighting:{kind}", value))


def leads_find() -> int:
    """Look for users who share something and write down who; returns how many leads are new or were opened again."""
    found = 0
    for kind in Kind.values:
        for digest in _clusters(kind):
            found += _upsert(kind, digest)
    return found


def lead_dismiss(*, actor: User, lead_id: int, note: str, ip: str | None = None) -> AbuseLead:
    """A moderator has looked: it is harmless. It opens again when someone new joins."""
    return _decide(actor, lead_id, Status.DISMISSED, note, ip)


def lead_confirm(*, actor: User, lead_id: int, note: str, ip: str | None = None) -> AbuseLead:
    """A moderator has looked: it is one person, and what was done about it stands in the note."""
    return _decide(actor, lead_id, Status.CONFIRMED, note, ip)


def sightings_forget_old() -> int:
    """Delete traces older than RETENTION_DAYS says; returns how many."""
    border = timezone.now() - timedelta(days=settings.RETENTION_DAYS["sightings"])
    removed = 0
    while True:
        ids = list(DeviceSighting.objects.filter(last_seen_at__lt=border).values_list("pk", flat=True)[:BATCH])
        if not ids:
            return removed
        removed += DeviceSighting.objects.filter(pk__in=ids).delete()[0]


def leads_forget_old() -> int:
    """Delete leads that nobody decided and whose traces are gone; returns how many."""
    border = timezone.now() - timedelta(days=settings.RETENTION_DAYS["sightings"])
    ids = list(AbuseLead.objects.filter(status=Status.OPEN, updated_at__lt=border).values_list("pk", flat=True)[:BATCH])
    AbuseLead.objects.filter(pk__in=ids).delete()
    return len(ids)


def _seen_in_tx(user_id: int, kind: str, digest: str) -> None:
    sighting, is_new = DeviceSighting.objects.get_or_create(user_id=user_id, kind=kind, digest=digest)
    if not is_new:
        DeviceSighting.objects.filter(pk=sighting.pk).update(last_seen_at=Now(), times=F("times") + 1)


def _sightings(kind: str) -> Any:
    rows = DeviceSighting.objects.filter(kind=kind, user__anonymised_at__isnull=True)
    return rows.filter(last_seen_at__gt=timezone.now() - timedelta(days=IP_DAYS)) if kind == Kind.IP else rows


def _clusters(kind: str) -> list[str]:
    shared = _sightings(kind).values("digest").annotate(users=Count("user_id")).filter(users__gte=ENOUGH[kind])
    return list(shared.order_by("-users", "digest").values_list("digest", flat=True)[:MAX_CLUSTERS])


def _upsert(kind: str, digest: str) -> bool:
    """Bring one lead up to date; whether it is new or open again because someone joined."""
    with transaction.atomic(durable=True):
        rows = list(_sightings(kind).filter(digest=digest).order_by("-last_seen_at", "user_id")[:MAX_USERS])
        count = _sightings(kind).filter(digest=digest).count()
        if count < ENOUGH[kind]:
            return False
        fields = {"score": score_of(kind, count), "evidence": _evidence(rows, count)}
        lead, is_new = AbuseLead.objects.select_for_update().get_or_create(
            key=f"{kind}:{digest}", defaults={"kind": kind, **fields}
        )
        known = set(lead.users.values_list("pk", flat=True))
        joined = {row.user_id for row in rows} - known
        for name, value in fields.items():
            setattr(lead, name, value)
        is_again = bool(joined) and lead.status != Status.OPEN
        if is_again:
            _reopen_in_tx(lead, joined)
        lead.save()
        lead.users.add(*joined)
        if is_new:
            payload = {"lead_id": lead.pk, "kind": kind, "score": lead.score}
            outbox.emit(topic="accounts.lead_found", aggregate=f"lead:{lead.pk}", payload=payload)
    return is_new or is_again


def _evidence(rows: list[DeviceSighting], count: int) -> dict[str, Any]:
    """Who shares it, since when and how often. What is shared is not in here: nobody knows it any more."""
    return {
        "count": count,
        "users": [
            {
                "user_id": row.user_id,
                "first_seen": row.first_seen_at.isoformat(),
                "last_seen": row.last_seen_at.isoformat(),
                "times": row.times,
            }
            for row in rows
        ],
    }


def _reopen_in_tx(lead: AbuseLead, joined: set[int]) -> None:
    audit.record(
        actor=None,
        action="lead_reopened",
        subject_type="lead",
        subject_id=lead.pk,
        before={"status": lead.status},
        after={"status": Status.OPEN, "joined": sorted(joined)},
    )
    lead.status = Status.OPEN


def _decide(actor: User, lead_id: int, status: str, note: str, ip: str | None) -> AbuseLead:
    note = note.strip()
    if not note:
        raise Invalid("invalid", "Say why.", {"note": ["Say why."]})
    with transaction.atomic(durable=True):
        lead = AbuseLead.objects.select_for_update().filter(pk=lead_id).first()
        if lead is None:
            raise NotFound("lead_not_found", "There is no such lead.")
        if lead.status != Status.OPEN:
            raise Conflict("lead_decided", f"This lead was {lead.status} already.")
        if lead.users.filter(pk=actor.pk).exists():
            raise Conflict("not_yourself", "This lead is about you. Someone else decides it.")
        lead.status, lead.decided_by, lead.note = status, actor, note[:500]
        lead.save(update_fields=["status", "decided_by", "note", "updated_at"])
        audit.record(
            actor=actor,
            action=f"lead_{status}",
            subject_type="lead",
            subject_id=lead.pk,
            before={"status": Status.OPEN},
            after={"status": status},
            reason=note,
            ip=ip,
        )
    return lead
