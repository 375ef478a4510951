"""How long things are kept: one rule a kind of row, applied once a day. docs/privacy.md has the whole table."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.storage import storages
from django.db.models import QuerySet
from django.utils import timezone

from accounts.domain.handles import FREE_AFTER
from accounts.models import DataExport, DeletionRequest, HandleClaim, IdentityDocument
from accounts.services.exports import exports_expire

logger = logging.getLogger(__name__)

BATCH = 1_000
MOST_BATCHES = 200
REQUESTS_KEPT = timedelta(days=365)
# A file that no row knows is left by a process that died between the two; younger ones may still get their row.
ORPHAN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes, when, and how. `apply` deletes in bounded steps and returns how many."""

    key: str
    what: str
    after: str
    apply: Callable[[], int]


_rules: dict[str, Rule] = {}


def rule_register(rule: Rule) -> None:
    """Add a rule; once a key."""
    if _rules.get(rule.key, rule) is not rule:
        raise ValueError(f"two rules of retention are called {rule.key}")
    _rules[rule.key] = rule


def rules() -> list[Rule]:
    """Every rule, in the order of registration."""
    return list(_rules.values())


def retention_apply() -> dict[str, int]:
    """Apply every rule; how many rows or files each took. One that fails is logged and keeps no other from its work."""
    taken: dict[str, int] = {}
    for rule in rules():
        try:
            taken[rule.key] = rule.apply()
        except Exception:
            logger.exception("the rule %s was not applied", rule.key)
            taken[rule.key] = -1
    return taken


def delete_old(rows: QuerySet, *, batch: int = BATCH) -> int:
    """Delete rows in bounded steps, each committed by itself; returns how many."""
    removed = 0
    for _ in range(MOST_BATCHES):
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:batch])
        if not ids:
            break
        rows.model._base_manager.filter(pk__in=ids).delete()
        removed += len(ids)
    return removed


def _before(age: timedelta) -> datetime:
    return timezone.now() - age


def _old_exports() -> int:
    finished = ("failed", "expired")
    return delete_old(DataExport.objects.filter(status__in=finished, requested_at__lt=_before(REQUESTS_KEPT), file=""))


def _old_cancellations() -> int:
    rows = DeletionRequest.objects.filter(status=DeletionRequest.Status.CANCELLED)
    return delete_old(rows.filter(cancelled_at__lt=_before(REQUESTS_KEPT)))


def _old_handles() -> int:
    return delete_old(HandleClaim.objects.filter(released_at__lt=_before(FREE_AFTER)))


def _old_sessions() -> int:
    return delete_old(Session.objects.filter(expire_date__lt=timezone.now()))


def _old_documents() -> int:
    """Documents of identity checks that were decided long ago: the file first, then its name."""
    border = _before(timedelta(days=settings.RETENTION_DAYS["identity_documents"]))
    rows = IdentityDocument.objects.filter(check_of__decided_at__lt=border, purged_at__isnull=True).exclude(file="")
    purged = 0
    for document in rows.order_by("pk")[: BATCH * 5]:
        document.file.storage.delete(str(document.file.name))
        purged += IdentityDocument.objects.filter(pk=document.pk).update(file="", purged_at=timezone.now())
    return purged


def _orphans() -> int:
    """Files of copies that no row knows of."""
    storage = storages["private"]
    if not storage.exists("exports"):
        return 0
    names = [f"exports/{name}" for name in storage.listdir("exports")[1]][: BATCH * 5]
    known = set(DataExport.objects.filter(file__in=names).values_list("file", flat=True))
    border, removed = _before(ORPHAN_AFTER), 0
    for name in names:
        if name not in known and storage.get_modified_time(name) < border:
            storage.delete(name)
            removed += 1
    return removed


for _rule in (
    Rule("exports", "Files of copies of data", "EXPORT_LINK_DAYS after they are ready", exports_expire),
    Rule("export_requests", "That a copy was asked for", "a year", _old_exports),
    Rule("export_orphans", "Files of copies that no row knows of", "a day", _orphans),
    Rule("deletion_cancelled", "Deletions that were taken back", "a year", _old_cancellations),
    Rule("identity_documents", "Documents of identity checks", "RETAIN_IDENTITY_DOCUMENTS_DAYS after the decision",
         _old_documents),
    Rule("handles", "Handles that were given up", "90 days", _old_handles),
    Rule("sessions", "Sessions of browsers", "their expiry", _old_sessions),
):  # fmt: skip
    rule_register(_rule)
