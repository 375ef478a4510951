"""Suspensions that end, clearances, identity checks that expire, leads."""
