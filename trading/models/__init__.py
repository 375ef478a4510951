"""Accounts that trade, their orders, fills, positions and marks.

Written through `trading/sql/` functions only (see trading.services); the admin shows these rows read-only.
"""

from trading.models.accounts import Account, AccountGroup, AccountMark, EquityPoint
from trading.models.orders import Fill, Order, OrderTransition, QuoteUse
from trading.models.positions import Adjustment, Position
from trading.models.risk import MarginCall, RiskNotice, RiskSettings
from trading.models.rules import AccountRules, BookChange, EnforcementPause, FloorStep, RuleLines, RuleSet, Verdict

__all__ = [
    "Account",
    "AccountGroup",
    "AccountMark",
    "AccountRules",
    "Adjustment",
    "BookChange",
    "EnforcementPause",
    "EquityPoint",
    "Fill",
    "FloorStep",
    "MarginCall",
    "Order",
    "OrderTransition",
    "Position",
    "QuoteUse",
    "RiskNotice",
    "RiskSettings",
    "RuleLines",
    "RuleSet",
    "Verdict",
]
