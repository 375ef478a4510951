"""Who may use an API view."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class IsOperator(BasePermission):
    """Moderators and administrators."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """Whether the user runs the platform."""
        return bool(getattr(request.user, "is_operator", False))


class IsAdmin(BasePermission):
    """Administrators."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """Whether the user is an administrator."""
        return bool(getattr(request.user, "is_admin", False))
