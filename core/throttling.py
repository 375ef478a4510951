"""Request limits. Rates are settings; a view names its own with `throttle_scope`."""

from rest_framework.throttling import AnonRateThrottle, ScopedRateThrottle, UserRateThrottle


class AnonThrottle(AnonRateThrottle):
    """Limit per address for those who are not signed in."""

    scope = "anon"


class UserThrottle(UserRateThrottle):
    """Limit per user."""

    scope = "user"


class ScopedThrottle(ScopedRateThrottle):
    """Limit per user (or address) for views with a `throttle_scope`: signing in, ordering."""
