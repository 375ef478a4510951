"""How the ways to prove who one is appear in the API's schema."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ActiveJWTScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """A token."""

    target_class = "accounts.authentication.ActiveJWTAuthentication"
    name = "jwtAuth"


class ActiveSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """A session."""

    target_class = "accounts.authentication.ActiveSessionAuthentication"
    name = "cookieAuth"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "apiKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """A header of its own."""
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
