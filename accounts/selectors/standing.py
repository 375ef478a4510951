"""Who may trade, enter and buy."""

from typing import Any

from django.db.models import Max

from accounts.domain.standing import CLEAR, Standing, standing
from accounts.models import LegalText, User
from core.errors import Forbidden


def edition_in_force() -> int:
    """The newest edition of the texts; 1 while none is published, so that nobody is clear by accident."""
    return int(LegalText.objects.aggregate(newest=Max("edition"))["newest"] or 1)


def standing_of(user: Any) -> Standing:
    """What stands between a user and the first order; a visitor has nothing to set up yet."""
    if not isinstance(user, User) or user.kind == User.Kind.AGENT:
        return CLEAR
    return standing(clearance=user.clearance, edition=edition_in_force())


def standing_require(user: Any) -> None:
    """Raise Forbidden with the standing's code unless the user may trade, enter and buy."""
    found = standing_of(user)
    if not found.is_clear:
        raise Forbidden(found.code, found.message, {"url": found.url} if found.url else {})
