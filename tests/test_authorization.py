"""Who may use which address: every route of the pages and of the API, as everybody, against what is written down.

`-s` prints the matrix; `--write` writes docs/authorization.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from accounts.domain.roles import RIGHTS
from core.redis import client as redis
from tests.authorization import existing
from tests.authorization.world import ACTORS, OPERATORS, Route, World, policies, routes, world
from trading.services.context import forget

pytestmark = pytest.mark.django_db

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "authorization.md"
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


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is done inside has not happened."""
    mark = connection.savepoint()
    try:
        yield
    finally:
        connection.needs_rollback = False
        connection.savepoint_rollback(mark)


def forget_counts() -> None:
    """What was counted and remembered outside the database while something was written."""
    redis().flushdb()
    forget()


def is_api(route: str) -> bool:
    return route.startswith(API)


def ask(people: World, clients: dict[str, Client], actor: str, method: str, route: str) -> Cell:
    """What the actor gets; whatever came of it is taken back."""
    path, body = people.address(route), existing.BODIES.get((method, route), {})
    more = {} if method == "GET" else {"data": body}
    if method != "GET":
        forget_counts()
    with undone():
        if is_api(route):
            json = {} if method == "GET" else {"content_type": "application/json"}
            client, headers = clients["visitor"], people.headers(actor)
            return api_cell(getattr(client, method.lower())(path, headers=headers, **more, **json))
        client = clients[actor]
        kept = SimpleCookie(client.cookies.output(header="", sep=";"))
        try:
            return page_cell(getattr(client, method.lower())(path, **more))
        finally:
            client.cookies = kept


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


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    made: list[Any] = []

    def get(*args: Any, **kwargs: Any) -> Any:
        if not made:
            made.append(make(*args, **kwargs))
        return made[0]

    return get


@pytest.fixture
def people(settings, monkeypatch) -> World:
    """Everybody, when everything that can be set up is. The schema of the API is put together once."""
    monkeypatch.setattr(SchemaGenerator, "get_schema", _once(SchemaGenerator.get_schema))
    settings.GOOGLE_CLIENT_ID = "id"
    google = {**settings.SOCIALACCOUNT_PROVIDERS["google"], "APPS": [{"client_id": "id", "secret": "secret"}]}
    settings.SOCIALACCOUNT_PROVIDERS = {**settings.SOCIALACCOUNT_PROVIDERS, "google": google}
    return world()


def test_the_authorization_matrix_has_no_hole(people, request):
    """Routes x actors. A route without an entry fails, and an entry without a route."""
    known, found = policies(), set(routes())
    assert found - known.keys() == set(), "give these routes a policy in tests/authorization"
    assert known.keys() - found == set(), "these entries have no route"
    for _, route in sorted(found):
        people.address(route)
    people.suspend()
    clients = {actor: people.client(actor) for actor in ACTORS}
    table: dict[Route, list[Cell]] = {}
    wrong = []
    for method, route in sorted(found, key=lambda pair: (pair[1], pair[0])):
        policy = known[method, route]
        cells = [ask(people, clients, actor, method, route) for actor in ACTORS]
        table[method, route] = cells
        for actor, cell in zip(ACTORS, cells, strict=True):
            wanted = expected(policy, actor, method, route)
            if not is_as_expected(cell, wanted, (method, route), policy):
                wrong.append(f"{method} {route} ({policy}) as {actor}: {cell.shown}, not {wanted}")
    assert not wrong, f"{len(wrong)} of {len(table) * len(ACTORS)} cells:\n" + "\n".join(wrong)
    write(request, "Pages and API", list(ACTORS), table, known)


def write(request: Any, title: str, actors: list[str], table: dict[Route, list[Cell]], known: dict[Route, str]) -> None:
    """Print the matrix, and put it into docs/authorization.md if that was asked for."""
    head = ["route", "policy", *actors]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for (method, route), cells in table.items():
        name = route.replace("|", "\\|")
        lines.append(f"| `{method} /{name}` | {known[method, route]} | {' | '.join(cell.shown for cell in cells)} |")
    print(f"\n## {title}: {len(table)} routes x {len(actors)} actors\n", *lines, sep="\n")
    if request.config.getoption("--write", default=False):
        whole = DOCUMENT.read_text(encoding="utf-8")
        mark = f"<!-- {title} -->"
        before, _, rest = whole.partition(mark)
        _, _, after = rest.partition(mark)
        DOCUMENT.write_text(f"{before}{mark}\n\n" + "\n".join(lines) + f"\n\n{mark}{after}", encoding="utf-8")


def admin_addresses() -> list[tuple[str, str]]:
    """(model as `app.model` or nothing, address) of everything in the administration."""
    found = []

    def walk(patterns: list[Any], prefix: str) -> None:
        for item in patterns:
            path = prefix + str(item.pattern)
            if isinstance(item, URLResolver):
                walk(item.url_patterns, path)
            else:
                parts = path.split("/")
                model = f"{parts[1]}.{parts[2]}" if len(parts) > 3 and "<" not in parts[1] + parts[2] else ""
                found.append((model, path))

    walk([item for item in get_resolver().url_patterns if str(item.pattern) == "admin/"], "")
    return found


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


# The two of signing in are ours, and of changing a password there is only the page of the settings.
ELSEWHERE = ("admin/login/", "admin/logout/", "admin/password_change/", "admin/password_change/done/")


def admin_cell(response: HttpResponse) -> Cell:
    if response.headers.get("Location", "").startswith("/admin/login"):
        return Cell("admin sign-in", "302 sign-in")
    return page_cell(response)


def admin_path(model: str, path: str) -> str:
    """An address with the id of a row that is there, if there is one."""
    row = apps.get_model(model).objects.order_by("pk").first() if model else None
    path = re.sub(r"\^\(\?P<app_label>.*\)/\$", "accounts/", path)
    return "/" + re.sub(r"<\w+:\w+>", "1" if row is None else str(row.pk), path)


def test_the_administration_shows_each_role_what_its_work_needs(people, request):
    people.suspend()
    actors = [actor for actor in ACTORS if not actor.startswith("key ")]
    clients = {actor: people.client(actor) for actor in actors}
    table: dict[Route, list[Cell]] = {}
    wrong = []
    for model, path in admin_addresses():
        # Without a row, Django says that there is none before it asks who is there.
        if path in ELSEWHERE or path.endswith("(?P<url>.*)$") or path.endswith(("/history/", "<path:object_id>/")):
            continue
        where, row = admin_path(model, path), []
        for actor in actors:
            with undone():
                kept = SimpleCookie(clients[actor].cookies.output(header="", sep=";"))
                row.append(admin_cell(clients[actor].get(where)))
                clients[actor].cookies = kept
            wanted = admin_expected(model, path, actor)
            if row[-1].outcome != wanted:
                wrong.append(f"GET {path} as {actor}: {row[-1].shown}, not {wanted}")
        table["GET", re.sub(r"\^\(\?P<app_label>.*\)/\$", "<app>/", path)] = row
    assert {item._meta.label_lower for item in admin.site._registry} <= {model for model, _ in admin_addresses()}
    assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong)
    write(request, "The administration", actors, table, dict.fromkeys(table, ""))
