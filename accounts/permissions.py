"""Who may use an API view. Nobody acts as an operator with an API key."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.domain.keys import KeyPass
from accounts.models import User
from accounts.services.keys import key_refused


class _HasRole(BasePermission):
    """Those with one of some roles, who have signed in."""

    roles: frozenset[str] = frozenset()

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """Whether the user has the role. Raises `key_not_allowed` for a key."""
        if isinstance(getattr(request, "auth", None), KeyPass):
            raise key_refused("key_not_allowed")
        user: Any = request.user
        return getattr(user, "role", "") in self.roles


class IsOperator(_HasRole):
    """Moderators and administrators."""

    roles = frozenset({User.Role.MODERATOR, User.Role.ADMIN})


class IsFinance(_HasRole):
    """Finance and administrators."""

    roles = frozenset({User.Role.FINANCE, User.Role.ADMIN})


class IsAdmin(_HasRole):
    """Administrators."""

    roles = frozenset({User.Role.ADMIN})
