"""What accounts does when something has happened to its own people, by topic."""

from accounts.handlers import allauth, entrance, impersonation, onboarding, privacy, signins

__all__ = ["allauth", "entrance", "impersonation", "onboarding", "privacy", "signins"]
