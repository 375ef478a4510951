"""Onboarding: its steps, and what of the answers can be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.errors import Forbidden, Invalid

WHERE, EXPERIENCE, CONSENT = "where", "experience", "consent"
OLDEST = 120

# What each risk tolerance starts with, in words. The figures are those of the trading limits of the same name.
TOLERANCES: dict[str, tuple[str, str]] = {
    "conservative": (
        "Small steps",
        "One order or one position may take 10% of your equity. Trading stops for the day at a loss of 2%. Up to 20 "
        "trades a day, and each entry gets a stop loss 5% away unless you set your own.",
    ),
    "moderate": (
        "In between",
        "One order or one position may take 25% of your equity. Trading stops for the day at a loss of 5%. Up to 100 "
        "trades a day.",
    ),
    "aggressive": (
        "Wide limits",
        "One order may take 50% of your equity, one position all of it. Trading stops for the day at a loss of 10%.",
    ),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One page of onboarding."""

    key: str
    label: str
    is_done: bool

    @property
    def url(self) -> str:
        """Where it is answered."""
        return f"/onboarding/{self.key}"


@dataclass(frozen=True, slots=True)
class TextView:
    """A version of a text, and when the person accepted it."""

    id: int
    kind: str
    version: int
    edition: int
    title: str
    changes: str
    published_at: datetime
    accepted_at: datetime | None = None

    @property
    def url(self) -> str:
        """Where it is read."""
        return f"/legal/{self.kind}/{self.version}"

    @property
    def words(self) -> str:
        """The text as lists name it."""
        return f"{self.title}, version {self.version}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody has come."""

    steps: tuple[Step, ...]
    texts: tuple[TextView, ...]
    is_verified: bool
    is_blocked: bool
    is_onboarded: bool

    @property
    def open_step(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in self.steps if not step.is_done), None)

    @property
    def missing(self) -> list[str]:
        """What is still to be done, by key."""
        missing = [] if self.is_verified else ["email"]
        return missing + [step.key for step in self.steps if not step.is_done]

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self.is_blocked and not self.missing

    @property
    def open_texts(self) -> list[TextView]:
        """Texts in force that wait for consent."""
        return [text for text in self.texts if text.accepted_at is None]


def steps_of(*, where: bool, experience: bool, consent: bool) -> tuple[Step, ...]:
    """The steps, with what is done."""
    return (
        Step(WHERE, "Where you live", where),
        Step(EXPERIENCE, "Experience and risk", experience),
        Step(CONSENT, "Terms", consent),
    )


def age_on(birth_date: date, today: date) -> int:
    """Full years."""
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def birth_date_check(birth_date: date, *, today: date, min_age: int) -> None:
    """Raise Invalid `birth_date_impossible` for a date that nobody alive was born on, Forbidden `too_young`."""
    if birth_date > today or age_on(birth_date, today) > OLDEST:
        words = "This date of birth cannot be. Check the year."
        raise Invalid("birth_date_impossible", words, {"birth_date": [words]})
    if age_on(birth_date, today) < min_age:
        words = f"You have to be {min_age} or older to use the platform. Nothing was stored."
        raise Forbidden("too_young", words, {"birth_date": [words], "min_age": min_age})


def place_check(region: str, *, regions: Sequence[str], known: bool, needs_region: bool) -> None:
    """Raise Invalid for a country that is not one, a region of another country, or one that is needed and missing.

    `regions` are the country's own by ISO 3166-2, `known` whether the country is one.
    """
    if not known:
        raise _at("country", "country_unknown", "Choose a country from the list.")
    if region and region not in regions:
        raise _at("region", "region_unknown", "Choose a region of the country that you live in.")
    if needs_region and not region:
        raise _at("region", "region_required", "Choose the region that you live in: not all of the country is served.")


def _at(field: str, code: str, words: str) -> Invalid:
    return Invalid(code, words, {field: [words]})
