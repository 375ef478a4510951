"""A person's limits, and the kill switch over all of their accounts.

Tightening holds at once. Loosening what binds a day (daily loss, orders and trades a day, the kill switch) waits until
every market in which the person trades has begun another session; an operator need not wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from core.errors import DomainError, Invalid, NotFound
from core.services import audit, outbox
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from trading import locks
from trading.domain import risk_presets
from trading.domain.limits import Limits, tighten
from trading.domain.risk_presets import EffectiveLimit
from trading.domain.types import SYSTEM, Actor
from trading.models import Account, RiskSettings
from trading.services.flatten import FlattenReport, account_flatten, cancel_all

_ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RiskView:
    """A person's limits: what they chose and what holds (`limits`: tightened by their plan).

    `pending` are the looser limits that wait, `waits_for` the markets ({id: the day they must leave}).
    """

    user_id: int
    tolerance: str
    chosen: Limits
    limits: Limits
    pending: Limits | None
    waits_for: dict[int, int]

    @property
    def is_blocked(self) -> bool:
        """Whether the kill switch is on."""
        return self.limits.blocked

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "tolerance": self.tolerance,
            "chosen": self.chosen.to_json(),
            "limits": self.limits.to_json(),
            "pending": None if self.pending is None else self.pending.to_json(),
            "waits_for": self.waits_for,
            "is_blocked": self.is_blocked,
        }


@dataclass(slots=True)
class KillReport:
    """What the kill switch did, account by account, and the accounts where it failed: (id, code, message)."""

    user_id: int
    was_blocked: bool
    accounts: list[FlattenReport] = field(default_factory=list)
    failed: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.failed and all(report.is_flat for report in self.accounts)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "was_blocked": self.was_blocked,
            "accounts": [report.to_json() for report in self.accounts],
            "failed": [{"account_id": number, "code": code, "message": words} for number, code, words in self.failed],
            "is_done": self.is_done,
        }


def _allowed(actor: Actor, user_id: int) -> None:
    if not (actor.is_staff or actor.user_id in (None, user_id)):
        raise NotFound("user_not_found", "There is no such person.")


def _view(user_id: int, row: RiskSettings | None) -> RiskView:
    if row is None:
        plan = risk_presets.plan_limits(user_id)
        return RiskView(user_id, "", Limits(), plan, None, {})
    pending = row.pending or {}
    return RiskView(
        user_id=user_id,
        tolerance=row.tolerance,
        chosen=Limits.from_json(row.chosen),
        limits=Limits.from_json(row.limits),
        pending=Limits.from_json(pending["limits"]) if pending else None,
        waits_for={int(key): value for key, value in pending.get("after", {}).items()},
    )


def risk_get(*, actor: Actor, user_id: int) -> RiskView:
    """A person's limits; their own, or anyone's for an operator. Raises NotFound."""
    _allowed(actor, user_id)
    return _view(user_id, RiskSettings.objects.filter(owner_id=user_id).first())


def effective_limits(user_id: int, *, account_id: int | None = None) -> list[EffectiveLimit]:
    """Every limit that orders of a person are judged by, with who set it; in one account, its group's as well."""
    row = RiskSettings.objects.filter(owner_id=user_id).first()
    own = Limits() if row is None else Limits.from_json(row.chosen)
    group = Limits()
    if account_id is not None:
        found = Account.objects.select_related("group").filter(pk=account_id, owner_id=user_id).first()
        if found is None:
            raise NotFound("account_not_found", "There is no such account.")
        group = Limits.from_json((found.group.policy if found.group else {}).get("limits") or {})
    return risk_presets.effective(own, risk_presets.plan_limits(user_id), group)


def _row_lock(user_id: int) -> RiskSettings:
    """The person's row, locked; made with their plan's limits when it is not there yet."""
    RiskSettings.objects.get_or_create(
        owner_id=user_id, defaults={"limits": risk_presets.plan_limits(user_id).to_json()}
    )
    return RiskSettings.objects.select_for_update(no_key=True).get(owner_id=user_id)


def _store(
    row: RiskSettings, chosen: Limits, *, pending: dict[str, Any] | None, actor: Actor, action: str, reason: str = ""
) -> None:
    """Write a choice and what follows from it, with its audit entry and event, in the caller's transaction."""
    before = {"chosen": row.chosen, "limits": row.limits, "pending": row.pending, "tolerance": row.tolerance}
    row.chosen = chosen.to_json()
    row.limits = tighten(chosen, risk_presets.plan_limits(row.owner_id)).to_json()
    row.pending = pending
    row.updated_at = datetime.now(tz=UTC)
    row.save(update_fields=["chosen", "limits", "pending", "tolerance", "updated_at"])
    after = {"chosen": row.chosen, "limits": row.limits, "pending": row.pending, "tolerance": row.tolerance}
    audit.record(
        actor=actor,
        action=action,
        subject_type="user",
        subject_id=row.owner_id,
        before=before,
        after=after,
        reason=reason,
    )
    payload = {"user_id": row.owner_id, "limits": row.limits, "pending": row.pending, "action": action}
    outbox.emit(topic="trading.risk_changed", aggregate=f"user:{row.owner_id}", payload=payload)


def _markets_of(user_id: int) -> dict[str, int]:
    """The day of each market that the person trades in and that is not over; -1 before the first tick."""
    rows = Account.objects.filter(owner_id=user_id).exclude(status="closed").exclude(group__status="closed")
    found = {}
    for market_id in sorted(set(rows.values_list("market_id", flat=True))):
        clock = market_selectors.market_clock(market_id)
        if clock.status != _ENDED:
            found[str(market_id)] = clock.day_index if clock.tick >= 0 else -1
    return found


def _is_due(after: Mapping[str, int]) -> bool:
    for market_id, day in after.items():
        clock = market_selectors.market_clock(int(market_id))
        if clock.status != _ENDED and (clock.day_index if clock.tick >= 0 else -1) <= day:
            return False
    return True


def risk_set(
    *, actor: Actor, user_id: int, limits: Mapping[str, Any] | None = None, tolerance: str | None = None
) -> RiskView:
    """Choose limits: those of a risk tolerance, with `limits` on top; or `limits` alone (what is not there is unset).

    The kill switch is not set here. Raises Invalid ("invalid_limits", "unknown_tolerance", "nothing_to_change").
    """
    _allowed(actor, user_id)
    if limits is None and tolerance is None:
        raise Invalid("nothing_to_change", "Send limits, a risk tolerance or both.")
    if "blocked" in (limits or {}):
        raise Invalid("invalid_limits", "The kill switch has a call of its own.", {"field": "blocked"})
    base = Limits() if not tolerance else risk_presets.preset(tolerance)
    given = Limits.from_json(limits or {})
    wanted = replace(base, **{name: getattr(given, name) for name in limits or {}})
    with transaction.atomic(durable=True):
        row = _row_lock(user_id)
        if tolerance is not None:
            row.tolerance = tolerance
        _choose(row, wanted, actor, "risk_set", "")
        return _view(user_id, row)


def preset_choose_in_tx(*, user_id: int, tolerance: str) -> bool:
    """The limits of the risk tolerance that a person gave at onboarding, unless they have chosen limits already."""
    if tolerance not in risk_presets.PRESETS:
        return False
    row = _row_lock(user_id)
    if row.tolerance or row.chosen or row.pending:
        return False
    row.tolerance = tolerance
    _choose(row, risk_presets.preset(tolerance), SYSTEM, "risk_set", "Chosen at onboarding.")
    return True


def _choose(row: RiskSettings, wanted: Limits, actor: Actor, action: str, reason: str) -> None:
    """Store a choice: at once what tightens, later what must wait. A kill switch that is on stays on."""
    current = Limits.from_json(row.chosen)
    if action == "risk_set":
        waiting = Limits.from_json(row.pending["limits"]) if row.pending else current
        wanted = replace(wanted, blocked=waiting.blocked)
    now, waits = risk_presets.change(current, wanted)
    pending = None
    if waits:
        after = {} if actor.is_staff or actor.user_id is None else _markets_of(row.owner_id)
        if after:
            pending = {"limits": wanted.to_json(), "after": after}
        else:
            now = wanted
    _store(row, now, pending=pending, actor=actor, action=action, reason=reason)


def risk_refresh(*, user_id: int) -> RiskView:
    """Read a person's plan again: what holds is their choice tightened by it. For higher apps when a plan changes."""
    with transaction.atomic(durable=True):
        row = _row_lock(user_id)
        chosen = Limits.from_json(row.chosen)
        if tighten(chosen, risk_presets.plan_limits(user_id)).to_json() != row.limits:
            _store(row, chosen, pending=row.pending, actor=SYSTEM, action="risk_refresh")
        return _view(user_id, row)


def pending_apply(market: MarketView, tick: Tick) -> int:
    """At a session's first print, the looser limits that have waited for it hold; returns how many people's."""
    if not tick.is_new_day:
        return 0
    rows = RiskSettings.objects.filter(pending__after__has_key=str(market.id))
    applied = 0
    for user_id in list(rows.order_by("owner_id").values_list("owner_id", flat=True)):
        with transaction.atomic(durable=True):
            row = _row_lock(user_id)
            if row.pending and _is_due(row.pending["after"]):
                wanted = Limits.from_json(row.pending["limits"])
                _store(row, wanted, pending=None, actor=SYSTEM, action="risk_loosened", reason="A new market day.")
                applied += 1
    return applied


def kill_switch(*, actor: Actor, user_id: int, flatten: bool = True, reason: str = "") -> KillReport:
    """Block a person's trading, cancel all of their orders and, unless told otherwise, close all of their positions.

    The block holds before the first order is cancelled, so nothing new gets in between. Accounts that are closed, or
    whose group is, stand still. Calling again goes on with what was left. Raises NotFound.
    """
    _allowed(actor, user_id)
    with transaction.atomic(durable=True):
        row = _row_lock(user_id)
        current = Limits.from_json(row.chosen)
        was = current.blocked
        pending = row.pending
        releases = pending is not None and not Limits.from_json(pending["limits"]).blocked
        if pending is not None and releases:
            pending = {**pending, "limits": {**pending["limits"], "blocked": True}}
        if not was or releases:
            stopped = replace(current, blocked=True)
            _store(row, stopped, pending=pending, actor=actor, action="kill_switch", reason=reason)
    report = KillReport(user_id, was)
    rows = Account.objects.filter(owner_id=user_id).exclude(status="closed").exclude(group__status="closed")
    for account_id in list(rows.order_by("id").values_list("id", flat=True)):
        try:
            report.accounts.append(_stop(actor, user_id, account_id, flatten=flatten))
        except DomainError as error:
            report.failed.append((account_id, error.code, error.message))
    return report


def _stop(actor: Actor, user_id: int, account_id: int, *, flatten: bool) -> FlattenReport:
    # A person trades as a person: a paused contest and a locked account let nobody out by this door.
    by = actor if actor.user_id == user_id else SYSTEM
    with transaction.atomic(durable=True):
        # An order that was judged before the block is stored first, and cancelled with the others.
        locks.accounts_lock([account_id])
    if flatten:
        return account_flatten(actor=by, account_id=account_id, code="kill_switch", source="kill_switch")
    return FlattenReport(account_id, canceled=cancel_all(actor=by, account_id=account_id, code="kill_switch"))


def kill_switch_release(*, actor: Actor, user_id: int, reason: str = "") -> RiskView:
    """Let a person trade again: for themselves from the next market day on, at once when an operator says so."""
    _allowed(actor, user_id)
    with transaction.atomic(durable=True):
        row = _row_lock(user_id)
        current = Limits.from_json(row.chosen)
        if current.blocked:
            wanted = Limits.from_json(row.pending["limits"]) if row.pending else current
            _choose(row, replace(wanted, blocked=False), actor, "kill_switch_release", reason)
        return _view(user_id, row)


__all__ = [
    "KillReport",
    "RiskView",
    "effective_limits",
    "kill_switch",
    "kill_switch_release",
    "pending_apply",
    "risk_get",
    "risk_refresh",
    "risk_set",
]
