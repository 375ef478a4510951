"""Reads of texts and of who agreed to what."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from accounts.adapters.markdown import markdown_html
from accounts.domain.onboarding import TextView
from accounts.models import Consent, LegalText
from core.errors import NotFound

_BRIEF = ("id", "kind", "version", "edition", "title", "changes", "published_at")
# The order in which people read them.
KINDS = (LegalText.Kind.TERMS.value, LegalText.Kind.RISK.value, LegalText.Kind.PRIVACY.value)


def texts_in_force(user_id: int | None = None) -> tuple[TextView, ...]:
    """The newest version of each kind; with a user, when that user accepted it."""
    rows = LegalText.objects.order_by("kind", "-version").distinct("kind").values(*_BRIEF)
    found = sorted((TextView(**row) for row in rows), key=lambda text: KINDS.index(text.kind))
    if user_id is None:
        return tuple(found)
    accepted = _accepted(user_id, [text.id for text in found])
    return tuple(replace(text, accepted_at=accepted.get(text.id)) for text in found)


def _accepted(user_id: int, text_ids: list[int]) -> dict[int, datetime]:
    rows = Consent.objects.filter(user_id=user_id, text_id__in=text_ids)
    return dict(rows.values_list("text_id", "accepted_at"))


def text_get(kind: str, version: int | None = None) -> tuple[TextView, str]:
    """A version of a text (the newest unless told) and its body as HTML. Raises NotFound."""
    rows = LegalText.objects.filter(kind=kind)
    row = (rows if version is None else rows.filter(version=version)).order_by("-version").first()
    if row is None:
        raise NotFound("text_not_found", "There is no such text.")
    return TextView(**{name: getattr(row, name) for name in _BRIEF}), markdown_html(row.body)


def text_bodies(texts: tuple[TextView, ...]) -> dict[int, str]:
    """The bodies of texts as HTML, by id."""
    rows = LegalText.objects.filter(pk__in=[text.id for text in texts]).values_list("pk", "body")
    return {pk: markdown_html(body) for pk, body in rows}


def versions_of(kind: str, limit: int = 50) -> list[TextView]:
    """Every version of a text, newest first."""
    rows = LegalText.objects.filter(kind=kind).order_by("-version").values(*_BRIEF)[:limit]
    return [TextView(**row) for row in rows]


def consents_of(user_id: int, limit: int = 200) -> list[TextView]:
    """What a person agreed to and when, newest first."""
    rows = Consent.objects.filter(user_id=user_id).select_related("text").defer("text__body").order_by("-pk")[:limit]
    return [TextView(**{name: getattr(row.text, name) for name in _BRIEF}, accepted_at=row.accepted_at) for row in rows]
