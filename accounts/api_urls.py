"""API of the accounts app, under /api/v1/."""

from accounts.api import identity, keys, notices, onboarding, privacy, profile, sessions, tokens

urlpatterns = [
    pattern
    for module in (tokens, sessions, keys, onboarding, profile, notices, identity, privacy)
    for pattern in module.urlpatterns
]
