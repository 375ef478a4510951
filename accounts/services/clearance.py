"""Keeps `User.clearance`, the one number that the order path, entries and purchases look at."""

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.domain.standing import BLOCKED, NOT_SET_UP
from accounts.models import CLEARED_ALWAYS, Consent, LegalText, Profile, User
from accounts.selectors.standing import edition_in_force


def region_blocked(country: str, region: str = "") -> bool:
    """Whether the platform serves nobody there: BLOCKED_REGIONS names countries ("KP") and regions ("US-NY")."""
    blocked = settings.BLOCKED_REGIONS
    return bool(country) and (country.upper() in blocked or bool(region and region.upper() in blocked))


def clearance_refresh_in_tx(user: User) -> int:
    """Work out and store a locked user's clearance, after anything that it depends on has changed; returns it."""
    clearance = _clearance(user)
    if clearance != user.clearance:
        user.clearance = clearance
        user.save(update_fields=["clearance"])
    return clearance


def _clearance(user: User) -> int:
    if user.kind == User.Kind.AGENT:
        return CLEARED_ALWAYS
    profile = Profile.objects.filter(pk=user.pk).first()
    if profile is None:
        return NOT_SET_UP
    if region_blocked(profile.country, profile.region):
        return BLOCKED
    verified = EmailAddress.objects.filter(user_id=user.pk, email=user.email, verified=True).exists()
    if profile.onboarded_at is None or not verified:
        return NOT_SET_UP
    return _accepted(user.pk)


def _accepted(user_id: int) -> int:
    """The edition up to which the person has accepted the newest text of every kind; at least 1 once onboarded.

    Publishing a text of edition n asks everyone again, so whoever has accepted the newest of each kind stands at the
    newest edition of all.
    """
    newest: dict[str, int] = {}
    for kind, edition in LegalText.objects.order_by("edition").values_list("kind", "edition"):
        newest[kind] = edition
    accepted = set(Consent.objects.filter(user_id=user_id).values_list("text__edition", flat=True))
    open_editions = [edition for edition in newest.values() if edition not in accepted]
    return max(min(open_editions) - 1, 1) if open_editions else edition_in_force()
