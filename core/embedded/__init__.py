"""Embedded PostgreSQL and Redis, and the supervisor that runs the platform's processes on one machine.

Everything here is standard library only: it runs before the virtual environment exists and without Django.
"""
