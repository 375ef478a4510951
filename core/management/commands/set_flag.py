"""Turn a switch of the platform on or off."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive

from core.errors import DomainError
from core.models import SystemFlag
from core.services.flags import flag_set


class Command(BaseCommand):
    help = "Turn a switch on or off: maintenance, trading_halt, signups_closed. Shown on every page while it is on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", choices=SystemFlag.Key.values)
        parser.add_argument("state", choices=["on", "off"])
        parser.add_argument("--reason", required=True, help="kept in the audit trail")
        parser.add_argument("--message", default="", help="shown on every page; at most 200 characters")
        parser.add_argument("--until", default="", help="when it ends by itself: 2026-12-01T18:00Z")

    def handle(self, **options: Any) -> None:
        until = _moment(options["until"])
        try:
            row = flag_set(
                actor=None,
                key=options["key"],
                is_on=options["state"] == "on",
                reason=options["reason"],
                message=options["message"],
                until=until,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{row.key} is {'on' if row.is_on else 'off'}.")


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    moment = parse_datetime(text)
    if moment is None or is_naive(moment):
        raise CommandError("--until wants a moment with its zone, such as 2026-12-01T18:00Z.")
    return moment
