"""Reads of the payments app."""
