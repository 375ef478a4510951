"""Practice accounts: one a person, virtual money, on a market that is always there."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.selectors.standing import standing_require
from core.errors import Forbidden, NotFound, Unavailable
from core.money import Money
from core.services import audit, outbox
from marketdata.domain.types import MarketView
from marketdata.models import Instrument, Market
from marketdata.selectors import market_view
from marketdata.services import markets
from marketdata.services.setup import pool_ensure, vendors_configured
from trading.domain.purposes import PRACTICE
from trading.domain.types import Actor
from trading.selectors.accounts import practice_account_of
from trading.services.accounts import account_open_in_tx
from trading.services.changes import orders_cancel
from trading.services.locking import account_close_in_tx

# Of real shares with a vendor's key, else of the simulated exchange. A person stays where their account was opened.
LIVE, SIMULATED = "practice-live", "practice"
SYMBOLS = 50
Say = Callable[[str], None]


def practice_market_ensure(*, say: Say) -> None:
    """Make and start the market of practice accounts, if it is not there. Safe to repeat."""
    pool = pool_ensure(say=say)[:SYMBOLS] if vendors_configured() else []
    slug, exchange = (LIVE, "US") if pool else (SIMULATED, "SIMX")
    if Market.objects.filter(slug=slug).exists():
        return
    rows = pool or list(
        Instrument.objects.filter(exchange=exchange, is_simulated=True, is_active=True).order_by("id")[:SYMBOLS]
    )
    if not rows:
        say("no instruments yet: run setup_market_data first")
        return
    definition = {
        "kind": Market.Kind.LIVE if pool else Market.Kind.SIMULATED,
        "exchange": exchange,
        "symbols": [row.symbol for row in rows],
    }
    with transaction.atomic(durable=True):
        made = markets.market_create_in_tx(actor=None, slug=slug, name="Practice", definition=definition)
        markets.market_start_in_tx(actor=None, market_id=made.id, reason="practice accounts")
    say(f"the practice market is open with {len(rows)} symbols")


def standing_market() -> MarketView:
    """Where new practice accounts are opened. Raises Unavailable `practice_not_ready`."""
    slugs = [LIVE, SIMULATED] if vendors_configured() else [SIMULATED]
    rows = Market.objects.filter(slug__in=slugs, status=Market.Status.RUNNING)
    found = sorted(rows.values_list("slug", "id"), key=lambda row: slugs.index(row[0]))
    if not found:
        raise Unavailable("practice_not_ready", "There is no practice market yet: run `manage.py setup_practice`.")
    return market_view(found[0][1])


def practice_open(*, actor: Actor) -> int:
    """A person's practice account, opened if they have none: DEFAULT_BALANCE of virtual money. Safe to repeat.

    Raises Forbidden (not a person, onboarding) and Unavailable `practice_not_ready`.
    """
    known = None if actor.user_id is None else practice_account_of(actor.user_id)
    if known is not None:
        return known
    try:
        with transaction.atomic(durable=True):
            return _open_in_tx(actor)
    except IntegrityError:
        # Two at once: the database keeps it at one.
        found = practice_account_of(actor.user_id or 0)
        if found is None:
            raise
        return found


def _open_in_tx(actor: Actor) -> int:
    user = None if actor.user_id is None else User.objects.filter(pk=actor.user_id).first()
    if user is None:
        raise Forbidden("not_a_user", "Only a user can open a practice account.")
    standing_require(user)
    market = standing_market()
    account_id = account_open_in_tx(
        owner_id=user.pk,
        market_id=market.id,
        group_id=None,
        purpose=PRACTICE,
        label="Practice",
        initial=Money.of(settings.DEFAULT_BALANCE, market.currency),
    )
    audit.record(actor=user, action="practice.open", subject_type="account", subject_id=account_id)
    outbox.emit(
        topic="trading.practice_opened",
        aggregate=f"account:{account_id}",
        payload={"account_id": account_id, "user_id": user.pk},
    )
    return account_id


def practice_reset(*, actor: Actor) -> int:
    """Close a person's practice account and open a new one with the full balance; the new account's id.

    What was traded stays on record in the old one. Raises NotFound when there is none.
    """
    old = practice_account_of(actor.user_id or 0)
    if old is None:
        raise NotFound("account_not_found", "You have no practice account yet.")
    orders_cancel(actor=actor, account_id=old)
    with transaction.atomic(durable=True):
        account_close_in_tx(account_id=old, reason="Started afresh.", actor=actor)
        made = _open_in_tx(actor)
    # An order that came in between rests in a closed account: it cannot fill, and is ended.
    orders_cancel(actor=actor, account_id=old)
    return made
