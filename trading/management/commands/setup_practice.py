"""Open the market of practice accounts, unless it is there."""

from typing import Any

from django.core.management.base import BaseCommand

from trading.services.practice import practice_market_ensure


class Command(BaseCommand):
    help = "Make and start the market that practice accounts trade on; safe to repeat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        practice_market_ensure(say=self.stdout.write)
