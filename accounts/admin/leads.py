"""Leads: users who may be one person."""
