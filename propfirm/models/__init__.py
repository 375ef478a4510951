"""Tables of the prop firm."""

from propfirm.models.accounts import PropAccount, PropActivity, PropPhase, PropReset
from propfirm.models.payouts import PropCertificate, PropPayout, Referral
from propfirm.models.plans import Affiliate, PropGroup, PropPlan
from propfirm.models.records import EconomicEvent, PropDispute, PropFinding

__all__ = [
    "Affiliate",
    "EconomicEvent",
    "PropAccount",
    "PropActivity",
    "PropCertificate",
    "PropDispute",
    "PropFinding",
    "PropGroup",
    "PropPayout",
    "PropPhase",
    "PropPlan",
    "PropReset",
    "Referral",
]
