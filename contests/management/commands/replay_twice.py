"""Proof that a contest can be recomputed: play its definition twice and compare."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from contests.services.replays import Replay, contest_replay
from core.errors import DomainError
from core.money import to_major
from trading.domain.types import Actor


class Command(BaseCommand):
    help = "Play a contest's definition twice from its start on scratch copies; say whether the standings are equal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--ticks", type=int, default=None, help="stop after so many ticks instead of at the end")
        parser.add_argument(
            "--reveal",
            action="store_true",
            help="play a contest that has not ended beyond what it has printed; anyone can then see its prices to come",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        actor = Actor(user_id=None, is_staff=True, label="replay_twice")
        try:
            slug, reveal = options["slug"], options["reveal"]
            first = contest_replay(actor=actor, slug=slug, ticks=options["ticks"], reveal=reveal)
            # The same stretch again, even if the contest has printed more meanwhile.
            second = contest_replay(actor=actor, slug=slug, ticks=first.ticks, reveal=reveal)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        self._show(first)
        for name, run in (("first", first), ("second", second)):
            self.stdout.write(f"{name:6} {run.hash}  {run.ticks} ticks in {run.seconds:.1f} s")
        if first.hash != second.hash or first.definition_hash != second.definition_hash:
            raise CommandError("The standings differ.")
        self.stdout.write(self.style.SUCCESS("Equal to the cent: the same definition gave the same standings twice."))

    def _show(self, run: Replay) -> None:
        self.stdout.write(f"definition {run.definition_hash}")
        for row in run.rows[:20]:
            place = str(row.rank or "-")
            value = to_major(row.value_minor, run.currency)
            self.stdout.write(f"{place:>3}  {row.name:<24} {value:>16,}  {row.return_pct:>8} %  {row.trades:>5} trades")
