"""Fixtures: nothing of one test is remembered in the next."""
