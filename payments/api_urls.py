"""API of the payments app, under /api/v1/."""

from importlib import import_module
from pkgutil import iter_modules

from payments import api

urlpatterns = [
    pattern
    for found in sorted(module.name for module in iter_modules(api.__path__))
    for pattern in getattr(import_module(f"payments.api.{found}"), "urlpatterns", [])
]
