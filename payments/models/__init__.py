"""Tables of the payments app, by topic."""

from payments.models.catalogue import Coupon, CouponUse, PlanPrice, PlanVersion, TaxRate
from payments.models.payments import Customer, Dispute, Invoice, Payment, PaymentStep, Refund
from payments.models.payouts import BlockedParty, Payee, Payout, PayoutBatch, PayoutStep
from payments.models.reconciliation import BalanceMovement, Difference, ReconciliationRun
from payments.models.sandbox import SandboxEvent, SandboxKey, SandboxMovement, SandboxObject
from payments.models.subscriptions import PlanGrant, Subscription, Usage
from payments.models.webhooks import WebhookDelivery

__all__ = [
    "BalanceMovement",
    "BlockedParty",
    "Coupon",
    "CouponUse",
    "Customer",
    "Difference",
    "Dispute",
    "Invoice",
    "Payee",
    "Payment",
    "PaymentStep",
    "Payout",
    "PayoutBatch",
    "PayoutStep",
    "PlanGrant",
    "PlanPrice",
    "PlanVersion",
    "ReconciliationRun",
    "Refund",
    "SandboxEvent",
    "SandboxKey",
    "SandboxMovement",
    "SandboxObject",
    "Subscription",
    "TaxRate",
    "Usage",
    "WebhookDelivery",
]
