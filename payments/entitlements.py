"""What a person may do by their plan: the one question that higher apps ask of payments.

Services and pages call `require` for switches and `use_in_tx` for what is counted. A refusal is 402 with what to buy.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from core.errors import DomainError
from payments.domain.catalogue import FEATURES, UNLIMITED, Feature
from payments.models import Usage
from payments.selectors.plans import PlanView, holding_of, plans_offered

URL = "/pricing"
_COUNT = """
INSERT INTO payments_usage (user_id, feature, period, used) VALUES (%(user)s, %(feature)s, %(period)s, 1)
ON CONFLICT (user_id, feature, period) DO UPDATE SET used = payments_usage.used + 1
WHERE payments_usage.used < %(limit)s OR %(limit)s < 0 RETURNING used
"""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a plan says about a feature. `limit` -1: no limit, and `left` None. `buy`: names of plans that hold more."""

    feature: Feature
    label: str
    is_allowed: bool
    limit: int
    used: int
    left: int | None
    plan: str
    buy: tuple[str, ...]


def plan_of(user_id: int) -> PlanView:
    """The plan that a person has now."""
    return holding_of(user_id).plan


def period_of(feature: Feature) -> str:
    """The period in which a use counts now: "ever", or today's date of UTC."""
    return timezone.now().date().isoformat() if FEATURES[feature].period == "day" else "ever"


def entitlement(user_id: int, feature: Feature, plan: PlanView | None = None) -> Entitlement:
    """What this person may do of a feature now, and what is left of it."""
    has = plan or plan_of(user_id)
    kind, limit = FEATURES[feature], has.limit(feature)
    used = 0
    if kind.period in ("ever", "day"):
        rows = Usage.objects.filter(user_id=user_id, feature=feature, period=period_of(feature))
        used = rows.values_list("used", flat=True).first() or 0
    left = None if limit == UNLIMITED else max(0, limit - used)
    allowed = limit != 0 if kind.is_switch or kind.period == "minute" else left is None or left > 0
    return Entitlement(feature, kind.label, allowed, limit, used, left, has.name, _more(has, feature))


def entitlements(user_id: int) -> list[Entitlement]:
    """All features of a person's plan."""
    plan = plan_of(user_id)
    return [entitlement(user_id, feature, plan) for feature in FEATURES]


def require(user_id: int, feature: Feature) -> None:
    """Raise 402 `plan_required` or `plan_limit_reached` unless the plan holds it; `details` say what to buy."""
    found = entitlement(user_id, feature)
    if not found.is_allowed:
        raise _refusal(found)


def use_in_tx(user_id: int, feature: Feature) -> int:
    """Count one use in the caller's transaction, and never past the limit; how many there are now.

    Raises 402 `plan_limit_reached` or `plan_required`.
    """
    plan = plan_of(user_id)
    values: dict[str, str | int] = {
        "user": user_id,
        "feature": str(feature),
        "period": period_of(feature),
        "limit": plan.limit(feature),
    }
    used = None
    if plan.limit(feature):
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, values)
            used = cursor.fetchone()
    if used is None:
        raise _refusal(entitlement(user_id, feature, plan))
    return int(used[0])


def _more(plan: PlanView, feature: Feature) -> tuple[str, ...]:
    now = plan.limit(feature)
    if now == UNLIMITED:
        return ()
    offered = (other for other in plans_offered() if other.rank > plan.rank)
    return tuple(other.name for other in offered if other.limit(feature) == UNLIMITED or other.limit(feature) > now)


def _refusal(found: Entitlement) -> DomainError:
    what = found.label[0].lower() + found.label[1:]
    is_limit = found.limit > 0 and not FEATURES[found.feature].is_switch
    buy = f" {_listed(found.buy)} {'has' if len(found.buy) == 1 else 'have'} more." if found.buy else ""
    message = (
        f"You have used all {found.limit} of your plan {found.plan}: {what}.{buy}"
        if is_limit
        else f"Your plan {found.plan} does not include this: {what}." + buy.replace(" more.", " it.")
    )
    details = {
        "feature": str(found.feature), "plan": found.plan, "limit": found.limit, "used": found.used,
        "buy": list(found.buy), "url": URL,
    }  # fmt: skip
    return DomainError("plan_limit_reached" if is_limit else "plan_required", message, details, status=402)


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
