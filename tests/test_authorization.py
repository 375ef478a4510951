"""Who may use which address: every route of the pages and of the API, as everybody, against what is written down.

`-s` prints the matrix; `--write` writes docs/authorization.md. What one middleware decides before any route (of
suspended people, of keys where there are only pages) is asked at each fifth address: of all with `--write` or
STORM=whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from core.redis import client as redis
from core.tests.whole import IS_WHOLE
from tests.authorization import existing
from tests.authorization.answers import (
    ELSEWHERE,
    Cell,
    admin_cell,
    admin_expected,
    api_cell,
    expected,
    is_api,
    is_as_expected,
    page_cell,
)
from tests.authorization.table import write
from tests.authorization.world import ACTORS, Route, World, policies, routes, undone, world
from trading.services.context import forget

pytestmark = pytest.mark.django_db


UNASKED = Cell("", "")
# In the administration these are as the owner of an account is: nobody.
SHUT_OUT = ("other", "newcomer", "suspended")


def asks_all(request: Any) -> bool:
    """Whether every cell is looked at."""
    return IS_WHOLE or bool(request.config.getoption("--write", default=False))


def is_common(actor: str, route: str) -> bool:
    """Whether what the actor gets does not depend on the route."""
    return actor == "suspended" or (actor.startswith("key ") and not is_api(route))


def forget_counts() -> None:
    """What was counted and remembered outside the database while something was written."""
    redis().flushdb()
    forget()


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
    wrong, is_whole = [], asks_all(request)
    for method, route in sorted(found, key=lambda pair: (pair[1], pair[0])):
        policy = known[method, route]
        everyone = is_whole or not len(table) % 5
        cells = [
            ask(people, clients, actor, method, route) if everyone or not is_common(actor, route) else UNASKED
            for actor in ACTORS
        ]
        table[method, route] = cells
        for actor, cell in zip(ACTORS, cells, strict=True):
            if cell is UNASKED:
                continue
            wanted = expected(policy, actor, method, route)
            if not is_as_expected(cell, wanted, (method, route), policy):
                wrong.append(f"{method} {route} ({policy}) as {actor}: {cell.shown}, not {wanted}")
    assert not wrong, f"{len(wrong)} of {len(table) * len(ACTORS)} cells:\n" + "\n".join(wrong)
    write(request, "Pages and API", list(ACTORS), table, known)


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
    wrong, is_whole = [], asks_all(request)
    for model, path in admin_addresses():
        # Without a row, Django says that there is none before it asks who is there.
        if path in ELSEWHERE or path.endswith("(?P<url>.*)$") or path.endswith(("/history/", "<path:object_id>/")):
            continue
        where, row = admin_path(model, path), []
        for actor in actors:
            if not is_whole and len(table) % 5 and actor in SHUT_OUT:
                row.append(UNASKED)
                continue
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
