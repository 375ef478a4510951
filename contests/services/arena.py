"""The replay arena: anyone starts a contest of their own, on history that they do not know."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from accounts.locks import user_lock
from accounts.models import User
from accounts.selectors.standing import standing_require
from contests.domain.states import CLOSED
from contests.models import ContestTemplate
from contests.selectors import ContestView, view_of
from contests.selectors.templates import A_DAY, ARENA_A_DAY, arena_runs_of
from contests.services.joins import contest_join_in_tx
from contests.services.moves import now
from contests.services.templates import contest_of_template_in_tx
from core.errors import Conflict, DomainError, Forbidden, NotFound
from trading.domain.types import Actor

STARTS_IN = timedelta(seconds=60)
MOST_PLACES = 50


@dataclass(frozen=True, slots=True)
class ArenaRun:
    """A contest of one's own: `account_id` is the starter's, `invite_code` lets others in."""

    contest: ContestView
    account_id: int
    invite_code: str


def arena_start(*, actor: Actor, template_slug: str) -> ArenaRun:
    """Start a private contest of an arena template in a minute's time, and join it.

    At most three in 24 hours and one at a time. Raises Forbidden, NotFound `template_not_found`, Conflict
    `arena_running`, DomainError `arena_limit` (429), and what joining raises.
    """
    if actor.user_id is None:
        raise Forbidden("not_a_user", "Only a user can start a contest.")
    with transaction.atomic(durable=True):
        # Two clicks at once are one after the other.
        user = user_lock(actor.user_id)
        if user.kind != User.Kind.PERSON or not user.is_active or user.status != User.Status.ACTIVE:
            raise Forbidden("account_suspended", "Only people whose sign-in is in order start contests here.")
        standing_require(user)
        row = ContestTemplate.objects.filter(slug=template_slug, is_arena=True, is_active=True).first()
        if row is None:
            raise NotFound("template_not_found", "The replay arena has no such template.", {"slug": template_slug[:60]})
        _limits_require(user.pk)
        code = secrets.token_urlsafe(9)
        contest = contest_of_template_in_tx(
            actor=actor,
            row=row,
            starts_at=now() + STARTS_IN,
            # Nobody who has not been invited guesses it.
            slug=f"{row.slug}-{secrets.token_hex(4)}",
            visibility="private",
            invite_code=code,
            capacity=MOST_PLACES,
            is_featured=False,
            auto_renew=False,
        )
        account_id = contest_join_in_tx(actor=actor, contest_id=contest.pk, invite_code=code)
        return ArenaRun(view_of(contest), account_id, code)


def _limits_require(user_id: int) -> None:
    rows = arena_runs_of(user_id)
    running = rows.exclude(status__in=[str(status) for status in CLOSED]).first()
    if running is not None:
        raise Conflict(
            "arena_running",
            "You have a contest of your own that is not over yet. Finish it first.",
            {"url": f"/contests/{running.slug}", "slug": running.slug},
        )
    begun = list(rows.filter(created_at__gt=now() - A_DAY).values_list("created_at", flat=True)[:ARENA_A_DAY])
    if len(begun) >= ARENA_A_DAY:
        again = min(begun) + A_DAY
        raise DomainError(
            "arena_limit",
            f"You have started {ARENA_A_DAY} in 24 hours. The next can start from {again:%d %b %H:%M} UTC on; "
            "public runs are open to you at any time.",
            {"retry_at": again.isoformat()},
            status=429,
        )
