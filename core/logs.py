"""Structured logging: one line an event, with the request's id and the user's id, and nothing private in it."""

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

from core.privacy import MASK, is_private, masked

Event = MutableMapping[str, Any]
# Fields that we write ourselves and that hold nothing of a person.
_PLAIN = {"timestamp", "level", "logger", "request_id", "user_id", "task_id", "_record", "_from_structlog"}


def mask_private(_logger: Any, _name: str, event: Event) -> Event:
    """Mask fields that are private by name, and what is private in any other: texts, exceptions, nested values."""
    for key, value in event.items():
        if key in _PLAIN:
            continue
        event[key] = MASK if is_private(key) and value is not None else masked(value)
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
    # Clients of vendors tell what they send: addresses, numbers, texts.
    quiet |= {name: {"level": "WARNING"} for name in CHATTY}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": formatters,
        "handlers": {"default": {"class": "logging.StreamHandler", "formatter": style}},
        "root": {"handlers": ["default"], "level": level},
        "loggers": quiet,
    }


CHATTY = ("twilio", "urllib3", "requests", "oauthlib", "requests_oauthlib", "httpx", "httpcore", "pywebpush", "fido2",
          "websockets", "asyncio", "PIL")  # fmt: skip
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
