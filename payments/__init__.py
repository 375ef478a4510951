"""Checkout, subscriptions, refunds, payouts, reconciliation."""
