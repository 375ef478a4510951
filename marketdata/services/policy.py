"""Whether a market's prices may be used as somebody plans to: asked when a contest is scheduled."""

from __future__ import annotations

from datetime import UTC, datetime, time

from core.errors import Invalid
from marketdata.domain.policy import Policy, Use, refusal
from marketdata.domain.replay import ReplayDefinition
from marketdata.models import Exchange
from marketdata.selectors import listings, market_facts
from marketdata.selectors.sessions import policy_for


def market_policy_require(*, market_id: int, money: bool, now: datetime | None = None) -> None:
    """Raise Invalid ("market_policy", with the reason and the exchange) when a use of a market is not allowed.

    Every exchange that the market lists is asked. A replay is as old as the last day that it plays.
    """
    now = now or datetime.now(tz=UTC)
    facts = market_facts(market_id)
    newest = None
    if facts.is_replay:
        last = ReplayDefinition.from_json(facts.definition).end
        newest = datetime.combine(last, time.max, tzinfo=UTC)
    known = set(Exchange.objects.values_list("code", flat=True))
    for code in sorted({listing.exchange for listing in listings(market_id)} & known):
        found = policy_for(code, now.date())
        policy = None
        if found is not None:
            policy = Policy(code, found.allows_money, found.lag_minutes, found.live_by, found.reason)
        why = refusal(policy, Use(money, newest), now)
        if why is not None:
            raise Invalid("market_policy", why, {"field": "market", "exchange": code})
