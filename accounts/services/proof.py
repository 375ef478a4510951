"""Proof that it is still the person: asked of a program before what a stolen token must not be able to do."""

from accounts.models import User
from accounts.services.factors import second_factor_check
from core.errors import DomainError, Forbidden
from core.throttling import limit


def proof_require(*, user: User, password: str = "", code: str = "", ip: str | None = None) -> None:
    """Raise unless the current password or a code of the second factor is right.

    `proof_required` when neither was given, `password_wrong`, `code_wrong`, `rate_limited`.
    """
    if not password and not code:
        raise Forbidden("proof_required", "Send your current password, or a code of your second factor, with this.")
    limit("auth", f"proof:{user.pk}")
    if not password:
        second_factor_check(user=user, code=code, ip=ip)
    elif not User.objects.get(pk=user.pk).check_password(password):
        raise DomainError("password_wrong", "This is not your current password.", status=403)
