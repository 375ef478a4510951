"""Who may use the routes of operators and of the identity check."""

from collections.abc import Callable

from django.core.files.base import ContentFile

from accounts.models import IdentityCheck, IdentityDocument, User

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "settings/identity"): "self",
    ("POST", "settings/identity"): "self",
    ("POST", "settings/identity/documents"): "self",
    ("POST", "settings/identity/submit"): "self",
    ("GET", "identity/documents/<int:document_id>"): "moderator",
    ("GET", "api/v1/me/identity"): "self",
    ("POST", "api/v1/me/identity"): "self",
    ("POST", "api/v1/me/identity/documents"): "self",
    ("POST", "api/v1/me/identity/submit"): "self",
    ("POST", "api/v1/users/<int:user_id>/suspend"): "moderator",
    ("POST", "api/v1/users/<int:user_id>/reinstate"): "moderator",
}


def _document(owner: User) -> int:
    """A document that a reviewer can look at."""
    check = IdentityCheck.objects.create(user=owner, status="submitted")
    row = IdentityDocument(check_of=check, kind="front", content_type="image/jpeg", size=4, sha256="0" * 64)
    row.file.save("x", ContentFile(b"jpeg"), save=False)
    row.save()
    return row.pk


ARGS: dict[str, Callable[[User], object]] = {
    "<int:document_id>": _document,
    "<int:user_id>": lambda owner: owner.pk,
}
