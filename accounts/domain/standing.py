"""What stands between a person and the first order. Pure."""

from dataclasses import dataclass

BLOCKED, NOT_SET_UP = -1, 0
ONBOARDING_URL = "/onboarding"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether someone may trade, enter contests and buy; if not: the code, why in words, and where to go."""

    code: str = ""
    message: str = ""
    url: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether nothing is missing."""
        return not self.code


CLEAR = Standing()


def standing(*, clearance: int, edition: int) -> Standing:
    """The standing of someone with this clearance while the texts in force are of this edition.

    Codes: `region_blocked`, `onboarding_incomplete`, `consent_due`.
    """
    if clearance == BLOCKED:
        return Standing(
            "region_blocked",
            "The platform does not serve the country in your profile, so this was not taken. "
            "Contact support if the country is wrong.",
        )
    if clearance == NOT_SET_UP:
        return Standing(
            "onboarding_incomplete",
            "Finish setting up your account, then try again: it takes two minutes.",
            ONBOARDING_URL,
        )
    if clearance < edition:
        return Standing(
            "consent_due", "Our terms have changed. Read and accept them, then try again.", f"{ONBOARDING_URL}/consent"
        )
    return CLEAR
