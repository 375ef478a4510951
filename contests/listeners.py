"""What contests do at each tick of a market: standings as soon as the marks are known, and at a day's close (30)."""

from contests.domain.policy import contest_policy
from contests.selectors import featured
from contests.selectors.access import contest_account_access
from contests.services.standings import standings_show, standings_tick
from marketdata.domain.ports import register_default_market, register_tick_listener
from trading.domain.ports import register_account_access, register_account_policy
from trading.services.marking import watch


def _featured_market() -> int | None:
    contest = featured()
    return contest.market_id if contest is not None else None


def register() -> None:
    """Plug contests into markets and the order path; called once from AppConfig.ready()."""
    watch("contests.standings", standings_show)
    register_tick_listener(30, "contests.standings", standings_tick)
    register_account_policy("contest", contest_policy)
    register_account_access("contest", contest_account_access)
    register_default_market(_featured_market)
