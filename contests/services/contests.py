"""A contest's life: created, scheduled, started, paused, resumed, cancelled. Its ending is in `closing`.

Every function is safe to repeat: a contest that is already where it should be is answered as it is.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from contests.domain.admission import Admission
from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec, definition_hash
from contests.domain.policy import policy_data
from contests.domain.ports import start_preparations, unknown_agents
from contests.domain.sharing import Sharing
from contests.domain.stakes import Stakes
from contests.domain.states import OVER, ContestStatus
from contests.domain.universes import universe_symbols
from contests.locks import contest_lock
from contests.models import Contest
from contests.selectors import ContestView, view_of
from contests.services.moves import move_in_tx, now
from contests.services.pools import fees_return_in_tx, pool_fund_in_tx, pool_unfund_in_tx
from core.errors import Conflict, Invalid
from core.money import Money
from core.services import audit
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView
from marketdata.services import markets
from marketdata.services.policy import market_policy_require
from trading.domain.types import Actor
from trading.services.accounts import group_create_in_tx, group_set_status_in_tx
from trading.services.changes import orders_cancel_for_group

PURPOSE = "contest"


def run_slug(series: str, run_number: int) -> str:
    """The address of one run of a series: the series itself for the first."""
    return series if run_number == 1 else f"{series}-{run_number}"


def contest_create_in_tx(*, actor: Actor, spec: ContestSpec) -> Contest:
    """Create a draft with its idle market and its group of accounts, in the caller's transaction."""
    spec.checked()
    slug = run_slug(spec.slug, spec.run_number)
    if Contest.objects.filter(slug=slug).exists():
        raise Conflict("contest_exists", "There is already a contest with this address.", {"slug": slug})
    unknown = unknown_agents(spec.agents)
    if unknown:
        raise Invalid("unknown_agent", "Some of the agents do not exist.", {"field": "agents", "agents": unknown})
    market = markets.market_create_in_tx(actor=actor, slug=f"contest-{slug}", name=spec.name, definition=spec.market)
    if market.currency != spec.initial_balance.currency:
        message = f"This market trades in {market.currency}; the starting balance must be too."
        raise Invalid("invalid_contest", message, {"field": "currency"})
    allowed = _allowed(market.id, spec)
    group_id = group_create_in_tx(
        slug=f"contest:{slug}",
        purpose=PURPOSE,
        market_id=market.id,
        policy=policy_data(spec.constraints, allowed, _market_end(market, spec)),
        is_listed=spec.visibility == "public",
    )
    contest = _row(actor, spec, slug, market.id, group_id, allowed)
    audit.record(
        actor=actor,
        action="contest.create",
        subject_type="contest",
        subject_id=contest.pk,
        after=contest.definition,
    )
    return contest


def _market_end(market: MarketView, spec: ContestSpec) -> datetime | None:
    """When the contest ends on its market's clock: with the slice, or at its own time on a live market."""
    if not spec.is_replay or not market.ticks_total:
        return spec.ends_at
    return market_selectors.timeline(market.id).at(market.ticks_total - 1)


def _row(
    actor: Actor, spec: ContestSpec, slug: str, market_id: int, group_id: int, allowed: tuple[str, ...]
) -> Contest:
    definition = spec.definition()
    try:
        with transaction.atomic():
            return Contest.objects.create(
                slug=slug,
                series=spec.slug,
                run_number=spec.run_number,
                name=spec.name.strip(),
                description=spec.description,
                visibility=spec.visibility,
                invite_code=spec.invite_code if spec.visibility == "private" else "",
                market_id=market_id,
                group_id=group_id,
                currency=spec.initial_balance.currency,
                initial_balance_minor=spec.initial_balance.minor,
                capacity=spec.capacity,
                starts_at=spec.starts_at,
                ends_at=spec.ends_at,
                allowed_symbols=list(allowed),
                constraints=spec.constraints.as_json(),
                stakes=spec.stakes.to_json(),
                admission=spec.admission.to_json(),
                scoring=spec.scoring,
                sharing=spec.sharing.to_json(),
                sponsors=[dict(sponsor) for sponsor in spec.sponsors],
                agents=list(spec.agents),
                agent_interval_minutes=spec.agent_interval_minutes,
                is_featured=spec.is_featured,
                auto_renew=spec.auto_renew,
                definition=definition,
                definition_hash=definition_hash(definition),
                created_by_id=actor.user_id,
            )
    except IntegrityError as error:
        raise Conflict("contest_exists", "There is already a contest with this address.", {"slug": slug}) from error


def _allowed(market_id: int, spec: ContestSpec) -> tuple[str, ...]:
    """The allowed symbols as the market shows them, universes spelled out; raises Invalid for one it does not list.

    A universe such as `sector:Technology` stands for all symbols of it (contests.domain.universes).
    """
    listings = market_selectors.listings(market_id)
    listed = {listing.symbol for listing in listings}
    allowed = tuple(dict.fromkeys(
        symbol for word in spec.allowed_symbols for symbol in universe_symbols(word.strip(), listings)
    ))  # fmt: skip
    missing = [symbol for symbol in allowed if symbol not in listed]
    if missing:
        details = {"field": "allowed_symbols", "symbols": missing[:50]}
        raise Invalid("unknown_symbol", "Some allowed symbols do not trade in this market.", details)
    return allowed


def contest_create(*, actor: Actor, spec: ContestSpec, schedule: bool = False) -> ContestView:
    """Create a contest as a draft, or scheduled at once. Raises Invalid and Conflict."""
    with transaction.atomic(durable=True):
        contest = contest_create_in_tx(actor=actor, spec=spec)
        if schedule:
            policy_check(contest)
            pool_fund_in_tx(contest)
            move_in_tx(contest, ContestStatus.SCHEDULED, actor=actor)
        return view_of(contest)


def policy_check(contest: Contest) -> None:
    """The exchanges' policies allow what the contest does with their prices."""
    market_policy_require(market_id=contest.market_id, money=bool(contest.stakes))


def contest_schedule(*, actor: Actor, contest_id: int, reason: str = "") -> ContestView:
    """Publish a draft: people and agents may join from now on."""
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status != ContestStatus.SCHEDULED:
            if contest.ends_at is not None and contest.ends_at <= now():
                raise Conflict("contest_over", "Its end has passed already. Change its window first.")
            policy_check(contest)
            pool_fund_in_tx(contest)
            move_in_tx(contest, ContestStatus.SCHEDULED, actor=actor, reason=reason)
        return view_of(contest)


def contest_start_in_tx(contest: Contest, *, actor: Actor, reason: str = "") -> None:
    """Start a locked, scheduled contest: agents seated, group open, market running, in one transaction."""
    for prepare in start_preparations():
        prepare(contest.pk)
    contest.started_at = now()
    contest.save(update_fields=["started_at"])
    move_in_tx(contest, ContestStatus.ACTIVE, actor=actor, reason=reason)
    group_set_status_in_tx(group_id=contest.group_id, status="open")
    markets.market_start_in_tx(actor=actor, market_id=contest.market_id, reason=reason)


def contest_start(*, actor: Actor, contest_id: int, reason: str = "") -> ContestView:
    """Start a scheduled contest now. Starting a running one changes nothing."""
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status != ContestStatus.ACTIVE:
            contest_start_in_tx(contest, actor=actor, reason=reason)
        return view_of(contest)


def contest_pause(*, actor: Actor, contest_id: int, reason: str = "") -> ContestView:
    """Stop the clock and take no orders until it is resumed. Pausing twice changes nothing."""
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status != ContestStatus.PAUSED:
            _not_closing(contest)
            move_in_tx(contest, ContestStatus.PAUSED, actor=actor, reason=reason)
            group_set_status_in_tx(group_id=contest.group_id, status="paused")
            markets.market_pause_in_tx(actor=actor, market_id=contest.market_id, reason=reason)
        return view_of(contest)


def contest_resume(*, actor: Actor, contest_id: int, reason: str = "") -> ContestView:
    """Let a paused contest go on. Resuming a running one changes nothing."""
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status == ContestStatus.SCHEDULED:
            raise Conflict("contest_state", "This contest has not started yet.", {"status": contest.status})
        if contest.status != ContestStatus.ACTIVE:
            _not_closing(contest)
            move_in_tx(contest, ContestStatus.ACTIVE, actor=actor, reason=reason, topic="resumed")
            group_set_status_in_tx(group_id=contest.group_id, status="open")
            markets.market_resume_in_tx(actor=actor, market_id=contest.market_id, reason=reason)
        return view_of(contest)


def contest_cancel(*, actor: Actor, contest_id: int, reason: str = "") -> ContestView:
    """Call a contest off for good: no ranks, no prizes, fees go back. Resting orders are cancelled."""
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status != ContestStatus.CANCELLED:
            _not_closing(contest)
            contest.ended_at = now()
            contest.save(update_fields=["ended_at"])
            fees_return_in_tx(contest, reason=f"{contest.name} was called off.")
            pool_unfund_in_tx(contest)
            move_in_tx(contest, ContestStatus.CANCELLED, actor=actor, reason=reason)
            group_set_status_in_tx(group_id=contest.group_id, status="closed")
            markets.market_end_in_tx(actor=actor, market_id=contest.market_id, reason=reason)
        view = view_of(contest)
    orders_cancel_for_group(group_id=view.group_id, reason="trading_ended")
    return view


def contest_feature(*, actor: Actor, contest_id: int, featured: bool) -> ContestView:
    """Put a contest on the front page, or take it off."""
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.is_featured != featured:
            contest.is_featured = featured
            contest.save(update_fields=["is_featured"])
            audit.record(
                actor=actor,
                action="contest.feature",
                subject_type="contest",
                subject_id=contest.pk,
                before={"is_featured": not featured},
                after={"is_featured": featured},
            )
        return view_of(contest)


def spec_of(contest: Contest) -> ContestSpec:
    """The spec that would make this contest again."""
    return ContestSpec(
        slug=contest.series,
        name=contest.name,
        market=contest.definition["market"],
        initial_balance=Money(contest.initial_balance_minor, contest.currency),
        agent_interval_minutes=contest.agent_interval_minutes,
        description=contest.description,
        visibility=contest.visibility,
        invite_code=contest.invite_code,
        capacity=contest.capacity,
        allowed_symbols=tuple(contest.allowed_symbols),
        constraints=Constraints.from_json(contest.constraints),
        stakes=Stakes.from_json(contest.stakes),
        admission=Admission.from_json(contest.admission),
        scoring=contest.scoring,
        sharing=Sharing.from_json(contest.sharing),
        sponsors=tuple(contest.sponsors),
        agents=tuple(contest.agents),
        is_featured=contest.is_featured,
        auto_renew=contest.auto_renew,
        run_number=contest.run_number,
    )


def _not_closing(contest: Contest) -> None:
    if contest.closing_at is not None and contest.status not in OVER:
        raise Conflict("contest_closing", "This contest is being ended just now.", {"status": contest.status})
