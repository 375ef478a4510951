"""Move the sandbox by hand: let its time pass, or let a subscription's period end now."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import DomainError
from payments.services.sandbox import sandbox_tick, subscription_end_now


class Command(BaseCommand):
    help = "Move the test provider: tick, or renew SUBSCRIPTION (its period ends now)"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["tick", "renew"])
        parser.add_argument("ref", nargs="?", default="", help="Of a subscription at the sandbox")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        if not settings.SANDBOX_PAYMENTS:
            raise CommandError("The sandbox is not allowed here: set SANDBOX_PAYMENTS=1.")
        try:
            if options["act"] == "renew":
                subscription_end_now(options["ref"])
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{sandbox_tick()} events were told.")
