"""Generate the demo history: invented companies, simulated prices."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.domain.generator import DEFAULT_SEED
from marketdata.services.demo import demo_history_generate


class Command(BaseCommand):
    help = "Generate and load the simulated demo history. Running it again with the same seed changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help=f"default {DEFAULT_SEED}")

    def handle(self, *_args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            results = demo_history_generate(seed=options["seed"])
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        bars, changed = sum(item.bars for item in results), sum(item.changed for item in results)
        span = f"{results[0].first_date} to {results[0].last_date}"
        self.stdout.write(
            f"SIMULATED history of {len(results)} invented companies, {span}: "
            f"{bars} bars, {changed} changed, in {time.monotonic() - began:.1f} s"
        )
