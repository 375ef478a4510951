"""Templates of contests: kept by operators, and contests made from them, by hand or by themselves."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from contests.domain.definition import ContestSpec
from contests.domain.states import ContestStatus
from contests.domain.templates import (
    CADENCES,
    DAY,
    NONE,
    Facts,
    anchor_of,
    document_of,
    lead,
    next_start,
    slug_require,
    spec_from,
    zone_of,
)
from contests.locks import template_lock, template_try_lock
from contests.models import Contest, ContestTemplate
from contests.selectors import ContestView, view_of
from contests.selectors.templates import TemplateView, template_view
from contests.services.contests import contest_create_in_tx
from contests.services.moves import SYSTEM, move_in_tx, now
from contests.services.pools import pool_fund_in_tx
from core.errors import Conflict, DomainError, Forbidden, Invalid
from core.services import audit, outbox
from marketdata.services.policy import market_policy_require
from trading.domain.types import Actor

logger = logging.getLogger(__name__)

MOST_RUNS_A_DAY = 100
# Whoever has seen the seed of one run of a masked template could tell the aliases of the next.
_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class TemplateOrder:
    """What an operator wants a template to be. `spec`: its slug and dates do not count.

    `lasts` is how long a contest on a live market lasts. `next_at` is the start of the first contest that it makes by
    itself, and sets the local time of all that follow; left out of an update, both stay.
    """

    name: str
    spec: ContestSpec
    blurb: str = ""
    lasts: timedelta | None = None
    cadence: str = NONE
    zone: str = "UTC"
    next_at: datetime | None = None
    is_arena: bool = False
    facts: Facts = field(default_factory=Facts)


def template_create(*, actor: Actor, slug: str, order: TemplateOrder) -> TemplateView:
    """Keep a new template (operators). Raises Forbidden, Invalid, Conflict `template_exists`."""
    _operator_require(actor)
    slug_require(slug)
    values = _values(order, slug, None)
    with transaction.atomic(durable=True):
        try:
            with transaction.atomic():
                row = ContestTemplate.objects.create(slug=slug, created_by_id=actor.user_id, **values)
        except IntegrityError as error:
            raise Conflict("template_exists", "There is already a template with this address.") from error
        _note(row, actor, "created", before=None)
        return template_view(row)


def template_update(*, actor: Actor, slug: str, order: TemplateOrder) -> TemplateView:
    """Change a template (operators); contests that it made stay as they are. Raises Forbidden, NotFound, Invalid."""
    _operator_require(actor)
    with transaction.atomic(durable=True):
        row = template_lock(slug)
        before = _facts(row)
        for name, value in _values(order, slug, row).items():
            setattr(row, name, value)
        row.save()
        _note(row, actor, "changed", before=before)
        return template_view(row)


def template_deactivate(*, actor: Actor, slug: str) -> TemplateView:
    """Have a template make nothing any more (operators). Doing it twice changes nothing. Raises Forbidden, NotFound."""
    _operator_require(actor)
    with transaction.atomic(durable=True):
        row = template_lock(slug)
        if row.is_active:
            before = _facts(row)
            row.is_active = False
            row.save(update_fields=["is_active"])
            _note(row, actor, "deactivated", before=before)
        return template_view(row)


def contest_from_template(*, actor: Actor, template: str, starts_at: datetime) -> ContestView:
    """Schedule a contest of a template (operators).

    Raises Forbidden, NotFound, Conflict `template_inactive`, and what scheduling any contest raises.
    """
    _operator_require(actor)
    with transaction.atomic(durable=True):
        row = template_lock(template)
        contest = contest_of_template_in_tx(actor=actor, row=row, starts_at=starts_at, slug=_free_slug(row, starts_at))
        return view_of(contest)


def contest_of_template_in_tx(
    *, actor: Actor, row: ContestTemplate, starts_at: datetime, slug: str, **changes: Any
) -> Contest:
    """A scheduled contest of a template, in the caller's transaction. `changes`: fields of its spec that differ."""
    if not row.is_active:
        raise Conflict("template_inactive", "This template is not in use any more.", {"template": row.slug})
    spec = replace(spec_from(row.document, slug=slug, starts_at=starts_at), **changes)
    if spec.visibility == "private" and not spec.invite_code:
        spec = replace(spec, invite_code=secrets.token_urlsafe(9))
    if spec.is_replay and spec.market.get("mask"):
        spec = replace(spec, market={**spec.market, "seed": secrets.randbelow(_SEEDS)})
    contest = contest_create_in_tx(actor=actor, spec=spec)
    contest.template = row
    contest.save(update_fields=["template"])
    market_policy_require(market_id=contest.market_id, money=bool(contest.stakes))
    pool_fund_in_tx(contest)
    move_in_tx(contest, ContestStatus.SCHEDULED, actor=actor, reason=f"from the template {row.slug}")
    return contest


def templates_run(at: datetime | None = None) -> list[str]:
    """Make the contests of recurring templates that are due; returns their slugs. Safe with any number of workers."""
    at = at or now()
    rows = ContestTemplate.objects.filter(is_active=True, next_at__lte=at + DAY).exclude(cadence=NONE)
    made = []
    for template_id in list(rows.order_by("next_at", "id").values_list("id", flat=True)):
        try:
            slug = _run_due(template_id, at)
        except DomainError:
            # Tried again at the next turn, until its time has passed.
            logger.exception("template %s could not make its contest", template_id)
        else:
            made += [slug] if slug else []
    return made


def _run_due(template_id: int, at: datetime) -> str:
    """Make the next contest of one template when it is time, and move on to the one after, under its lock."""
    with transaction.atomic(durable=True):
        row = template_try_lock(template_id)
        if row is None or not row.is_active or row.cadence == NONE or row.next_at is None:
            return ""
        anchor = anchor_of(row.document)
        assert anchor is not None
        if row.next_at <= at:
            # It slept through some: only what is still to come is made.
            row.next_at = next_start(row.cadence, row.zone, anchor, at)
        slug = ""
        if row.next_at - at <= lead(row.cadence):
            starts_at = row.next_at
            slug = _free_slug(row, starts_at)
            contest_of_template_in_tx(actor=SYSTEM, row=row, starts_at=starts_at, slug=slug)
            row.next_at = next_start(row.cadence, row.zone, anchor, starts_at)
        row.save(update_fields=["next_at"])
        return slug


def _free_slug(row: ContestTemplate, starts_at: datetime) -> str:
    """The template's address with the local date of the start, and a number from the second of a day on."""
    base = f"{row.slug}-{starts_at.astimezone(zone_of(row.zone)):%Y%m%d}"
    taken = set(Contest.objects.filter(slug__startswith=base).values_list("slug", flat=True)[:1000])
    for number in range(1, MOST_RUNS_A_DAY + 1):
        slug = base if number == 1 else f"{base}-{number}"
        if slug not in taken:
            return slug
    raise Conflict("template_busy", f"A template makes at most {MOST_RUNS_A_DAY} contests a day.")


def _operator_require(actor: Actor) -> None:
    if not actor.is_staff and actor.user_id is not None:
        raise Forbidden("operator_only", "Only operators keep templates.")


def _values(order: TemplateOrder, slug: str, row: ContestTemplate | None) -> dict[str, Any]:
    """The order as fields of a row, checked. Raises Invalid."""
    if not 0 < len(order.name.strip()) <= 120 or len(order.blurb) > 200:
        raise _bad("name", "A name has at most 120 characters, what it is like at most 200.")
    if order.cadence not in CADENCES:
        raise _bad("cadence", f"cadence is one of {', '.join(CADENCES)}.")
    zone = zone_of(order.zone)
    next_at, anchor = _when(order, row)
    document = document_of(order.spec, lasts=order.lasts, facts=order.facts, anchor=anchor)
    spec = spec_from(document, slug=slug, starts_at=next_at or datetime(2000, 1, 1, tzinfo=UTC)).checked()
    if order.is_arena and (spec.stakes or not spec.is_replay or spec.admission.email_domains):
        raise _bad("is_arena", "The replay arena plays history, for everyone and for nothing.")
    return {
        "name": order.name.strip(), "blurb": order.blurb.strip(), "document": document, "cadence": order.cadence,
        "zone": zone.key, "next_at": None if order.cadence == NONE else next_at, "is_arena": order.is_arena,
    }  # fmt: skip


def _when(order: TemplateOrder, row: ContestTemplate | None) -> tuple[datetime | None, datetime | None]:
    """The next start, and the local time that it sets for all that follow."""
    if order.cadence == NONE:
        return None, None
    if order.next_at is not None:
        return order.next_at.astimezone(UTC), order.next_at.astimezone(zone_of(order.zone)).replace(tzinfo=None)
    anchor = None if row is None else anchor_of(row.document)
    if anchor is None:
        raise _bad("next_at", "A template that repeats says when it begins.")
    return next_start(order.cadence, order.zone, anchor, now()), anchor


def _facts(row: ContestTemplate) -> dict[str, Any]:
    return {
        "slug": row.slug, "name": row.name, "document": row.document, "cadence": row.cadence, "zone": row.zone,
        "next_at": None if row.next_at is None else row.next_at.isoformat(), "is_arena": row.is_arena,
        "is_active": row.is_active,
    }  # fmt: skip


def _note(row: ContestTemplate, actor: Actor, verb: str, *, before: dict[str, Any] | None) -> None:
    """The audit entry and the event of a change."""
    audit.record(
        actor=actor, action=f"template.{verb}", subject_type="contest_template", subject_id=row.pk,
        before=before, after=_facts(row),
    )  # fmt: skip
    outbox.emit(
        topic=f"contests.template_{verb}",
        aggregate=f"template:{row.pk}",
        payload={"template_id": row.pk, "slug": row.slug},
    )


def _bad(name: str, message: str) -> Invalid:
    return Invalid("invalid_template", message, {"field": name})
