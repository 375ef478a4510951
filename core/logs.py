"""Structured logging: one line an event, with the request's id and the user's id, and nothing private in it."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

EMAIL = re.compile(r"[^\s@\"'<>,;:=(]+@[^\s@\"'<>,;:=)]+\.[^\s@\"'<>,;:=)]+")
PRIVATE = {"password", "email", "token", "refresh", "access", "authorization", "cookie", "secret", "api_key"}
MASK = "***"

Event = MutableMapping[str, Any]


def mask_private(_logger: Any, _name: str, event: Event) -> Event:
    """Mask fields that are private by name, and email addresses anywhere in texts."""
    for key, value in event.items():
        if key in PRIVATE:
            event[key] = MASK
        elif isinstance(value, str) and "@" in value:
            event[key] = EMAIL.sub(MASK, value)
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    mask_private,
]


def logging_config(*, level: str, style: str, debug: bool) -> dict[str, Any]:
    """The `LOGGING` setting. Style `json` is one object a line, `console` is for people."""
    renderers = {"json": structlog.processors.JSONRenderer(), "console": structlog.dev.ConsoleRenderer(colors=False)}
    formatters = {
        name: {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            "foreign_pre_chain": [structlog.stdlib.ExtraAdder(ADDED), *_SHARED],
        }
        for name, renderer in renderers.items()
    }
    noisy = ["django.server", "celery.app.trace", "celery.beat", "celery.worker.strategy"]
    quiet: dict[str, dict[str, Any]] = {
        name: {"level": "WARNING"} for name in [*noisy, *(["django_structlog"] if debug else [])]
    }
    # Django's own handlers are taken off, or a line would come twice; a refusal is in the request's line already.
    quiet |= {"django": {"handlers": [], "level": "INFO"}, "django.request": {"level": "ERROR"}}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": formatters,
        "handlers": {"default": {"class": "logging.StreamHandler", "formatter": style}},
        "root": {"handlers": ["default"], "level": level},
        "loggers": quiet,
    }


# `extra=` fields of ordinary log records that are worth keeping; requests and responses are not.
ADDED = {"status_code"}


def configure() -> None:
    """Route structlog, and Python's warnings, through the standard library's logging."""
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
