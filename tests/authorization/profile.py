"""Who may use the routes of profiles, pictures and public pages."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image

from accounts.models import User
from accounts.services.avatars import avatar_set
from accounts.services.handles import handle_set_in_tx

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "settings/profile"): "self",
    ("POST", "settings/profile"): "self",
    ("POST", "settings/profile/avatar"): "self",
    ("GET", "avatars/<slug:name>.webp"): "public",
    ("GET", "people/<str:handle>"): "public",
    ("GET", "api/v1/me/profile"): "self",
    ("PATCH", "api/v1/me/profile"): "self",
    ("PUT", "api/v1/me/avatar"): "self",
    ("DELETE", "api/v1/me/avatar"): "self",
    ("GET", "api/v1/people/<str:handle>"): "public",
}


def _handle(owner: User) -> str:
    handle = f"walker_{owner.pk}"
    handle_set_in_tx(user=owner, handle=handle)
    return handle


def _picture(owner: User) -> str:
    out = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "PNG")
    return avatar_set(user_id=owner.pk, data=out.getvalue()).avatar.name.removeprefix("avatars/").removesuffix(".webp")


ARGS: dict[str, Callable[[User], object]] = {"<str:handle>": _handle, "<slug:name>": _picture}
