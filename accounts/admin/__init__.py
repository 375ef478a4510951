"""Operator pages about people, by topic. Every act goes through a service, with actor and reason."""

from accounts.admin import consents, foreign, identity, leads, notices, privacy, signins, users

__all__ = ["consents", "foreign", "identity", "leads", "notices", "privacy", "signins", "users"]
