"""Writes of the payments app."""
