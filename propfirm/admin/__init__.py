"""Operator pages of the firm, by topic. Every act goes through a service, with actor and reason."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
