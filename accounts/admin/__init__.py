"""Operator pages about people, by topic. Every act goes through a service, with actor and reason."""

from accounts.admin import consents, identity, leads, notices, privacy, signins, users

__all__ = ["consents", "identity", "leads", "notices", "privacy", "signins", "users"]
