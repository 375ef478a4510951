"""Plans and accounts of the firm on deterministic markets, for tests."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import transaction

from accounts.models import User
from core.models import OutboxEvent
from core.services.outbox import drain
from marketdata.domain.types import MarketView
from marketdata.tests.factories import advance
from payments.models import Payment
from payments.services.booking import capture_book_in_tx
from payments.services.granting import bought_of, payment_grant_in_tx, payment_revoke_in_tx
from payments.tests.factories import PaymentFactory
from propfirm.models import PropAccount, PropPhase, PropPlan
from propfirm.services.plans import plan_draft, plan_offer
from propfirm.services.purchases import KIND, ChallengeKind
from trading.domain.types import SYSTEM, Actor
from trading.tests import factories as make
from trading.tests.ruled import played

_numbers = count(1)
UTC_MIDNIGHT = {"time": "00:00", "zone": "UTC"}
FLAT = (100, 100, 100, 100)


def initial(value: object) -> dict[str, str]:
    """A share of the initial balance."""
    return {"basis": "initial", "value": str(value)}


DAILY = {"kind": "daily_loss", "amount": initial(5), "reset": UTC_MIDNIGHT}
MOST = {"kind": "max_loss", "amount": initial(10)}
TARGET = {"kind": "profit_target", "amount": initial(10)}
PAYOUT = {"kind": "payout", "first_after_days": 0, "every_days": 0, "split_percent": "80"}


def market(bars: dict[str, Any] | None = None, **more: Any) -> MarketView:
    """A running market at its first open; one flat symbol AAA at 100 unless told otherwise."""
    return played(bars or {"AAA": [FLAT] * 10}, **more)


def document(*, steps: str = "one", evaluation: list | None = None, funded: list | None = None, **fields: Any) -> dict:
    """A plan's document: as many equal phases of evaluation as its steps ask for, then a funded one."""
    rules = [DAILY, MOST, TARGET] if evaluation is None else evaluation
    number = {"one": 1, "two": 2, "three": 3, "instant": 0}[steps]
    phases = [
        {"key": f"step-{at}", "name": f"Step {at}", "kind": "evaluation", "rules": rules} for at in range(1, number + 1)
    ]
    last = [DAILY, MOST, PAYOUT] if funded is None else funded
    phases.append({"key": "funded", "name": "Funded", "kind": "funded", "rules": last})
    values = {"code": f"plan-{next(_numbers)}", "version": 1, "name": "Test plan", "steps": steps, "currency": "USD",
              "size": "100000", "price": "100", "phases": phases}  # fmt: skip
    return {**values, **fields}


def plan(on: MarketView | None = None, **fields: Any) -> PropPlan:
    """A plan that is offered, traded on a market of its own (None: the practice market)."""
    draft = plan_draft(actor=SYSTEM, document=document(**fields), market_id=None if on is None else on.id)
    return plan_offer(actor=SYSTEM, plan_id=draft.pk)


def payment(of: PropPlan, owner: User, *, reference: str = "", kind: str = KIND, total: int | None = None) -> Payment:
    """A payment of the plan's price that has just begun."""
    minor = of.price_minor if total is None else total
    return PaymentFactory(
        user=owner, kind=kind, reference=reference or of.code, subtotal_minor=minor,
        shares=[["revenue:challenges", "revenue", 1]],
    )  # fmt: skip


def pay(row: Payment) -> Payment:
    """The provider says that it is paid: the money is booked, and what was bought is handed over."""
    with transaction.atomic():
        capture_book_in_tx(row, row.total_minor)
        row.status = "succeeded"
        row.save()
        payment_grant_in_tx(row)
    return row


def gone_back(row: Payment) -> None:
    """The provider's word: all of a payment's money is back with who paid."""
    with transaction.atomic():
        payment_revoke_in_tx(row, reason="Its money has gone back.")
        row.save()


def prop_account(of: PropPlan, owner: User | None = None, *, reference: str = "") -> tuple[PropAccount, Actor]:
    """An account that was paid for and is open, and its owner."""
    owner = owner or make.user()
    row = payment(of, owner, reference=reference)
    with transaction.atomic():
        ChallengeKind().hold_in_tx(bought_of(row))
    pay(row)
    return PropAccount.objects.get(payment=row), make.actor(owner)


def phase_of(account: PropAccount) -> PropPhase:
    """The phase that was opened last."""
    found = PropPhase.objects.filter(account=account).order_by("-pk").first()
    assert found is not None
    return found


def trade(account: PropAccount, who: Actor, side: str, quantity: object, symbol: str = "AAA", **more: Any) -> Any:
    """An order in the account's running phase."""
    return make.place(who, phase_of(account).trading_account_id, side, Decimal(str(quantity)), symbol, **more)


def failed() -> tuple[MarketView, PropAccount, Actor]:
    """An account that lost 5.4 % in a day: 900 shares of 100 at a mark of 94, where the day's 5,000 are used up."""
    on = market({"AAA": [(100, 100, 94, 94), *[(94, 94, 94, 94)] * 4]})
    account, who = prop_account(plan(on))
    trade(account, who, "buy", 900)
    advance(on.id, 4)
    deliver()
    account.refresh_from_db()
    assert account.status == "failed"
    return on, account, who


def deliver() -> None:
    """Deliver the outbox now. Inside a test's one transaction its events are always 'later' than now()."""
    OutboxEvent.objects.update(next_at=datetime(2000, 1, 1, tzinfo=UTC))
    drain()
