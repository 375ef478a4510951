"""What accounts does when something has happened to its own people, by topic."""

from accounts.handlers import allauth, entrance, onboarding, privacy, signins

__all__ = ["allauth", "entrance", "onboarding", "privacy", "signins"]
