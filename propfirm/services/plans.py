"""Plans: drafted, offered, withdrawn; the ones that ship; and the market and group in which a plan is traded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.errors import Conflict, Invalid
from core.services import audit, outbox
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView
from marketdata.services.policy import market_policy_require
from propfirm.domain.plans import PlanDefinition
from propfirm.domain.presets import presets
from propfirm.locks import plan_lock, plans_offered_lock
from propfirm.models import PropGroup, PropPlan
from trading.domain.types import SYSTEM, Actor
from trading.services.accounts import group_create_in_tx
from trading.services.practice import standing_market
from trading.services.rules import rule_set_store

_Status = PropPlan.Status


def plan_draft(*, actor: Actor, document: Mapping[str, Any], market_id: int | None = None) -> PropPlan:
    """Keep a definition as the draft of its code: the next version, whatever version the document says.

    A draft that is there is replaced. Raises Invalid `invalid_plan` with the problems by path.
    """
    with transaction.atomic():
        _code_lock(str(document.get("code", "")))
        rows = PropPlan.objects.filter(code=str(document.get("code", ""))[:40])
        draft = rows.filter(status=_Status.DRAFT).first()
        newest = rows.exclude(status=_Status.DRAFT).order_by("-version").values_list("version", flat=True).first() or 0
        read = PlanDefinition.from_json({**document, "version": newest + 1})
        if draft is None:
            draft = PropPlan(code=read.code, version=read.version, created_by_id=actor.user_id)
        _write(draft, read)
        draft.market_id = market_id
        draft.save()
        audit.record(
            actor=actor, action="prop_plan.draft", subject_type="prop_plan", subject_id=draft.pk,
            after={"code": read.code, "version": read.version, "hash": read.hash},
        )  # fmt: skip
    return draft


def _code_lock(code: str) -> None:
    """One writer at a time of a code's versions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"prop-plan:{code}"])


def _write(row: PropPlan, read: PlanDefinition) -> None:
    row.name, row.tagline, row.steps, row.currency = read.name, read.tagline, read.steps, read.currency
    row.size_minor, row.price_minor = read.size_minor, read.price_minor
    row.definition, row.hash = dict(read.document), read.hash


def plan_offer(*, actor: Actor, plan_id: int) -> PropPlan:
    """Sell a draft from now on; the version that was offered is withdrawn. Rules are stored for good.

    Raises NotFound, Conflict `plan_not_draft`, Invalid `invalid_plan`, `market_policy`, `currency_differs`.
    """
    with transaction.atomic():
        plan = plan_lock(plan_id)
        if plan.status != _Status.DRAFT:
            raise Conflict("plan_not_draft", f"This version is {plan.status} already.", {"status": plan.status})
        read = PlanDefinition.from_json(plan.definition)
        for index in range(len(read.phases)):
            rule_set_store(document=read.rule_document(index), actor=actor)
        if plan.market_id is not None:
            _market_require(market_selectors.market_view(plan.market_id), read.currency)
        for other in plans_offered_lock(plan.code):
            _withdraw_in_tx(other, actor, "A newer version is offered.")
        plan.status, plan.offered_at = _Status.OFFERED, timezone.now()
        plan.save(update_fields=["status", "offered_at"])
        _tell(plan, actor, "offered")
    return plan


def plan_withdraw(*, actor: Actor, plan_id: int, reason: str) -> PropPlan:
    """Sell it no more; who has it goes on. Raises NotFound, Conflict `plan_not_offered`, Invalid `reason_needed`."""
    if not reason.strip():
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    with transaction.atomic():
        plan = plan_lock(plan_id)
        if plan.status != _Status.OFFERED:
            raise Conflict("plan_not_offered", "This version is not offered.", {"status": plan.status})
        _withdraw_in_tx(plan, actor, reason)
    return plan


def _withdraw_in_tx(plan: PropPlan, actor: Actor, reason: str) -> None:
    plan.status, plan.withdrawn_at = _Status.WITHDRAWN, timezone.now()
    plan.save(update_fields=["status", "withdrawn_at"])
    _tell(plan, actor, "withdrawn", reason)


def _tell(plan: PropPlan, actor: Actor, verb: str, reason: str = "") -> None:
    payload = {"plan_id": plan.pk, "code": plan.code, "version": plan.version}
    outbox.emit(topic=f"propfirm.plan_{verb}", aggregate=f"prop_plan:{plan.pk}", payload=payload)
    audit.record(
        actor=actor, action=f"prop_plan.{verb}", subject_type="prop_plan", subject_id=plan.pk,
        after=payload, reason=reason,
    )  # fmt: skip


def plans_sync() -> list[str]:
    """Offer the plans that ship where nobody has made one of that code; a changed one becomes a new version.

    What an operator has drafted, offered or withdrawn under the code is left alone. Returns what is new.
    """
    made = []
    for rank, document in enumerate(presets(), start=1):
        rows = PropPlan.objects.filter(code=document["code"]).order_by("-version")
        newest = rows.first()
        if newest is not None and (newest.created_by_id is not None or newest.status != _Status.OFFERED):
            continue
        if newest is not None and {**newest.definition, "version": 0} == {**document, "version": 0}:
            continue
        with transaction.atomic():
            draft = plan_draft(actor=SYSTEM, document=document)
            PropPlan.objects.filter(pk=draft.pk).update(rank=rank)
            plan_offer(actor=SYSTEM, plan_id=draft.pk)
        made.append(f"{draft.code} version {draft.version}")
    return made


def _market_require(market: MarketView, currency: str) -> None:
    if market.currency != currency:
        words = f"This market trades in {market.currency}, the plan in {currency}."
        raise Invalid("currency_differs", words, {"currency": market.currency})
    market_policy_require(market_id=market.id, money=True)


def plan_market(plan: PropPlan) -> MarketView:
    """Where accounts of a plan trade: its own market, or the one that practice accounts are opened in.

    Raises Unavailable `practice_not_ready`; Invalid `market_policy`, `currency_differs`.
    """
    market = standing_market() if plan.market_id is None else market_selectors.market_view(plan.market_id)
    _market_require(market, plan.currency)
    return market


def plan_group_in_tx(plan: PropPlan, market_id: int, purpose: str) -> int:
    """The group of a plan's accounts of a purpose in a market, made when it is needed; its id."""
    known = PropGroup.objects.filter(plan=plan, market_id=market_id, purpose=purpose)
    found = known.values_list("group_id", flat=True).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            group_id = group_create_in_tx(
                slug=f"{purpose}:{plan.code}-v{plan.version}-m{market_id}",
                purpose=purpose,
                market_id=market_id,
                policy={"plan": plan.code, "version": plan.version},
                status="open",
                is_listed=False,
            )
            PropGroup.objects.create(plan=plan, market_id=market_id, purpose=purpose, group_id=group_id)
    except IntegrityError:
        return PropGroup.objects.get(plan=plan, market_id=market_id, purpose=purpose).group_id
    return group_id
