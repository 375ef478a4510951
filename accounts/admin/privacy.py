"""Copies of data and deletions that people have asked for."""
