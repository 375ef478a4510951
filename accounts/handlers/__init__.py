"""What accounts does when something has happened to its own people, by topic."""

from accounts.handlers import allauth, entrance, notices, onboarding, privacy, signins

__all__ = ["allauth", "entrance", "notices", "onboarding", "privacy", "signins"]
