"""Backtests: a strategy over history, through the same pure functions as the live order path (docs/backtests.md)."""
