"""Keeps `User.clearance`, the one number that the order path, entries and purchases look at."""

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.domain.standing import BLOCKED, NOT_SET_UP
from accounts.locks import user_lock
from accounts.models import CLEARED_ALWAYS, Consent, LegalText, Profile, User
from accounts.selectors.profile import where_is_known
from accounts.selectors.regions import region_blocked
from accounts.selectors.standing import edition_in_force
from core.services import audit

REVIEW_BATCH = 500


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
    if profile.onboarded_at is None or not verified or not where_is_known(profile):
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


def clearances_review() -> int:
    """Follow BLOCKED_REGIONS: whoever lives where it now blocks or blocks no longer gets the clearance that fits.

    Returns how many changed. One person a transaction, so that nobody's trading waits for it.
    """
    codes = settings.BLOCKED_REGIONS
    is_blocked = Q(country__in=codes) | Q(region__in=codes)
    # In a country that is served in part, the region has to be known.
    is_unknown = Q(region="", country__in={code.partition("-")[0] for code in codes if "-" in code})
    people = Profile.objects.exclude(country="").filter(
        (is_blocked & ~Q(user__clearance=BLOCKED))
        | (~is_blocked & Q(user__clearance=BLOCKED))
        | (is_unknown & Q(user__clearance__gt=NOT_SET_UP))
        | (~is_unknown & Q(user__clearance=NOT_SET_UP, onboarded_at__isnull=False))
    )
    changed, after = 0, 0
    while ids := list(people.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:REVIEW_BATCH]):
        changed += sum(_review(user_id) for user_id in ids)
        after = ids[-1]
    return changed


def _review(user_id: int) -> bool:
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        before = user.clearance
        after = clearance_refresh_in_tx(user)
        if after == before:
            return False
        audit.record(
            actor=None, action="clearance_changed", subject_type="user", subject_id=user_id,
            before={"clearance": before}, after={"clearance": after}, reason="The list of blocked regions changed.",
        )  # fmt: skip
    return True
