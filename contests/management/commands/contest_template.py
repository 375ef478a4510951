"""A template over a stretch of history that was imported: the crash, the recovery, the quiet range in it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from contests.domain.stretches import KINDS
from contests.services.arena_setup import Plan, history_read, template_find
from core.errors import DomainError
from trading.domain.types import Actor

OPERATOR = Actor(user_id=None, is_staff=True, label="contest_template")


class Command(BaseCommand):
    help = "Find the stretch of loaded history that is most of a kind, and keep a masked template of it for the arena."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbols", nargs="+", help="symbols whose daily history is loaded")
        parser.add_argument("--find", choices=KINDS, required=True, help="what to look for")
        parser.add_argument("--days", type=int, default=40, help="market days (default 40)")
        parser.add_argument("--slug", default="", help="the template's address (default: kind and days)")
        parser.add_argument("--name", default="", help="its name (default: kind and days, without the symbols)")
        parser.add_argument("--blurb", default="", help="what it is like, in a sentence")
        parser.add_argument("--minutes", type=int, default=20, help="wall time of a run (default 20)")
        parser.add_argument("--prints", type=int, default=14, help="prints a market day (default 14)")
        parser.add_argument("--keep-back", action="store_true", help="for operators only, not in the arena")

    def handle(self, *_args: Any, **options: Any) -> None:
        kind, days = options["find"], options["days"]
        symbols = list(dict.fromkeys(symbol.upper() for symbol in options["symbols"]))
        plan = Plan(
            slug=options["slug"] or f"{kind}-{days}-days",
            name=options["name"] or f"{kind.capitalize()}, {days} days",
            blurb=options["blurb"],
            kind=kind,
            days=days,
            prints=options["prints"],
            minutes=max(options["minutes"], 1),
            symbols=len(symbols),
        )
        try:
            made = template_find(
                actor=OPERATOR, plan=plan, history=history_read(symbols), is_arena=not options["keep_back"]
            )
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        market = made.market
        self.stdout.write(
            f"{made.slug}: {market['start']} to {market['end']}, {made.facts.days} days, {made.minutes} minutes, "
            f"volatility {made.facts.volatility_bp / 100:.0f}% a year ({made.facts.difficulty.lower()})"
        )
