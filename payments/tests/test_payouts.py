"""Payouts: from what is owed to the bank, and back."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Notification
from accounts.tests.factories import UserFactory
from core.errors import Conflict, Denied, Forbidden, Invalid
from core.services.books import verify
from payments.adapters import registry
from payments.adapters.sandbox import payouts as sandbox
from payments.domain.names import name_key
from payments.domain.ports import ProviderError
from payments.forms import amount_minor
from payments.models import BlockedParty, Payee, Payout, SandboxObject
from payments.selectors.books import balance_of
from payments.selectors.payouts import owed_to, payout_get, statement_of
from payments.services import payouts
from payments.services.blocklist import blocked_matches, blocklist_load
from payments.services.payout_sending import payout_send, payouts_ask_again, payouts_send_due
from payments.services.payouts import batch_make, batch_release
from payments.services.sandbox import events_deliver
from payments.tests.factories_payouts import approved, finance, known, owe, payable

pytestmark = pytest.mark.django_db


def ask(user, minor=None, key="p"):
    return payouts.payout_request(actor=user, amount_minor=minor, currency="USD", idempotency_key=key)


def advance(payout):
    ref = Payout.objects.get(pk=payout.pk).ref
    sandbox.advance(ref)
    events_deliver()
    payout.refresh_from_db()
    return payout.status


def test_asked_for_looked_at_approved_sent_paid():
    user = payable(10_000)
    view = ask(user, 6_000)
    assert ask(user, 6_000).id == view.id  # the second click
    assert (owed_to(user.pk)[0].available_minor, owed_to(user.pk)[0].reserved_minor) == (4_000, 6_000)
    first, second = finance()
    with pytest.raises(Conflict):
        payouts.payout_approve(actor=second, payout_id=view.id, note="x")
    payouts.payout_review(actor=first, payout_id=view.id)
    with pytest.raises(Forbidden, match="Somebody else"):
        payouts.payout_approve(actor=first, payout_id=view.id, note="x")
    with pytest.raises(Invalid, match="flagged"):
        payouts.payout_approve(actor=second, payout_id=view.id)  # it is the person's first
    payouts.payout_approve(actor=second, payout_id=view.id, note="Known winner.")
    assert payouts_send_due() == 0  # held for a day
    Payout.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert payouts_send_due() == 1
    payout = Payout.objects.get()
    assert payout.status == "sent"
    assert balance_of("clearing:sandbox", "USD") == -6_000
    assert [advance(payout), advance(payout)] == ["sent", "paid"]
    assert payouts_send_due() == 0
    assert [step.status for step in payout_get(payout.public_id, user.pk).steps] == [
        "requested", "reviewed", "approved", "sending", "sent", "paid",
    ]  # fmt: skip
    assert Notification.objects.filter(kind="payout").count() == 3
    assert owed_to(user.pk)[0].reserved_minor == 0
    lines = statement_of(user.pk, since=timezone.now() - timedelta(days=1), until=timezone.now() + timedelta(days=1))
    assert [line.amount_minor for line in lines] == [10_000, -6_000]
    assert verify().is_sound


@pytest.mark.parametrize(("digits", "ends"), [("0000", ["sent", "failed"]), ("0001", ["sent", "paid", "returned"])])
def test_what_comes_back_is_owed_again(digits, ends):
    user = payable(5_000, digits=digits)
    payout = approved(user)
    payout_send(payout.pk)
    assert [advance(payout) for _ in ends] == ends
    assert owed_to(user.pk)[0].available_minor == 5_000
    assert balance_of("clearing:sandbox", "USD") == 0
    assert verify().is_sound


def test_a_payee_changed_between_approval_and_sending_is_not_paid():
    user = payable(5_000)
    payout = approved(user)
    sandbox.payee_fill(payout.payee.ref, bank="Other Bank", digits="1111")
    events_deliver()
    assert not payout_send(payout.pk)
    payout.refresh_from_db()
    assert (payout.status, "has changed" in payout.reason) == ("rejected", True)
    assert owed_to(user.pk)[0].available_minor == 5_000
    again = ask(user, key="again")
    assert again.not_before > timezone.now() + timedelta(hours=40)
    assert not SandboxObject.objects.filter(kind="payout").exists()


def test_who_may_not_ask():
    newcomer = UserFactory(clearance=0)
    with pytest.raises(Forbidden):
        ask(newcomer)
    with pytest.raises(Forbidden) as refusal:
        ask(UserFactory())
    assert refusal.value.code == "identity_needed"
    with pytest.raises(Conflict) as conflict:
        ask(known(UserFactory()))
    assert conflict.value.code == "payee_needed"
    user = payable(20_000)
    for minor, code in ((20_001, "payout_too_large"), (999, "payout_too_small")):
        with pytest.raises(Denied) as denied:
            ask(user, minor, key=str(minor))
        assert denied.value.code == code
    for number in range(3):
        ask(user, 1_000, key=f"k{number}")
    with pytest.raises(Conflict) as many:
        ask(user, 1_000, key="k4")
    assert many.value.code == "too_many_payouts"


def test_the_most_a_day(settings):
    settings.PAYOUT_DAILY_MAXIMUM = 5_000
    user = payable(20_000)
    ask(user, 4_000)
    with pytest.raises(Denied) as denied:
        ask(user, 2_000, key="two")
    assert denied.value.code == "payout_limit"


def test_rejected_and_taken_back_is_owed_again():
    user = payable(8_000)
    one, two = ask(user, 3_000, key="1"), ask(user, 3_000, key="2")
    first, _ = finance()
    with pytest.raises(Forbidden):
        payouts.payout_review(actor=UserFactory(role="moderator"), payout_id=one.id)
    payouts.payout_reject(actor=first, payout_id=one.id, reason="Send the letter first.")
    payouts.payout_cancel(actor=user, public_id=two.public_id)
    with pytest.raises(Conflict):
        payouts.payout_cancel(actor=user, public_id=two.public_id)
    assert owed_to(user.pk)[0].available_minor == 8_000
    assert verify().is_sound


def test_nobody_decides_about_their_own_and_postgresql_holds_it():
    boss = payable(5_000)
    boss.role = "finance"
    boss.save()
    view = ask(boss)
    with pytest.raises(Forbidden):
        payouts.payout_review(actor=boss, payout_id=view.id)
    with pytest.raises(IntegrityError), transaction.atomic():
        Payout.objects.filter(pk=view.id).update(reviewed_by=boss)
    other = UserFactory(role="finance")
    with pytest.raises(IntegrityError), transaction.atomic():
        Payout.objects.filter(pk=view.id).update(reviewed_by=other, approved_by=other)


def test_batches_go_together():
    one, two = approved(payable(5_000)), approved(payable(7_000))
    first, _ = finance()
    batch = batch_make(actor=first, name="Friday", payout_ids=[one.pk, two.pk])
    assert payouts_send_due() == 0
    with pytest.raises(Conflict):
        batch_make(actor=first, name="Again", payout_ids=[one.pk])
    batch_release(actor=first, batch_id=batch.pk)
    assert payouts_send_due() == 2
    with pytest.raises(Conflict):
        batch_release(actor=first, batch_id=batch.pk)


class Grumpy:
    """The sandbox behind a line that fails as told: before it acts, or after."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.inner = registry.provider("sandbox")

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def payout_create(self, request, *, key):
        when, error = self.failures.pop(0) if self.failures else ("", None)
        if when == "before":
            raise error
        made = self.inner.payout_create(request, key=key)
        if when == "after":
            raise error
        return made


@pytest.fixture
def grumpy():
    def replace(*failures):
        made = Grumpy(*failures)
        registry.replace("sandbox", lambda: made)
        return made

    yield replace
    registry.replace("sandbox", None)


def error(code="timeout", *, retry=True, unknown=True):
    return ProviderError(code, "No answer.", is_retryable=retry, is_unknown=unknown)


@pytest.mark.parametrize(
    "failures",
    [
        [("after", error("timeout"))],
        [("before", error("server_error"))],
        [("before", error("rate_limited", unknown=False))],
        [("after", error()), ("before", error()), ("after", error())],
    ],
)
def test_time_outs_errors_and_429_double_nothing(grumpy, failures):
    user = payable(5_000)
    payout = approved(user)
    grumpy(*failures)
    for _ in range(len(failures) + 1):
        Payout.objects.filter(pk=payout.pk).update(next_at=timezone.now() - timedelta(seconds=1))
        payouts_send_due()
    payout.refresh_from_db()
    assert payout.status == "sent"
    assert SandboxObject.objects.filter(kind="payout").count() == 1
    assert balance_of("clearing:sandbox", "USD") == -5_000
    assert balance_of(f"reserved:{user.pk}", "USD") == 0


def test_a_final_refusal_gives_it_back(grumpy):
    user = payable(5_000)
    payout = approved(user)
    grumpy(("before", error("account_closed", retry=False, unknown=False)))
    payout_send(payout.pk)
    payout.refresh_from_db()
    assert (payout.status, payout.failure_code) == ("failed", "account_closed")
    assert owed_to(user.pk)[0].available_minor == 5_000


def test_a_lost_webhook_is_made_up_for_by_asking():
    payout = approved(payable(5_000))
    payout_send(payout.pk)
    payout.refresh_from_db()
    sandbox.advance(payout.ref)
    sandbox.advance(payout.ref)
    Payout.objects.update(sent_at=timezone.now() - timedelta(hours=1), next_at=timezone.now())
    assert payouts_ask_again() == 1
    payout.refresh_from_db()
    assert payout.status == "paid"


def test_the_block_list_is_for_people_to_look_at(tmp_path):
    assert name_key("Núñez, José") == name_key("jose  NUNEZ")
    file = tmp_path / "list.csv"
    file.write_text("name,country,note\nLovelace Ada,,x\nNobody,US,\n", encoding="utf-8")
    out = StringIO()
    call_command("load_blocklist", str(file), "--source", "Test", stdout=out)
    assert "2 entries in force, 0 no longer" in out.getvalue()
    assert blocked_matches(name="Ada LOVELACE", country="GB")[0].source == "Test"
    assert blocked_matches(name="nobody", country="GB") == []
    view = ask(payable(5_000))
    assert any(flag.startswith("block list") for flag in Payout.objects.get(pk=view.id).flags)
    assert blocklist_load(actor=None, source="Test", lines=["name", "Nobody"]) == (1, 2)
    assert BlockedParty.objects.filter(is_active=True).count() == 1
    with pytest.raises(Invalid):
        blocklist_load(actor=None, source="Test", lines=["who", "x"])


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("125.50", "USD", 12_550), ("1,250", "JPY", 1_250), ("1.234", "KWD", 1_234), ("", "USD", None)],
)
def test_amounts_as_people_type_them(text, currency, minor):
    assert amount_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"), [("1.5", "JPY"), ("1.234", "USD"), ("-1", "USD"), ("x", "USD"), ("1e99", "USD")]
)
def test_amounts_that_are_none(text, currency):
    with pytest.raises(Invalid):
        amount_minor(text, currency)


def test_more_than_the_pool_holds_is_not_awarded():
    with pytest.raises(Conflict, match="not that much"):
        owe(UserFactory(), 500, source="prize_pool:x", reference="a")


def test_the_page_says_what_is_missing_and_asks(client: Client):
    user = payable(5_000)
    client.force_login(user)
    page = client.get("/payouts").content.decode()
    assert "50.00" in page
    assert "First Bank, ending 6789" in page
    answer = client.post("/payouts", {"amount": "9999", "currency": "USD", "idempotency_key": "k"})
    assert answer.status_code == 422
    assert "You have 50.00 USD to ask for" in answer.content.decode()
    answer = client.post("/payouts", {"amount": "20", "currency": "USD", "idempotency_key": "k2"})
    assert answer.status_code == 302
    assert "Two people look at it" in client.get(answer.headers["Location"]).content.decode()
    assert Payee.objects.filter(user=user, is_active=True).count() == 1
