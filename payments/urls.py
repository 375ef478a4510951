"""Pages of the payments app."""

from importlib import import_module
from pkgutil import iter_modules

from payments import web

urlpatterns = [
    pattern
    for found in sorted(module.name for module in iter_modules(web.__path__))
    for pattern in getattr(import_module(f"payments.web.{found}"), "urlpatterns", [])
]
