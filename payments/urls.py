"""Pages of the payments app."""

from importlib import import_module
from pkgutil import iter_modules

from payments import web

urlpatterns = [
    pattern
    # The addresses of providers' own pages before the general ones.
    for found in sorted((module.name for module in iter_modules(web.__path__)), reverse=True)
    for pattern in getattr(import_module(f"payments.web.{found}"), "urlpatterns", [])
]
