"""What a person may do by their plan: the one question that higher apps ask of payments.

Services and pages call `require` for switches and `use_in_tx` for what is counted. A refusal is 402 with what to buy.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from core.errors import DomainError, NotFound
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


def api_rate(user_id: int) -> int | None:
    """API requests a minute of a person's plan; None without a limit, and before plans are published."""
    try:
        limit = plan_of(user_id).limit(Feature.API_RATE)
    except NotFound:
        return None
    return None if limit == UNLIMITED else limit


def period_of(feature: Feature) -> str:
    """The period in which a use counts now: "ever", or today's date of UTC."""
    return timezone.now().date().isoformat() if FEATURES[feature].period == "day" else "ever"


def entitlement(user_id: int, feature: Feature, plan: PlanView | None = None) -> Entitlement:
    """What this person may do of a feature now, and what is left of it."""
    return _of(plan or plan_of(user_id), feature, _used(user_id), plans_offered())


def entitlements(user_id: int) -> list[Entitlement]:
    """All features of a person's plan."""
    plan, used, offered = plan_of(user_id), _used(user_id), plans_offered()
    return [_of(plan, feature, used, offered) for feature in FEATURES]


def _used(user_id: int) -> dict[str, int]:
    """What has been used in the periods that run now, by feature."""
    periods = {feature: period_of(feature) for feature in FEATURES}
    rows = Usage.objects.filter(user_id=user_id, period__in=set(periods.values()))
    return {row.feature: row.used for row in rows if periods.get(Feature(row.feature)) == row.period}


def _of(plan: PlanView, feature: Feature, used: dict[str, int], offered: list[PlanView]) -> Entitlement:
    kind, limit, count = FEATURES[feature], plan.limit(feature), used.get(feature, 0)
    left = None if limit == UNLIMITED else max(0, limit - count)
    is_counted = kind.period in ("ever", "day")
    allowed = (left is None or left > 0) if is_counted else limit != 0
    return Entitlement(feature, kind.label, allowed, limit, count, left, plan.name, _more(plan, feature, offered))


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


def _more(plan: PlanView, feature: Feature, offered: list[PlanView]) -> tuple[str, ...]:
    now = plan.limit(feature)
    if now == UNLIMITED:
        return ()
    higher = (other for other in offered if other.rank > plan.rank)
    return tuple(other.name for other in higher if other.limit(feature) == UNLIMITED or other.limit(feature) > now)


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
