"""Send payouts that are due."""

from typing import Any

from django.core.management.base import BaseCommand

from payments.services.payout_sending import payouts_send_due


class Command(BaseCommand):
    help = "Send payouts that are approved and not held; what another process left behind is looked up first."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        self.stdout.write(f"{payouts_send_due()} payouts were tried.")
