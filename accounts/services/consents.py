"""Publishing texts, and people's consent to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts.domain.client import Client
from accounts.domain.onboarding import TextView
from accounts.locks import user_lock
from accounts.models import Consent, LegalText, User
from accounts.selectors.consents import texts_in_force
from accounts.selectors.standing import edition_in_force
from accounts.services.clearance import clearance_refresh_in_tx
from accounts.services.notices import notify_in_tx
from accounts.services.progress import onboarding_finish_in_tx
from accounts.services.regions import client_region_require
from core.errors import Conflict, Invalid, NotFound, Unavailable
from core.services import audit, outbox

FOLDER = Path(__file__).resolve().parent.parent / "legal"
MAX_BODY = 60_000
TELL_BATCH = 200
_LOCK = "accounts.legal_texts"


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is to be published."""

    kind: str
    version: int
    title: str
    changes: str
    body: str


def consent_give(*, user_id: int, text_ids: Sequence[int], client: Client) -> None:
    """A person accepts the texts in force: each by its id, all that are still open.

    Raises Conflict `text_outdated` for a version that is not in force any more, NotFound `text_not_found`, Invalid
    `consent_incomplete` when one that is open is missing. Accepting again changes nothing.
    """
    client_region_require(client)
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        texts = texts_in_force(user.pk)
        _check(set(text_ids), texts)
        given = [text for text in texts if text.accepted_at is None]
        if given:
            _store(user, given, ip=client.ip, user_agent=client.user_agent)
        onboarding_finish_in_tx(user)
        clearance_refresh_in_tx(user)


def consents_accept_in_tx(*, user: User, because: str) -> None:
    """Every text in force accepted for a made-up person (a demo's); `because` stands in the log as the agent."""
    given = [text for text in texts_in_force(user.pk) if text.accepted_at is None]
    if given:
        _store(user, given, ip=None, user_agent=because)


def _check(wanted: set[int], texts: tuple[TextView, ...]) -> None:
    if not texts:
        raise Unavailable("texts_missing", "The terms are not published yet. Try again later.")
    unknown = wanted - {text.id for text in texts}
    if unknown and LegalText.objects.filter(pk__in=unknown).count() < len(unknown):
        raise NotFound("text_not_found", "There is no such text.")
    if unknown:
        raise Conflict(
            "text_outdated",
            "A newer version was published meanwhile. Read it, then accept it.",
            {"texts": [text.id for text in texts]},
        )
    missing = [text for text in texts if text.accepted_at is None and text.id not in wanted]
    if missing:
        words = {text.kind: [f"Accept this to go on: {text.title}."] for text in missing}
        raise Invalid("consent_incomplete", "Each of the texts has to be accepted.", words)


def _store(user: User, texts: list[TextView], *, ip: str | None, user_agent: str) -> None:
    Consent.objects.bulk_create(
        [Consent(user=user, text_id=text.id, ip=ip, user_agent=user_agent[:300]) for text in texts]
    )
    names = [f"{text.kind} {text.version}" for text in texts]
    audit.record(
        actor=user, action="consent_given", subject_type="user", subject_id=user.pk, after={"texts": names}, ip=ip
    )
    outbox.emit(
        topic="accounts.consent_given", aggregate=f"user:{user.pk}", payload={"user_id": user.pk, "texts": names}
    )


def text_publish(
    *, actor: User, kind: str, title: str, body: str, changes: str, reason: str, ip: str | None = None
) -> LegalText:
    """Publish the next version of a text; everyone is asked again. Raises Invalid."""
    if kind not in LegalText.Kind.values:
        raise Invalid("kind_unknown", "Choose which text it is.", {"kind": ["Choose which text it is."]})
    with transaction.atomic(durable=True):
        _publishing_lock()
        newest = LegalText.objects.filter(kind=kind).order_by("-version").first()
        version = newest.version + 1 if newest else 1
        draft = Draft(kind, version, title.strip(), changes.strip(), body.strip())
        [text] = _publish_in_tx([draft], actor=actor, reason=reason, ip=ip)
    return text


def texts_publish() -> list[LegalText]:
    """Publish the versions that come with the release and are newer than what is published. Idempotent."""
    drafts = [_read(path) for path in sorted(FOLDER.glob("*-*.md"))]
    with transaction.atomic(durable=True):
        _publishing_lock()
        known = dict(LegalText.objects.order_by("version").values_list("kind", "version"))
        new = [draft for draft in drafts if draft.version > known.get(draft.kind, 0)]
        return _publish_in_tx(new, actor=None, reason="Came with the release.") if new else []


def _publish_in_tx(
    drafts: Iterable[Draft], *, actor: User | None, reason: str, ip: str | None = None
) -> list[LegalText]:
    edition, published = _edition(), []
    for draft in drafts:
        edition += 1
        _draft_check(draft)
        text = LegalText.objects.create(
            kind=draft.kind,
            version=draft.version,
            edition=edition,
            title=draft.title,
            body=draft.body,
            changes=draft.changes,
        )
        audit.record(
            actor=actor,
            action="text_published",
            subject_type="legal_text",
            subject_id=text.pk,
            after={"kind": text.kind, "version": text.version, "edition": edition},
            reason=reason,
            ip=ip,
        )
        published.append(text)
    changes = " ".join(text.changes or f"{text.title} has a new version." for text in published)
    payload = {"edition": edition, "texts": [str(text) for text in published], "changes": changes[:300]}
    outbox.emit(topic="accounts.texts_published", aggregate="legal", payload=payload)
    return published


def consent_due_tell_in_tx(*, edition: int, changes: str, after_id: int = 0) -> None:
    """Tell a batch of those who had accepted earlier texts that new ones wait; the rest follows by the next event."""
    if edition < edition_in_force():
        return
    due = User.objects.filter(
        kind=User.Kind.PERSON, is_active=True, clearance__gt=0, clearance__lt=edition, pk__gt=after_id
    )
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:TELL_BATCH])
    for user_id in ids:
        notify_in_tx(
            user_id=user_id,
            kind="consent_due",
            dedupe=f"consent_due:{edition}",
            params={"changes": changes},
            url="/onboarding/consent",
        )
    if len(ids) == TELL_BATCH:
        payload = {"edition": edition, "changes": changes, "after_id": ids[-1]}
        outbox.emit(topic="accounts.consent_due", aggregate="legal", payload=payload)


def _edition() -> int:
    newest = LegalText.objects.order_by("-edition").values_list("edition", flat=True).first()
    return newest or 0


def _publishing_lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])


def _draft_check(draft: Draft) -> None:
    if not draft.title or len(draft.title) > 120:
        raise Invalid("title_invalid", "A title has 1 to 120 characters.", {"title": ["1 to 120 characters."]})
    if not draft.body or len(draft.body) > MAX_BODY:
        words = f"A text has 1 to {MAX_BODY:,} characters."
        raise Invalid("body_invalid", words, {"body": [words]})
    if len(draft.changes) > 300:
        words = "Say what is new in at most 300 characters."
        raise Invalid("changes_invalid", words, {"changes": [words]})


def _read(path: Path) -> Draft:
    """A file of the release: `title:` and `changes:` above a line of dashes, then Markdown with figures to fill in."""
    kind, _, version = path.stem.rpartition("-")
    head, _, body = path.read_text(encoding="utf-8").partition("\n---\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    for name, value in _figures().items():
        body = body.replace(f"[[{name}]]", str(value))
    return Draft(kind, int(version), fields["title"], fields.get("changes", ""), body.strip())


def _figures() -> Mapping[str, Any]:
    """What the texts say of this installation, as it is set when they are published."""
    kept = {f"{name}_days": days for name, days in settings.RETENTION_DAYS.items()}
    return {
        **kept,
        "min_age": settings.MIN_AGE,
        "grace_days": settings.DELETION_GRACE_DAYS,
        "export_days": settings.EXPORT_LINK_DAYS,
    }
