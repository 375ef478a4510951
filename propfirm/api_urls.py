"""API of the propfirm app, under /api/v1/."""

from importlib import import_module
from pkgutil import iter_modules

from propfirm import api

urlpatterns = [
    pattern
    for found in sorted(module.name for module in iter_modules(api.__path__))
    for pattern in getattr(import_module(f"propfirm.api.{found}"), "urlpatterns", [])
]
