"""Pages of the propfirm app."""

from importlib import import_module
from pkgutil import iter_modules

from propfirm import web

urlpatterns = [
    pattern
    for found in sorted(module.name for module in iter_modules(web.__path__))
    for pattern in getattr(import_module(f"propfirm.web.{found}"), "urlpatterns", [])
]
