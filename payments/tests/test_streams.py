"""Payments, refunds, disputes, subscriptions and payouts in a storm.

Their events come shuffled, twice, late or not at all, while the provider times out after it has acted and processes
crash in the middle of a booking. In the end the books equal the provider's, and everything was handed over once.
"""

import random
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import Conflict, DomainError
from core.models import OutboxEvent
from core.services.books import verify
from core.tests.whole import IS_WHOLE
from payments import entitlements
from payments.adapters import registry
from payments.adapters.sandbox import charges, checkouts, subscriptions
from payments.adapters.sandbox import payouts as outgoing
from payments.adapters.sandbox.signature import HEADER, body_of, signature
from payments.domain.ports import ObjectKind, ProviderError
from payments.models import (
    Dispute,
    Payee,
    Payment,
    Payout,
    PlanGrant,
    Refund,
    SandboxEvent,
    SandboxMovement,
    SandboxObject,
    Subscription,
    WebhookDelivery,
)
from payments.selectors.books import balance_of, balances
from payments.services import books, payouts
from payments.services.checkout import purchase_begin
from payments.services.closing import disputes_ask_again, payments_ask_again, refunds_ask_again
from payments.services.dunning import subscriptions_tidy
from payments.services.payees import payee_begin
from payments.services.payout_sending import payout_send, payouts_ask_again, payouts_send_due
from payments.services.plans import plans_sync
from payments.services.reconciliation import reconcile
from payments.services.refunding import refund_request, refunds_send_due
from payments.services.subscriptions import subscriptions_ask_again
from payments.services.sync import object_sync
from payments.services.webhooks import webhook_process, webhook_receive
from payments.tests.factories_payouts import finance, known, owe

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

# Payments, plans, payouts: with their refunds and disputes five hundred objects, or a third of them in every run.
WHOLE, SMALL = ((225, 30, 65) if IS_WHOLE else (60, 8, 18)), (40, 8, 12)
LEAST = 500 if IS_WHOLE else 120
TRANSIENT = (ProviderError, DomainError)


class CrashError(Exception):
    """The process is gone."""


class Flaky:
    """The sandbox over a bad line: questions fail, and what was asked for is done and not answered."""

    def __init__(self, rng):
        self.inner, self.rng, self.is_bad, self.failures = registry.provider("sandbox"), rng, True, 0

    def __getattr__(self, name):
        found = getattr(self.inner, name)
        if not callable(found) or name == "webhook":
            return found

        def call(*args, **kwargs):
            luck = self.rng.random() if self.is_bad else 1.0
            if luck < 0.04:
                self.failures += 1
                raise ProviderError("busy", "Not now.", is_retryable=True)
            answer = found(*args, **kwargs)
            if luck < 0.08:
                self.failures += 1
                raise ProviderError("timeout", "No answer.", is_retryable=True, is_unknown=True)
            return answer

        return call


class Storm:
    """The world between the provider and us."""

    def __init__(self, seed, numbers=WHOLE, lost=0.0):
        self.rng, self.crashes, self.numbers = random.Random(seed), 0, numbers
        self.lost, self.gone = lost, 0  # how likely an event is never told, and how many were not
        self.line = Flaky(self.rng)
        self.post = books.post_in_tx
        self.is_bad = True
        self.finance = finance()

    def posting(self, **journal):
        """A booking that may be the last thing that a process does, before or after it."""
        luck = self.rng.random() if self.is_bad else 1.0
        if luck < 0.03:
            self.crashes += 1
            raise CrashError
        self.post(**journal)
        if luck > 0.97 and self.is_bad:
            self.crashes += 1
            raise CrashError

    def tried(self, act, *args, **kwargs):
        """Do it until it is done, as people and sweeps do."""
        for _ in range(40):
            try:
                return act(*args, **kwargs)
            except (CrashError, *TRANSIENT) as error:
                if isinstance(error, DomainError) and error.status < 500:
                    raise
        raise AssertionError(f"{act} was never done")

    def deliver(self, share):
        """A share of what is to be told, in any order; some of it twice, some of it lost."""
        events = list(SandboxEvent.objects.filter(delivered_at__isnull=True))
        self.rng.shuffle(events)
        for event in events[: int(len(events) * share) + 1]:
            if self.is_bad and self.rng.random() < 0.2:
                continue  # lost; the provider sends it again some time
            if self.rng.random() < self.lost:
                self.gone += 1
                SandboxEvent.objects.filter(pk=event.pk).update(delivered_at=timezone.now())
                continue
            for _ in range(1 + (self.rng.random() < 0.15)):
                body = body_of(event)
                webhook_receive(provider="sandbox", body=body, headers={HEADER: signature(body, int(time.time()))})
            SandboxEvent.objects.filter(pk=event.pk).update(delivered_at=timezone.now())
        self.process()

    def process(self):
        due = WebhookDelivery.objects.filter(status="received")
        ids = list(due.values_list("pk", flat=True))
        self.rng.shuffle(ids)
        for pk in ids:
            WebhookDelivery.objects.filter(pk=pk).update(next_at=timezone.now())
            webhook_process(pk)

    # ---- What people do, and what becomes of it: each step is followed by anything else

    def buying(self, number):
        user = UserFactory(password=None)
        view = self.tried(purchase_begin, actor=user, kind="thing", reference=f"t{number}", idempotency_key="k")
        ref = view.url.rsplit("/", 1)[1]
        yield
        for _ in range(self.rng.choice((0, 0, 0, 1, 2))):
            checkouts.checkout_pay(ref, self.rng.choice(("decline", "confirm")))
            yield
        if self.rng.random() < 0.08:
            return  # nobody pays
        late = self.rng.random() < 0.2
        checkouts.checkout_pay(ref, "later" if late else "pay")
        yield
        charge = SandboxObject.objects.get(ref=ref).data["charge"]
        if late:
            outcome = self.rng.choice(("pay", "pay", "decline"))
            charges.charge_finish(charge, outcome)
            yield
            if outcome == "decline":
                return
        yield from self.fate(view.id, charge)

    def fate(self, payment_id, charge):
        kind = self.rng.choice(("", "", "ours", "whole", "theirs", "both", "failing", "won", "lost"))
        if kind in ("ours", "whole"):
            yield from self.heard(payment_id)
            amount = None if kind == "whole" else self.rng.randint(1, 4_999)
            self.tried(
                refund_request, actor=None, payment_id=payment_id, amount_minor=amount, reason="x", idempotency_key="r"
            )
        elif kind in ("theirs", "both"):
            charges.refund_at_provider(charge, 1_234)
            yield
            if kind == "both":
                charges.refund_at_provider(charge, 5_000 - 1_234)
        elif kind == "failing":
            made = charges.refund_at_provider(charge, self.rng.choice((700, 5_000)))
            yield
            charges.refund_fail(made.ref)
        elif kind:
            made = charges.dispute_open(charge, self.rng.choice((None, 2_000)))
            yield
            charges.dispute_close(made.ref, won=kind == "won")
        yield

    def heard(self, payment_id):
        """Somebody of finance sees that it is paid."""
        for _ in range(5 if self.lost else 60):
            if Payment.objects.get(pk=payment_id).captured_minor:
                return
            self.deliver(0.5)
            yield
        # The person looks at the page that they came back to, which asks.
        self.tried(object_sync, "sandbox", ObjectKind.CHECKOUT, Payment.objects.get(pk=payment_id).checkout_ref)

    def subscribing(self, number):
        user = UserFactory(password=None)
        view = self.tried(
            purchase_begin, actor=user, kind="plan", reference=self.rng.choice(("basic-1-usd-month", "pro-1-usd-year")),
            idempotency_key="k",
        )  # fmt: skip
        ref = view.url.rsplit("/", 1)[1]
        yield
        checkouts.checkout_pay(ref, "pay")
        yield
        made = SandboxObject.objects.get(ref=ref).data["subscription"]
        for _ in range(self.rng.randint(0, 3)):
            works = self.rng.random() < 0.7
            subscriptions.card_set(made, works=works)
            subscriptions.renew(made, timezone.now() + timedelta(days=400))
            yield
            if not works:
                subscriptions.card_set(made, works=True)
                yield
        end = self.rng.choice(("", "later", "now", "refund"))
        if end == "refund":
            charge = (
                SandboxObject.objects.filter(kind="invoice", parent_ref=made, data__status="paid").latest("pk").data
            )
            charges.refund_at_provider(charge["charge"], charge["amount"])
        elif end:
            subscriptions.cancel(made, at_period_end=end == "later")
        yield

    def paying_out(self, number):
        user = known(UserFactory(password=None))
        self.tried(payee_begin, actor=user, country="US", currency="USD")
        ref = Payee.objects.get(user=user, is_active=True).ref
        outgoing.payee_fill(ref, bank="Bank", digits=self.rng.choice(("6789", "6789", "0000", "0001")))
        yield
        self.tried(object_sync, "sandbox", ObjectKind.PAYEE, ref)
        Payee.objects.filter(ref=ref).update(changed_at=timezone.now() - timedelta(days=9))
        self.owed(user, 5_000 + number)
        view = self.tried(payouts.payout_request, actor=user, amount_minor=None, currency="USD", idempotency_key="p")
        first, second = self.finance
        if self.rng.random() < 0.1:
            self.tried(payouts.payout_reject, actor=first, payout_id=view.id, reason="x")
            return
        payouts.payout_review(actor=first, payout_id=view.id)
        yield
        payouts.payout_approve(actor=second, payout_id=view.id, note="x")
        Payout.objects.filter(pk=view.id).update(not_before=timezone.now())
        yield
        for _ in range(20):
            Payout.objects.filter(pk=view.id).update(next_at=timezone.now())
            try:
                payout_send(view.id)
            except CrashError:
                continue
            if Payout.objects.get(pk=view.id).status != "sending":
                break
        for _ in range(3):
            yield
            for row in SandboxObject.objects.filter(kind="payout", our_ref=str(view.public_id)):
                outgoing.advance(row.ref)

    def owed(self, user, minor):
        """A prize; somebody tries until it is in the books, and it is there once."""
        for _ in range(20):
            try:
                owe(user, minor, reference=f"award:{user.pk}")
            except CrashError:
                continue
            except Conflict:
                pass
            return

    def rage(self):
        """Everything at once."""
        steps = (self.buying, self.subscribing, self.paying_out)
        live = [step(number) for step, count in zip(steps, self.numbers, strict=True) for number in range(count)]
        turns = 0
        while live:
            chosen = self.rng.choice(live)
            try:
                next(chosen)
            except StopIteration:
                live.remove(chosen)
            turns += 1
            if turns % 40 == 0:
                self.deliver(self.rng.random())

    def calm(self):
        """The storm is over: what was lost is sent again, what waits is done."""
        self.is_bad = self.line.is_bad = False
        for _ in range(12):
            self.deliver(1.0)
            Refund.objects.filter(status="requested").update(next_at=timezone.now())
            Payout.objects.filter(status="sending").update(next_at=timezone.now())
            refunds_send_due()
            payouts_send_due()
            subscriptions_tidy()
            if not SandboxEvent.objects.filter(delivered_at__isnull=True).exists() and not (
                WebhookDelivery.objects.filter(status="received").exists()
            ):
                break

    def sweep(self):
        """Hours later: the sweeps have asked about everything that is not decided, and the statement about the rest."""
        past = timezone.now() - timedelta(hours=1)
        for _ in range(6):
            Payment.objects.update(created_at=past, checked_at=None)
            Subscription.objects.exclude(status__in=["canceled", "incomplete"]).update(period_end=past, checked_at=None)
            Refund.objects.filter(status="pending").update(next_at=past)
            Payout.objects.filter(status="sent").update(sent_at=past, next_at=past)
            Dispute.objects.update(checked_at=None)
            for ask in (
                payments_ask_again, subscriptions_ask_again, refunds_ask_again, disputes_ask_again, payouts_ask_again
            ):  # fmt: skip
                ask()
            reconcile(provider="sandbox", since=timezone.now() - timedelta(days=1), until=timezone.now())


@pytest.fixture
def storm(request, monkeypatch, things):
    plans_sync()
    made = Storm(*request.param)
    monkeypatch.setattr(books, "post_in_tx", made.posting)
    registry.replace("sandbox", lambda: made.line)
    yield made
    registry.replace("sandbox", None)


@pytest.mark.parametrize("storm", [(20261127,)], indirect=True)
def test_whatever_comes_in_any_order_the_books_are_the_providers(storm):
    storm.rage()
    storm.calm()
    assert storm.crashes > LEAST // 13
    assert storm.line.failures > LEAST // 5
    objects = Counter(SandboxObject.objects.values_list("kind", flat=True))
    assert sum(objects[kind] for kind in ("checkout", "refund", "dispute", "subscription", "payout")) >= LEAST, objects
    statuses = Counter(WebhookDelivery.objects.values_list("status", flat=True))
    assert statuses["duplicate"] > LEAST // 10
    all_is_as_the_provider_has_it()


@pytest.mark.parametrize("storm", [(7, SMALL, 0.3)], indirect=True)
def test_what_is_never_told_is_found_out(storm):
    storm.rage()
    storm.calm()
    storm.sweep()
    storm.calm()
    assert storm.gone > 30
    all_is_as_the_provider_has_it()


def all_is_as_the_provider_has_it():
    """Inbox, books, what was handed over, plans and payouts."""
    left = WebhookDelivery.objects.exclude(status__in=["processed", "duplicate", "ignored"])
    assert not left.exists(), list(left.values_list("status", "event_type", "reason"))
    run = reconcile(provider="sandbox", since=timezone.now() - timedelta(days=1), until=timezone.now())
    assert run.status == "clean", list(run.differences.values())
    theirs = sum(row.amount_minor - row.fee_minor for row in SandboxMovement.objects.all())
    assert balance_of("clearing:sandbox", "USD") == theirs
    assert {code: minor for (code, _), minor in balances("customer:").items() if minor} == {}
    assert balance_of("dispute:sandbox", "USD") == sum(
        row.data["withdrawn"] for row in SandboxObject.objects.filter(kind="dispute", data__status="open")
    )
    assert verify().is_sound

    # Handed over once each, but where all of the money had gone back before we heard of it. The outbox tells: its rows
    # go when a transaction does.
    granted, revoked = told("payments.granted"), told("payments.revoked")
    assert max(granted.values()) == max(revoked.values()) == 1
    for payment in Payment.objects.filter(captured_minor__gt=0):
        left = payment.captured_minor - payment.refunded_minor - payment.lost_minor
        assert payment.granted_at or not left, payment
        assert (bool(payment.granted_at), bool(payment.revoked_at)) == (granted[payment.pk], revoked[payment.pk])
        assert (left == 0) == bool(payment.revoked_at) or not payment.granted_at or payment.problem == "refund_failed"
    plans_are_what_is_paid_for()
    payouts_are_what_arrived()


def told(topic):
    """How often something was told, by payment."""
    return Counter(event.payload["payment_id"] for event in OutboxEvent.objects.filter(topic=topic))


def plans_are_what_is_paid_for():
    """What people have follows from the provider's bills."""
    paid = Counter(
        row.ref for row in SandboxObject.objects.filter(kind="invoice", data__status="paid") if row.data["amount"]
    )
    granted = Counter(PlanGrant.objects.values_list("payment__invoice_ref", flat=True))
    given_back = set(SandboxObject.objects.filter(kind="refund").values_list("parent_ref", flat=True))
    missing = paid - granted
    assert granted - paid == Counter()
    assert {SandboxObject.objects.get(ref=ref).data["charge"] for ref in missing} <= given_back
    for row in SandboxObject.objects.filter(kind="subscription"):
        owner = Subscription.objects.get(ref=row.ref).user_id
        bills = SandboxObject.objects.filter(kind="invoice", parent_ref=row.ref, data__status="paid")
        lasting = [
            bill for bill in bills if bill.data["charge"] not in given_back
            and bill.data["start"] <= timezone.now().isoformat() < bill.data["end"]
        ]  # fmt: skip
        wanted = lasting[0].data["price_code"].split("-")[0] if lasting else "free"
        assert entitlements.plan_of(owner).code == wanted


def payouts_are_what_arrived():
    """Each payout that the provider has is one of ours, and what is owed is what did not arrive."""
    for payout in Payout.objects.all():
        theirs = list(SandboxObject.objects.filter(kind="payout", our_ref=str(payout.public_id)))
        assert len(theirs) == (payout.status not in ("rejected", "approved")), payout
        arrived = bool(theirs) and theirs[0].data["status"] != "failed"
        owed = -balance_of(f"payable:{payout.user_id}", "USD")
        assert owed == (0 if arrived else payout.amount_minor), (payout.status, owed)
        assert balance_of(f"reserved:{payout.user_id}", "USD") == 0
