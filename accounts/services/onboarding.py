"""The steps of onboarding before the texts: where and how old, experience and risk."""

from __future__ import annotations

from datetime import UTC, date, datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from accounts.adapters import places
from accounts.domain import onboarding
from accounts.domain.client import Client
from accounts.locks import user_lock
from accounts.models import Profile, User
from accounts.selectors.regions import region_blocked, region_needed
from accounts.services.clearance import clearance_refresh_in_tx
from accounts.services.consents import consents_accept_in_tx
from accounts.services.progress import onboarding_finish_in_tx
from accounts.services.regions import client_region_require, region_refusal
from core.errors import Conflict, DomainError, Invalid, NotFound
from core.services import audit, outbox

BLOCKED_WORDS = (
    "The platform does not serve the place where you live. Your account stays, but you cannot trade, enter contests or "
    "buy. Contact support if the place is wrong."
)


def where_set(*, user_id: int, country: str, region: str, birth_date: date, client: Client) -> Profile:
    """Store where a person lives and when they were born.

    Raises Invalid (`country_unknown`, `region_unknown`, `region_required`, `birth_date_impossible`), Forbidden
    (`too_young`, which stores nothing; `region_blocked`, which keeps the answer) and Conflict `birth_date_fixed`.
    """
    client_region_require(client)
    country, region = country.strip().upper(), region.strip().upper()
    _place_check(country, region)
    today = datetime.now(tz=UTC).date()
    try:
        onboarding.birth_date_check(birth_date, today=today, min_age=settings.MIN_AGE)
    except DomainError as error:
        if error.code == "too_young":
            _refusal_record(user_id, error.code, client)
        raise
    with transaction.atomic(durable=True):
        user, profile = _locked(user_id)
        _change_check(profile, birth_date)
        before = {"country": profile.country, "region": profile.region}
        profile.country, profile.region, profile.birth_date = country, region, birth_date
        profile.save(update_fields=["country", "region", "birth_date", "updated_at"])
        onboarding_finish_in_tx(user)
        clearance_refresh_in_tx(user)
        after = {"country": country, "region": region}
        if after != before:
            audit.record(
                actor=user, action="residence_set", subject_type="user", subject_id=user.pk, before=before,
                after=after, ip=client.ip,
            )  # fmt: skip
    if region_blocked(country, region):
        raise region_refusal(BLOCKED_WORDS)
    return profile


def experience_set(*, user_id: int, experience: str, risk_tolerance: str, client: Client) -> Profile:
    """Store how long a person has traded and which limits fit. Raises Invalid."""
    client_region_require(client)
    for field, value, known in (
        ("experience", experience, Profile.Experience.values),
        ("risk_tolerance", risk_tolerance, Profile.RiskTolerance.values),
    ):
        if value not in known:
            raise Invalid("invalid", "Choose one of the answers.", {field: ["Choose one of the answers."]})
    with transaction.atomic(durable=True):
        user, profile = _locked(user_id)
        changed = (profile.experience, profile.risk_tolerance) != (experience, risk_tolerance)
        profile.experience, profile.risk_tolerance = experience, risk_tolerance
        profile.save(update_fields=["experience", "risk_tolerance", "updated_at"])
        if changed:
            payload = {"user_id": user.pk, "experience": experience, "risk_tolerance": risk_tolerance}
            outbox.emit(topic="accounts.profile_changed", aggregate=f"user:{user.pk}", payload=payload)
        onboarding_finish_in_tx(user)
        clearance_refresh_in_tx(user)
    return profile


def where_reset(*, actor: User, user_id: int, reason: str, ip: str | None = None) -> None:
    """Let a person answer again where they live: an operator's word when the answer was a mistake."""
    if not reason.strip():
        raise Invalid("reason_required", "Give a reason.", {"reason": ["Give a reason."]})
    with transaction.atomic(durable=True):
        user, profile = _locked(user_id)
        before = {"country": profile.country, "region": profile.region}
        profile.country = profile.region = ""
        profile.birth_date = profile.onboarded_at = None
        profile.save(update_fields=["country", "region", "birth_date", "onboarded_at", "updated_at"])
        clearance_refresh_in_tx(user)
        audit.record(
            actor=actor, action="residence_reset", subject_type="user", subject_id=user.pk, before=before,
            reason=reason.strip(), ip=ip,
        )  # fmt: skip


def person_set_up(*, user_id: int, because: str, country: str = "DE") -> User:
    """Answer every question for a made-up person, so that they may trade at once: the demo's people. Idempotent."""
    with transaction.atomic(durable=True):
        user, profile = _locked(user_id)
        address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
        if not address.verified:
            address.verified = True
            address.save(update_fields=["verified"])
        profile.country = profile.country or country
        profile.birth_date = profile.birth_date or date(1990, 1, 1)
        profile.experience = profile.experience or Profile.Experience.SOME
        profile.risk_tolerance = profile.risk_tolerance or Profile.RiskTolerance.MODERATE
        profile.save()
        consents_accept_in_tx(user=user, because=because)
        onboarding_finish_in_tx(user)
        clearance_refresh_in_tx(user)
    return user


def _place_check(country: str, region: str) -> None:
    onboarding.place_check(
        region,
        regions=[code for code, _ in places.regions_of(country)],
        known=country in places.names(),
        needs_region=region_needed(country),
    )


def _change_check(profile: Profile, birth_date: date) -> None:
    """What was answered stays: a blocked place is not left by naming another, nor an age by naming an earlier year."""
    if region_blocked(profile.country, profile.region):
        raise region_refusal(BLOCKED_WORDS)
    if profile.onboarded_at is not None and profile.birth_date not in (None, birth_date):
        words = "Your date of birth is stored already. Contact support if it is wrong."
        raise Conflict("birth_date_fixed", words, {"birth_date": [words]})


def _refusal_record(user_id: int, code: str, client: Client) -> None:
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        audit.record(
            actor=user, action="onboarding_refused", subject_type="user", subject_id=user_id, reason=code, ip=client.ip
        )


def _locked(user_id: int) -> tuple[User, Profile]:
    user = user_lock(user_id)
    profile = Profile.objects.filter(pk=user_id).first()
    if profile is None:
        raise NotFound("profile_not_found", "Only people have a profile.")
    return user, profile
