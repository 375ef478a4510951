"""Everybody who may come to a route, each with what proves who they are, and what the owner has."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

import tests.authorization as areas
from accounts.models import User
from accounts.services.keys import key_create
from accounts.services.roles import role_set, roles_sync
from accounts.services.tokens import tokens_issue
from accounts.tests.factories import UserFactory
from accounts.tests.people import proved
from tests.authorization import existing

API_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ACTORS = ("visitor", "owner", "other", "newcomer", "suspended", "moderator", "finance", "admin", "key read",
          "key trade")  # fmt: skip
OPERATORS = ("moderator", "finance", "admin")
Route = tuple[str, str]


def routes() -> Iterator[Route]:
    """(method, whole address) of everything that answers outside the admin; pages by what they let through."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[Route]:
        for item in patterns:
            path = prefix + str(item.pattern)
            if path.startswith("admin/") or getattr(item.callback, "__name__", "") == "page_not_found":
                continue
            if isinstance(item, URLResolver):
                yield from walk(item.url_patterns, path)
            elif isinstance(item, URLPattern):
                yield from ((method, path) for method in _methods(item.callback))

    return walk(get_resolver().url_patterns, "")


def _methods(view: Any) -> set[str]:
    """The methods that a view answers, as its class or its decorators tell. A view that tells none may get both."""
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if cls is not None:
        found = {name for name in API_METHODS if hasattr(cls, name.lower())}
        # Class-based forms of Django answer PUT as POST.
        return found if hasattr(view, "cls") else found - {"PUT", "DELETE"}
    told = [set(methods) for methods in _told(view)]
    return set.intersection(*told) & {"GET", "POST"} if told else {"GET", "POST"}


def _told(view: Any) -> Iterator[list[str]]:
    """The lists given to `require_http_methods` around a view."""
    while view is not None:
        code = getattr(view, "__code__", None)
        if code is not None and "request_method_list" in code.co_freevars:
            yield view.__closure__[code.co_freevars.index("request_method_list")].cell_contents
        view = getattr(view, "__wrapped__", None)


def modules() -> Iterator[ModuleType]:
    """The modules of all areas."""
    for found in pkgutil.iter_modules(areas.__path__):
        module = importlib.import_module(f"tests.authorization.{found.name}")
        if hasattr(module, "ROUTES"):
            yield module


def policies() -> dict[Route, str]:
    """The policy of every route. Raises AssertionError for one that two areas claim."""
    known: dict[Route, str] = {}
    for module in modules():
        twice = known.keys() & module.ROUTES.keys()
        assert not twice, f"{module.__name__} and another area both have {sorted(twice)}"
        known |= module.ROUTES
    return known


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is done inside has not happened."""
    mark = connection.savepoint()
    try:
        yield
    finally:
        connection.needs_rollback = False
        connection.savepoint_rollback(mark)


@dataclass
class World:
    """People, clients, and the address of what belongs to the owner."""

    people: dict[str, User]
    keys: dict[str, str]
    tokens: dict[str, str]
    makers: dict[str, Callable[[User], object]]
    made: dict[str, str] = field(default_factory=dict)

    def address(self, route: str) -> str:
        """A route's address for what is the owner's."""
        places = existing.PLACES.get(route, {})
        path = route.removeprefix("^").removesuffix("$")
        for name in sorted(self.makers, key=len, reverse=True):
            if name in path:
                path = path.replace(name, str(places[name](self.owner)) if name in places else self._value(name))
        assert "<" not in path, f"tell in ARGS what {path} needs"
        query = existing.QUERIES.get(route, "")
        return f"/{path}?{query}" if query else f"/{path}"

    @property
    def owner(self) -> User:
        """Whose everything is."""
        return self.people["owner"]

    def _value(self, name: str) -> str:
        if name not in self.made:
            self.made[name] = str(self.makers[name](self.owner))
        return self.made[name]

    def suspend(self) -> None:
        """Suspend the suspended, whose session and tokens are from before: worse than what suspending leaves."""
        User.objects.filter(pk=self.people["suspended"].pk).update(status=User.Status.SUSPENDED)

    def client(self, actor: str) -> Client:
        """A browser of this actor's: signed in to the pages a moment ago, if they have a sign-in."""
        client = Client(raise_request_exception=False)
        if actor in self.people:
            proved(client, self.people[actor])
        return client

    def headers(self, actor: str) -> dict[str, str]:
        """What this actor sends to the API."""
        if actor in self.keys:
            return {"X-API-Key": self.keys[actor]}
        return {"Authorization": f"Bearer {self.tokens[actor]}"} if actor in self.tokens else {}


def world() -> World:
    """The world: an owner who has something of everything, and everybody else."""
    people = {name: UserFactory(display_name=name.capitalize()) for name in ("owner", "other", "suspended")}
    people["newcomer"] = UserFactory(display_name="Newcomer", clearance=0)
    people |= {role: _operator(role) for role in OPERATORS}
    roles_sync()
    existing.furnish(people["owner"])
    keys = {
        f"key {scope}": key_create(actor=people["owner"], name=scope, scope=scope, rate_per_minute=1200).text
        for scope in ("read", "trade")
    }
    tokens = {name: tokens_issue(user=user).access for name, user in people.items()}
    makers = {name: maker for module in modules() for name, maker in getattr(module, "ARGS", {}).items()}
    return World(people, keys, tokens, makers)


def _operator(role: str) -> User:
    return role_set(
        actor=None, user_id=UserFactory(display_name=role.capitalize()).pk, role=role, reason="for the test"
    )
