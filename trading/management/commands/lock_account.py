"""Locking an account, and letting it trade again."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from trading.domain.types import SYSTEM
from trading.services.locking import account_lock, account_unlock


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs a zone: 2024-01-10T16:00:00+00:00")
    return at


class Command(BaseCommand):
    help = (
        "Lock an account: it takes no orders and fills none until it is unlocked (--unlock), or until a moment of its "
        "market's time (--until). Its orders and positions stay: see flatten_account. Exit 1 when nothing changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", type=int, help="the account's id")
        parser.add_argument("--reason", required=True, help="shown to the owner, kept in the audit trail")
        parser.add_argument("--until", type=_moment, help="market time with a zone, such as 2024-01-10T16:00:00+00:00")
        parser.add_argument("--unlock", action="store_true", help="let it trade again")

    def handle(self, *_args: Any, **options: Any) -> None:
        account_id, reason = options["account"], options["reason"]
        try:
            if options["unlock"]:
                changed = account_unlock(actor=SYSTEM, account_id=account_id, reason=reason)
            else:
                changed = account_lock(actor=SYSTEM, account_id=account_id, reason=reason, until=options["until"])
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}", returncode=1) from error
        if not changed:
            words = "It is not locked." if options["unlock"] else "It is locked for as long or longer already."
            raise CommandError(words, returncode=1)
        self.stdout.write(f"Account {account_id} is {'active' if options['unlock'] else 'locked'}.")
