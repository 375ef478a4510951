"""Notifications that follow from events of accounts."""
