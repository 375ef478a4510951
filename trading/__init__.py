"""Accounts that trade: orders, fills, positions, marks. The one order path."""
