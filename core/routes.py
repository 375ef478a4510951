"""The addresses of an app whose modules bring their own."""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from django.urls import URLPattern, URLResolver


def routes_of(package: ModuleType, *, reverse: bool = False) -> list[URLPattern | URLResolver]:
    """The `urlpatterns` of every module of a package, by the modules' names, or the other way round."""
    names = sorted((module.name for module in iter_modules(package.__path__)), reverse=reverse)
    return [
        pattern for name in names for pattern in getattr(import_module(f"{package.__name__}.{name}"), "urlpatterns", [])
    ]
