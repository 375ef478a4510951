"""What the market data needs before the platform runs."""

import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.services.setup import market_data_setup, pool_ensure, vendors_configured


class Command(BaseCommand):
    help = (
        "Load exchanges, calendars and the simulated exchange and, with a vendor's key, the instruments of STOCK_POOL "
        "with their history. What is there is kept, so it belongs to every release."
    )

    def handle(self, *_args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            market_data_setup(today=datetime.now(tz=UTC).date(), say=self.stdout.write)
            names = vendors_configured()
            if names:
                pool = pool_ensure(say=self.stderr.write)
                self.stdout.write(f"{len(pool)} instruments of the pool, prices from {', then '.join(names)}")
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        if options["verbosity"] > 1:
            self.stdout.write(f"in {time.monotonic() - began:.1f} s")
