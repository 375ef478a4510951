"""What a policy lets each actor do, and what an answer says of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse

from accounts.domain.roles import RIGHTS
from tests.authorization import existing
from tests.authorization.world import OPERATORS, Route

API = "api/v1/"
CLOSED_TO_KEYS = tuple(f"{API}{name}/" for name in ("auth", "account", "me"))
# Refusals that are about who asks; any other answer means that one was let in.
CODES = ("not_authenticated", "forbidden", "account_suspended", "key_not_allowed", "key_scope",
         "onboarding_incomplete")  # fmt: skip
IN, HIDDEN, SIGN_IN, SIGNED_OUT, SUSPENDED = "in", "404", "sign in", "signed out", "403 account_suspended"


@dataclass(frozen=True)
class Cell:
    """What one actor got from one route: what it means, and how it reads in the table."""

    outcome: str
    shown: str


def is_api(route: str) -> bool:
    return route.startswith(API)


def api_cell(response: HttpResponse) -> Cell:
    """An answer of the API: whether it is about rights, by its code."""
    status = response.status_code
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    code = response.json().get("code", "") if status >= 400 and is_json else ""
    if status in (401, 403) and code in CODES:
        return Cell(f"{status} {code}", f"{status} {code}")
    return Cell(HIDDEN if status == 404 else "500" if status == 500 else IN, str(status))


def page_cell(response: HttpResponse) -> Cell:
    """An answer of a page: where it leads, or its status."""
    status, to = response.status_code, response.headers.get("Location", "")
    if to == "/sign-in":
        return Cell(SIGNED_OUT, f"{status} sign-in")
    if to.startswith("/sign-in?next="):
        return Cell(SIGN_IN, f"{status} sign-in")
    return Cell(str(status) if status in (403, 404, 500) else IN, str(status))


def expected(policy: str, actor: str, method: str, route: str) -> str:
    """What a policy says that the actor gets."""
    return (_api if is_api(route) else _page)(policy, actor, method, route)


def _api(policy: str, actor: str, method: str, route: str) -> str:
    if policy in ("open", "entrance"):
        return IN
    if actor == "suspended":
        return SUSPENDED
    if actor.startswith("key "):
        return _key(policy, actor, method, route)
    if actor == "visitor":
        return {"public": IN, "shown": HIDDEN}.get(policy, "401 not_authenticated")
    return _person(policy, actor, "403 forbidden", "403 onboarding_incomplete")


def _key(policy: str, actor: str, method: str, route: str) -> str:
    """Keys are the owner's, as a trader: they read what is not about the person, and write where keys may."""
    if policy in OPERATORS or route.startswith(CLOSED_TO_KEYS):
        return "403 key_not_allowed"
    if method == "GET":
        return IN
    if (method, route) not in existing.KEY_WRITES:
        return "403 key_not_allowed"
    return IN if actor == "key trade" else "403 key_scope"


def _page(policy: str, actor: str, method: str, route: str) -> str:
    if actor == "suspended":
        return "403" if route.startswith("api/") else SIGNED_OUT
    if actor == "visitor" or actor.startswith("key "):
        return {"public": IN, "entrance": IN, "shown": HIDDEN, "local": HIDDEN}.get(policy, SIGN_IN)
    # A page that asks for more leads there, and is not a refusal.
    return _person(policy, actor, "403", IN)


def _person(policy: str, actor: str, forbidden: str, not_cleared: str) -> str:
    """Someone who is signed in."""
    if policy in ("public", "entrance", "self"):
        return IN
    if policy == "local":
        return HIDDEN
    if policy == "cleared":
        return not_cleared if actor == "newcomer" else IN
    if policy in ("owner", "shown", "records"):
        sees = actor == "owner" or (policy != "owner" and actor in ("moderator", "admin"))
        return IN if sees else HIDDEN
    assert policy in OPERATORS, f"there is no policy {policy}"
    return IN if actor in (policy, "admin") else forbidden


def is_as_expected(cell: Cell, wanted: str, pair: Route, policy: str) -> bool:
    """Whether it came as it should. To be let in may mean to find nothing of one's own, or to be led to the sign-in."""
    if wanted == IN and pair in existing.ABSENT:
        return cell.outcome in (IN, HIDDEN)
    if wanted == IN and (pair in existing.SIGNS_OUT or policy in ("public", "entrance")):
        return cell.outcome in (IN, SIGNED_OUT) or (cell.outcome == SIGN_IN and policy in ("public", "entrance"))
    return cell.outcome == wanted


# The two of signing in are ours, and of changing a password there is only the page of the settings.
ELSEWHERE = ("admin/login/", "admin/logout/", "admin/password_change/", "admin/password_change/done/")


def admin_expected(model: str, path: str, actor: str) -> str:
    """What the administration answers: looking by `accounts.domain.roles`, writing where it is written down."""
    if actor == "suspended":
        return SIGNED_OUT
    if actor not in OPERATORS:
        return "admin sign-in"
    if path in existing.ADMIN_OF_ALL or "app_label" in path:
        return IN
    if path == "admin/autocomplete/":
        return "403"
    rights = RIGHTS[actor]
    looks = actor == "admin" or model in rights.view | rights.change
    if path.endswith(("/add/", "/delete/")):
        is_open = model in (existing.ADDED if path.endswith("/add/") else existing.DELETED)
        return IN if is_open and actor == "admin" else "403"
    return IN if looks else "403"


def admin_cell(response: HttpResponse) -> Cell:
    """An answer of the administration."""
    if response.headers.get("Location", "").startswith("/admin/login"):
        return Cell("admin sign-in", "302 sign-in")
    return page_cell(response)
