"""Vendors behind the accounts app."""
