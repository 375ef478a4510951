"""The trading API: accounts, orders, positions, transactions."""
