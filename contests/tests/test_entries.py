"""Entry fees: nobody is in unpaid, nobody pays and is out; and prizes that arrive once."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from contests.domain.stakes import Stakes
from contests.models import Award, Contest, Entry, Participant
from contests.selectors import standings_page
from contests.selectors.results import pool_minor
from contests.services import contests
from contests.services.closing import contest_end
from contests.services.entries import contest_withdraw, fees_return_due
from contests.services.joins import contest_join
from contests.services.proof import contest_verify
from contests.services.settling import contest_settle, contests_settle_due
from contests.services.waiting import waiting_advance_due, waiting_join
from contests.tests import factories as make
from core.errors import Conflict, DomainError, NotFound
from core.services.books import verify
from marketdata.services.ticks import market_step
from marketdata.tests.factories import advance
from payments.adapters.sandbox import checkouts, store
from payments.adapters.sandbox.charges import blank_charge, charge_finish
from payments.models import Payment, Refund, SandboxObject
from payments.selectors.books import balance_of
from payments.services.checkout import purchase_begin, purchase_cancel
from payments.services.closing import payments_expire_due
from payments.services.refunding import refund_request, refunds_send_due
from payments.services.sandbox import events_deliver
from trading.models import Account
from trading.services.rebuild import group_holdings
from trading.tests.factories import actor as actor_of
from trading.tests.factories import place, user

pytestmark = pytest.mark.django_db(transaction=True)
_keys = count()
PRIZES = [{"first": 1, "share_bp": 7_000, "badge": "Gold"}, {"first": 2, "share_bp": 3_000}]


def contest(**more):
    at_stake = {"currency": "USD", "fee_minor": 5_000, "house_bp": 1_000, "prizes": PRIZES, "dispute_hours": 0,
                **more.pop("stakes", {})}  # fmt: skip
    return make.contest(started=more.pop("started", False), stakes=Stakes.from_json(at_stake), **more)


def begin(view, who, code=""):
    return purchase_begin(actor=who, kind="contest", reference=view.slug + code, idempotency_key=f"k{next(_keys)}")


def pay(payment):
    checkouts.checkout_pay(payment.url.rsplit("/", 1)[1], "pay")


def enter(view, who=None, code=""):
    who = who or user()
    pay(begin(view, who, code))
    events_deliver()
    return who


def account_of(view, who):
    return Participant.objects.get(contest_id=view.id, user=who).account_id


def test_without_the_fee_nobody_is_in_and_it_says_where_to_pay():
    view = contest()
    with pytest.raises(DomainError) as refused:
        make.joined(view)
    assert (refused.value.status, refused.value.code) == (402, "payment_needed")
    assert refused.value.details["url"] == f"/checkout/contest/{view.slug}"
    assert refused.value.details["fee_minor"] == 5_000


def test_the_fee_makes_the_place_and_the_pool():
    view = contest()
    who = user()
    payment = begin(view, who)
    assert Entry.objects.get().status == "held"
    assert not Participant.objects.exists()
    pay(payment)
    events_deliver()
    assert Entry.objects.get().status == "taken"
    assert Participant.objects.get().user_id == who.pk
    assert pool_minor(view.id, "USD") == 4_500
    assert -balance_of("revenue:contests", "USD") == 500
    with pytest.raises(Conflict) as refused:
        begin(view, who)
    assert refused.value.code == "already_joined"
    assert verify().is_sound


def test_a_place_is_kept_while_it_is_paid_for_and_free_again_after():
    view = contest(capacity=1)
    who = user()
    payment = begin(view, who)
    with pytest.raises(Conflict) as refused:
        begin(view, user())
    assert refused.value.code == "contest_full"
    purchase_cancel(actor=who, public_id=payment.public_id)
    assert Entry.objects.get().status == "released"
    enter(view)
    assert Participant.objects.count() == 1


def test_one_who_pays_after_the_place_is_gone_gets_it_all_back():
    view = contest(capacity=1)
    late = begin(view, user())
    Payment.objects.update(expires_at=make_past())
    payments_expire_due()
    enter(view)
    charge_late(late)
    events_deliver()
    row = Payment.objects.get(pk=late.id)
    assert row.problem == "not_granted:contest_full"
    assert Participant.objects.count() == 1
    refunds_send_due()
    events_deliver()
    row.refresh_from_db()
    assert (row.refunded_minor, row.status) == (5_000, "refunded")
    assert pool_minor(view.id, "USD") == 4_500
    assert verify().is_sound


def test_a_contest_that_ends_while_somebody_pays_gives_it_back_and_is_settled():
    view = contest(started=True)
    advance(view.market_id)
    winner = enter(view)
    late = begin(view, user())
    place(actor_of(winner), account_of(view, winner), "buy", 1)
    advance(view.market_id)
    contest_end(contest_id=view.id)
    pay(late)
    events_deliver()
    row = Payment.objects.get(pk=late.id)
    assert row.problem == "not_granted:contest_not_open"
    assert Entry.objects.get(payment=row).status == "released"
    with pytest.raises(Conflict):
        contest_settle(contest_id=view.id)
    refunds_send_due()
    events_deliver()
    assert contests_settle_due() == [view.id]
    assert Award.objects.get().amount_minor == 4_500
    assert verify().is_sound


def test_a_fee_that_goes_back_after_the_end_takes_the_prize_and_after_the_prizes_changes_nothing():
    view = contest(started=True)
    advance(view.market_id)
    people = [enter(view) for _ in range(3)]
    play(view, people)
    first = Participant.objects.get(final_rank=1)
    give_back(first.user_id)
    contest_settle(contest_id=view.id)
    assert Award.objects.get(place=1).participant.final_rank == 2
    assert contest_verify(view.slug).is_equal
    give_back(Award.objects.get(place=1).participant.user_id)
    assert Award.objects.get(place=1).participant.status == "active"
    assert contest_verify(view.slug).is_equal
    assert verify().is_sound


def give_back(user_id):
    payment = Payment.objects.get(user_id=user_id)
    refund_request(actor=None, payment_id=payment.pk, amount_minor=None, reason="x", idempotency_key="r")
    events_deliver()


def make_past():
    return timezone.now() - timedelta(minutes=1)


def charge_late(payment):
    """Somebody pays on the page that had been open when it closed: the provider takes it all the same."""
    ref = Payment.objects.get(pk=payment.id).checkout_ref
    row = SandboxObject.objects.get(ref=ref)
    charge = store.make(
        "charge", blank_charge(5_000, "USD", "") | {"status": "processing"}, our_ref=str(payment.public_id)
    )
    row.data = {**row.data, "status": "complete", "charge": charge.ref}
    row.save()
    charge_finish(charge.ref, "pay")


def test_a_private_contest_is_paid_for_with_its_code():
    view = contest(visibility="private", invite_code="secret")
    with pytest.raises(NotFound):
        begin(view, user())
    with pytest.raises(NotFound):
        begin(view, user(), "/wrong")
    enter(view, code="/secret")
    assert Participant.objects.count() == 1


def test_leaving_before_the_start_gives_the_fee_back_and_the_place_free():
    view = contest(capacity=1)
    who = enter(view)
    contest_withdraw(actor=actor_of(who), contest_id=view.id)
    assert Account.objects.get(pk=account_of(view, who)).status == "locked"
    assert fees_return_due() == 1
    events_deliver()
    assert fees_return_due() == 0
    assert Payment.objects.get(user=who).status == "refunded"
    assert pool_minor(view.id, "USD") == 0
    enter(view)
    with pytest.raises(NotFound):
        contest_withdraw(actor=actor_of(who), contest_id=view.id)
    assert standings_page(view.id).total == 1
    assert verify().is_sound


def test_who_left_may_come_back_to_the_account_they_had():
    view = contest()
    who = enter(view)
    first = account_of(view, who)
    contest_withdraw(actor=actor_of(who), contest_id=view.id)
    fees_return_due()
    events_deliver()
    enter(view, who)
    assert account_of(view, who) == first
    assert Account.objects.get(pk=first).status == "active"
    assert pool_minor(view.id, "USD") == 4_500


def test_after_the_start_nobody_leaves():
    view = contest()
    who = enter(view)
    contests.contest_start(actor=make.OPERATOR, contest_id=view.id)
    with pytest.raises(Conflict) as refused:
        contest_withdraw(actor=actor_of(who), contest_id=view.id)
    assert refused.value.code == "contest_started"


def test_a_fee_that_goes_back_by_finance_takes_the_place_with_it():
    view = contest(started=True)
    who = enter(view)
    payment = Payment.objects.get(user=who)
    refund_request(actor=None, payment_id=payment.pk, amount_minor=None, reason="x", idempotency_key="r")
    events_deliver()
    assert Participant.objects.get().status == "withdrawn"
    assert Account.objects.get(pk=account_of(view, who)).status == "locked"


def test_called_off_everybody_has_their_fee_back():
    view = contest(stakes={"added_minor": 10_000}, started=True)
    for _ in range(3):
        enter(view)
    assert pool_minor(view.id, "USD") == 23_500
    contests.contest_cancel(actor=make.OPERATOR, contest_id=view.id, reason="rain")
    for _ in range(2):
        fees_return_due()
        events_deliver()
    assert Refund.objects.filter(status="succeeded").count() == 3
    assert set(Payment.objects.values_list("status", flat=True)) == {"refunded"}
    assert pool_minor(view.id, "USD") == 0
    assert balance_of("revenue:prizes", "USD") == 0
    assert verify().is_sound


def play(view, people):
    """Everyone trades, the first the luckiest; then it ends."""
    for number, who in enumerate(people):
        place(actor_of(who), account_of(view, who), "buy", 30 - 10 * number)
    market_step(market_id=view.market_id, ticks=1_000)
    contest_end(contest_id=view.id)


def test_prizes_are_owed_once_and_the_proof_holds():
    view = contest(started=True, stakes={"added_minor": 1_000, "sponsor": "Acme"})
    advance(view.market_id)
    people = [enter(view) for _ in range(3)]
    play(view, people)
    assert contests_settle_due() == [view.id]
    assert contests_settle_due() == []
    row = Contest.objects.get(pk=view.id)
    assert row.status == "settled"
    pool = 3 * 4_500 + 1_000
    given = list(Award.objects.order_by("place").values_list("place", "amount_minor", "badge"))
    assert given == [(1, pool * 7 // 10, "Gold"), (2, pool - pool * 7 // 10, "")]
    first = Participant.objects.get(final_rank=1).user_id
    assert -balance_of(f"payable:{first}", "USD") == pool * 7 // 10
    assert pool_minor(view.id, "USD") == 0
    contest_settle(contest_id=view.id)
    assert Award.objects.count() == 2
    assert verify().is_sound
    found = contest_verify(view.slug)
    assert found.is_equal, found.findings
    assert found.participants == 3
    assert group_holdings(view.group_id)
    call_command("verify_contest", view.slug)


def test_a_result_that_was_tampered_with_is_told():
    view = contest(started=True)
    advance(view.market_id)
    people = [enter(view) for _ in range(2)]
    play(view, people)
    Participant.objects.filter(user=people[0]).update(final_value_minor=1)
    found = contest_verify(view.slug)
    assert not found.checks["standings"]
    assert found.checks["prices"]
    with pytest.raises(CommandError):
        call_command("verify_contest", view.slug)
    Contest.objects.update(proof={**Contest.objects.get().proof, "prices": "0" * 64})
    assert not contest_verify(view.slug).checks["prices"]


def test_the_dispute_window_and_fees_under_way_hold_the_prizes_back():
    view = contest(started=True, stakes={"dispute_hours": 24})
    advance(view.market_id)
    people = [enter(view) for _ in range(2)]
    play(view, people)
    assert contests_settle_due() == []
    with pytest.raises(Conflict) as refused:
        contest_settle(contest_id=view.id)
    assert refused.value.code == "dispute_window"
    Contest.objects.update(ended_at=make_past() - timedelta(hours=24))
    Refund.objects.create(payment=Payment.objects.first(), amount_minor=1, currency="USD", reason="x")
    with pytest.raises(Conflict) as refused:
        contest_settle(contest_id=view.id)
    assert refused.value.code == "fees_under_way"
    Refund.objects.all().delete()
    assert contests_settle_due() == [view.id]


def test_where_nobody_traded_nobody_pays():
    view = contest(started=True)
    who = enter(view)
    contest_end(contest_id=view.id)
    contest_settle(contest_id=view.id)
    fees_return_due()
    events_deliver()
    assert Payment.objects.get(user=who).status == "refunded"
    assert not Award.objects.exists()


def test_a_contest_without_stakes_stays_ended():
    view = make.contest()
    contest_end(contest_id=view.id)
    assert contests_settle_due() == []
    with pytest.raises(Conflict):
        contest_settle(contest_id=view.id)
    assert contest_verify(view.slug).is_equal


# As many as the environment says, for a drill: CONTEST_PLACES=100 has two hundred people at once.
PLACES = int(os.environ.get("CONTEST_PLACES", "6"))


def test_twice_as_many_at_once_as_there_are_places():
    view = contest(capacity=PLACES)
    people = [user() for _ in range(2 * PLACES)]

    def act(who):
        try:
            return begin(view, who)
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(min(2 * PLACES, 24)) as pool:
        found = list(pool.map(act, people))
    paying = [one for one in found if not isinstance(one, str)]
    assert len(paying) == PLACES
    assert {one for one in found if isinstance(one, str)} == {"contest_full"}
    for payment in paying:
        pay(payment)
    while events_deliver():
        pass
    assert Participant.objects.count() == PLACES
    assert pool_minor(view.id, "USD") == PLACES * 4_500
    assert not Payment.objects.exclude(pk__in=[one.id for one in paying]).filter(captured_minor__gt=0).exists()
    assert verify().is_sound


def test_agents_and_free_contests_pay_nothing():
    view = make.contest()
    account_id, _ = make.joined(view)
    assert account_id
    with pytest.raises(Conflict) as refused:
        begin(view, user())
    assert refused.value.code == "contest_free"
    fee = contest()
    assert contest_join(actor=actor_of(user(kind="agent")), contest_id=fee.id)


def test_who_pays_for_a_held_place_gets_it_though_others_wait():
    view = contest(capacity=1)
    who, waiting = user(), user()
    payment = begin(view, who)
    assert waiting_join(actor=actor_of(waiting), contest_id=view.id) == 1
    pay(payment)
    events_deliver()
    assert account_of(view, who)
    assert waiting_advance_due() == 0
    contest_withdraw(actor=actor_of(who), contest_id=view.id)
    assert waiting_advance_due() == 1
    # A place with a fee is kept for who waited, and nobody else begins to pay for it.
    with pytest.raises(Conflict) as refused:
        begin(view, user())
    assert refused.value.code == "contest_full"
    enter(view, waiting)
    assert account_of(view, waiting)
