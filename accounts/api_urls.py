"""API of the accounts app, under /api/v1/."""

from accounts.api import (
    identity,
    keys,
    notices,
    onboarding,
    operators,
    passkeys,
    privacy,
    profile,
    registration,
    sessions,
    tokens,
)

urlpatterns = [
    pattern
    for module in (
        tokens,
        registration,
        passkeys,
        sessions,
        keys,
        onboarding,
        profile,
        notices,
        identity,
        privacy,
        operators,
    )
    for pattern in module.urlpatterns
]
