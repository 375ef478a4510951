"""Fee schedules as dated data: each line has its rate, first day and source. Pure; `trading.domain.fees` computes.

A rate changes by adding a line, never by editing one: what an old fill paid must stay computable.
"""

from trading.domain.schedules.india import INDIA
from trading.domain.schedules.lines import Line, Market, Rounding, pick
from trading.domain.schedules.us import US

MARKETS: dict[str, Market] = {"us": US, "in": INDIA}

__all__ = ["MARKETS", "Line", "Market", "Rounding", "pick"]
