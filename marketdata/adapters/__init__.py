"""Vendors and stores behind the rooms."""
