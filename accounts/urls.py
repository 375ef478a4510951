"""Pages of the accounts app."""

from accounts.web import (
    entrance,
    identity,
    impersonation,
    keys,
    mailbox,
    notices,
    onboarding,
    privacy,
    profile,
    security,
)

urlpatterns = [
    pattern
    for module in (entrance, impersonation, security, keys, onboarding, profile, notices, mailbox, identity, privacy)
    for pattern in module.urlpatterns
]
