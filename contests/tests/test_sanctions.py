"""Sanctions: where people stand, their accounts, the ranks, the prizes; and appeals that somebody else answers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from contests.models import Appeal, Award, Contest, Participant, Sanction, StandingSnapshot
from contests.selectors import standings_page
from contests.selectors.fairplay import appeals_open
from contests.services import contests
from contests.services.closing import contest_end
from contests.services.fairplay import finding_uphold
from contests.services.joins import contest_join
from contests.services.proof import contest_verify
from contests.services.sanctions import appeal_answer, appeal_make, sanction_decide
from contests.services.settling import contest_settle
from contests.tests import factories as make
from contests.tests.fairplay_rows import finding
from contests.tests.test_entries import contest as paid_contest
from contests.tests.test_entries import enter, play
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.services.books import verify
from marketdata.services.ticks import market_step
from marketdata.tests.factories import advance
from payments.selectors.books import balance_of
from trading.models import Account
from trading.services.locking import account_lock
from trading.tests.factories import actor, place, user

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The same person traded both accounts."
PLEA = "We are two people, ask us for our passports."


def moderator():
    return actor(user(role="moderator"))


def traded(number=3):
    """A running contest whose people have bought, the first the most, and the market has moved."""
    view = make.contest()
    advance(view.market_id)
    people = [make.joined(view) for _ in range(number)]
    for turn, (account_id, who) in enumerate(people):
        place(who, account_id, "buy", 100 * (number - turn))
    market_step(market_id=view.market_id, ticks=2)
    return view, people


def place_of(account_id):
    return Participant.objects.get(account_id=account_id)


def decide(account_id, kind, who=None, reason=WHY):
    return sanction_decide(actor=who or moderator(), participant_id=place_of(account_id).pk, kind=kind, reason=reason)


def ranked(view):
    return [row.account_id for row in standings_page(view.id).rows if row.rank]


def test_a_warning_changes_nothing_and_says_why():
    view, people = traded()
    account_id, who = people[0]
    decide(account_id, "warn")
    assert place_of(account_id).status == "active"
    assert account_id in ranked(view)
    told = Notification.objects.get(user_id=who.user_id, kind="fair_play")
    assert (told.title, told.body) == ("Warning in Test contest", WHY)
    assert told.url == f"/contests/{view.slug}/fair-play"


def test_who_is_excluded_trades_on_without_a_rank():
    view, people = traded()
    account_id, who = people[0]
    sanction = decide(account_id, "exclude")
    assert sorted(ranked(view)) == sorted(one for one, _ in people[1:])
    assert place(who, account_id, "buy", 1).status == "filled"
    assert AuditEntry.objects.get(action="contest.exclude").reason == WHY
    event = OutboxEvent.objects.get(topic="contests.contest_sanctioned")
    assert event.payload["sanction_id"] == sanction
    decide(account_id, "reinstate")
    assert sorted(ranked(view)) == sorted(one for one, _ in people)


def test_who_is_disqualified_trades_no_more_and_does_not_come_back_by_joining():
    view, people = traded()
    account_id, who = people[0]
    decide(account_id, "disqualify")
    assert Account.objects.get(pk=account_id).status == "locked"
    assert place(who, account_id, "buy", 1).status == "denied"
    assert account_id not in ranked(view)
    with pytest.raises(Forbidden):
        contest_join(actor=who, contest_id=view.id)
    decide(account_id, "reinstate")
    assert place(who, account_id, "buy", 1).status == "filled"


def test_a_lock_for_another_reason_outlasts_reinstating():
    _, people = traded()
    account_id, _ = people[0]
    account_lock(actor=moderator(), account_id=account_id, reason="A rule was broken.")
    decide(account_id, "disqualify")
    decide(account_id, "reinstate")
    row = Account.objects.get(pk=account_id)
    assert (row.status, row.lock_reason) == ("locked", "A rule was broken.")


@pytest.mark.parametrize(
    ("before", "kind"),
    [([], "reinstate"), (["exclude"], "exclude"), (["disqualify"], "exclude"), (["disqualify"], "disqualify"),
     (["exclude", "reinstate"], "reinstate"), (["withdrawn"], "exclude")],
    ids=["nothing-to-lift", "excluded-twice", "loosened", "barred-twice", "lifted-twice", "withdrawn"],
)  # fmt: skip
def test_a_sanction_that_does_not_fit_is_refused_and_writes_nothing(before, kind):
    view = make.contest()
    account_id, _ = make.joined(view)
    for one in before:
        if one == "withdrawn":
            Participant.objects.update(status="withdrawn")
        else:
            decide(account_id, one)
    number = Sanction.objects.count()
    with pytest.raises(Conflict) as refused:
        decide(account_id, kind)
    assert refused.value.code == "sanction_state"
    assert Sanction.objects.count() == number


def test_only_a_moderator_decides_not_about_themself_nor_about_an_agent():
    view = make.contest()
    account_id, who = make.joined(view)
    for other in (who, actor(user()), actor(user(role="finance"))):
        with pytest.raises(Forbidden):
            decide(account_id, "warn", other)
    staff_account, staff = make.joined(view, role="moderator")
    with pytest.raises(Forbidden) as refused:
        decide(staff_account, "warn", staff)
    assert refused.value.code == "not_yourself"
    with pytest.raises(Conflict) as refused:
        decide(make.joined(view, kind="agent")[0], "warn")
    assert refused.value.code == "not_a_person"
    with pytest.raises(Invalid):
        decide(account_id, "warn", reason="short")
    with pytest.raises(NotFound):
        sanction_decide(actor=moderator(), participant_id=0, kind="warn", reason=WHY)
    assert not Sanction.objects.exists()


def test_after_the_end_ranks_are_frozen_anew_and_the_proof_holds():
    view, _ = traded()
    market_step(market_id=view.market_id, ticks=1_000)
    contest_end(contest_id=view.id)
    first = Participant.objects.get(final_rank=1)
    second = Participant.objects.get(final_rank=2)
    before = Contest.objects.get(pk=view.id).final_hash
    decide(first.account_id, "disqualify")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.final_rank, second.final_rank) == (None, 1)
    assert Contest.objects.get(pk=view.id).final_hash != before
    assert contest_verify(view.slug).is_equal
    assert ranked(view)[0] == second.account_id
    decide(first.account_id, "reinstate")
    first.refresh_from_db()
    assert first.final_rank == 1
    assert Contest.objects.get(pk=view.id).final_hash == before
    assert contest_verify(view.slug).is_equal
    assert StandingSnapshot.objects.filter(contest_id=view.id).exists()


def test_from_a_finding_to_disqualifying_an_appeal_and_back():
    view, people = traded()
    (first, one), (second, _) = people[:2]
    boss, other = moderator(), moderator()
    row = finding(view, second, first)
    (sanction,) = finding_uphold(actor=boss, finding_id=row.pk, kind="disqualify", reason=WHY, whom="other")
    assert (place_of(first).status, place_of(second).status) == ("barred", "active")
    appeal = appeal_make(actor=one, sanction_id=sanction, body=PLEA)
    assert appeals_open(view.id) == 1
    with pytest.raises(Conflict) as refused:
        appeal_make(actor=one, sanction_id=sanction, body=PLEA)
    assert refused.value.code == "appeal_made"
    with pytest.raises(Forbidden) as barred:
        appeal_answer(actor=boss, appeal_id=appeal, is_granted=True, answer=WHY)
    assert barred.value.code == "another_moderator"
    appeal_answer(actor=other, appeal_id=appeal, is_granted=True, answer="Two people indeed, with passports.")
    assert place_of(first).status == "active"
    assert Account.objects.get(pk=first).status == "active"
    assert first in ranked(view)
    assert [one.kind for one in Sanction.objects.order_by("id")] == ["disqualify", "reinstate"]
    assert Notification.objects.get(user_id=one.user_id, kind="appeal_answered").title.endswith("granted")
    with pytest.raises(Conflict):
        appeal_answer(actor=other, appeal_id=appeal, is_granted=False, answer=WHY)


def test_a_refused_appeal_leaves_the_sanction():
    view, people = traded()
    account_id, who = people[0]
    appeal = appeal_make(actor=who, sanction_id=decide(account_id, "exclude"), body=PLEA)
    appeal_answer(actor=moderator(), appeal_id=appeal, is_granted=False, answer=WHY)
    assert place_of(account_id).status == "excluded"
    assert Appeal.objects.get().status == "refused"
    assert appeals_open(view.id) == 0


def test_only_the_person_appeals_against_what_is_in_force():
    _, people = traded()
    (account_id, who), (_, other) = people[:2]
    boss = moderator()
    sanction = decide(account_id, "exclude", boss)
    for stranger in (other, boss):
        with pytest.raises(NotFound):
            appeal_make(actor=stranger, sanction_id=sanction, body=PLEA)
    for body in ("", "no", "x" * 2_001):
        with pytest.raises(Invalid):
            appeal_make(actor=who, sanction_id=sanction, body=body)
    lifted = decide(account_id, "reinstate")
    for one, code in ((sanction, "sanction_over"), (lifted, "nothing_to_appeal")):
        with pytest.raises(Conflict) as refused:
            appeal_make(actor=who, sanction_id=one, body=PLEA)
        assert refused.value.code == code
    warning = decide(account_id, "warn")
    appeal = appeal_make(actor=who, sanction_id=warning, body=PLEA)
    with pytest.raises(Forbidden):
        appeal_answer(actor=who, appeal_id=appeal, is_granted=True, answer=WHY)
    appeal_answer(actor=moderator(), appeal_id=appeal, is_granted=True, answer=WHY)
    assert [one.kind for one in Sanction.objects.order_by("id")] == ["exclude", "reinstate", "warn"]


def test_a_moderator_does_not_answer_an_appeal_of_their_own():
    view = make.contest()
    account_id, staff = make.joined(view, role="moderator")
    appeal = appeal_make(actor=staff, sanction_id=decide(account_id, "warn"), body=PLEA)
    with pytest.raises(Forbidden) as refused:
        appeal_answer(actor=staff, appeal_id=appeal, is_granted=True, answer=WHY)
    assert refused.value.code == "not_yourself"


def test_a_disqualified_winner_gets_no_prize_and_the_next_does():
    view = paid_contest(started=True, stakes={"dispute_hours": 1})
    advance(view.market_id)
    people = [enter(view) for _ in range(3)]
    play(view, people)
    cheat = Participant.objects.get(final_rank=1)
    heir = Participant.objects.get(final_rank=2)
    decide(cheat.account_id, "disqualify")
    Contest.objects.filter(pk=view.id).update(ended_at=timezone.now() - timedelta(hours=2))
    contest_settle(contest_id=view.id)
    assert not Award.objects.filter(participant=cheat).exists()
    assert Award.objects.get(place=1).participant_id == heir.pk
    assert balance_of(f"payable:{cheat.user_id}", "USD") == 0
    assert -balance_of(f"payable:{heir.user_id}", "USD") == 3 * 4_500 * 7 // 10
    assert verify().is_sound
    assert contest_verify(view.slug).is_equal
    for kind in ("exclude", "disqualify", "reinstate"):
        with pytest.raises(Conflict) as refused:
            decide(heir.account_id, kind)
        assert refused.value.code == "contest_settled"
    decide(heir.account_id, "warn")


def test_of_a_contest_that_was_called_off_nothing_is_decided_but_a_warning():
    view = make.contest()
    account_id, who = make.joined(view)
    sanction = decide(account_id, "exclude")
    contests.contest_cancel(actor=make.OPERATOR, contest_id=view.id, reason="rain")
    with pytest.raises(Conflict) as refused:
        decide(account_id, "reinstate")
    assert refused.value.code == "contest_cancelled"
    with pytest.raises(Conflict):
        appeal_make(actor=who, sanction_id=sanction, body=PLEA)
    decide(account_id, "warn")


def test_a_moderator_who_takes_part_decides_about_nobody_in_it():
    view, people = traded(2)
    who = moderator()
    contest_join(actor=who, contest_id=view.id)
    with pytest.raises(Forbidden) as refused:
        decide(people[0][0], "warn", who)
    assert refused.value.code == "takes_part"
    decide(people[0][0], "warn")


def test_prizes_wait_until_appeals_are_answered():
    view = paid_contest(started=True)
    advance(view.market_id)
    people = [enter(view) for _ in range(2)]
    play(view, people)
    loser = Participant.objects.get(contest_id=view.id, final_rank=2)
    first = moderator()
    decide(loser.account_id, "exclude", first)
    appeal = appeal_make(actor=actor(loser.user), sanction_id=Sanction.objects.get().pk, body=PLEA)
    with pytest.raises(Conflict) as refused:
        contest_settle(contest_id=view.id)
    assert refused.value.code == "appeals_open"
    appeal_answer(actor=moderator(), appeal_id=appeal, is_granted=True, answer="They are two people.")
    contest_settle(contest_id=view.id)
    assert Award.objects.filter(participant=loser).exists()
    assert contest_verify(view.slug).is_equal
