"""Handles: their shape, what is kept, what looks alike, how often they change, and races for one."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.handles import PATTERN, handle_clean, skeleton
from accounts.models import HandleClaim, User
from accounts.services.handles import handle_set
from accounts.tests.factories import UserFactory
from core.errors import Conflict, DomainError, Invalid
from core.models import AuditEntry
from core.tests.threads import race

REFUSED = [
    ("ab", "handle_invalid"),
    ("a" * 21, "handle_invalid"),
    ("with space", "handle_invalid"),
    ("dash-ed", "handle_invalid"),
    ("12345", "handle_invalid"),
    ("___", "handle_invalid"),
    ("naïve", "handle_invalid"),
    ("a\u0000bc", "handle_invalid"),
    ("trаder_jane", "handle_confusable"),  # a Cyrillic a
    ("ｊａｎｅ", "handle_confusable"),  # full width
    ("jοhn", "handle_confusable"),  # a Greek omicron
    ("admin", "handle_reserved"),
    ("ADMIN", "handle_reserved"),
    ("adm1n", "handle_reserved"),
    ("4dm1n", "handle_reserved"),
    ("a_d_m_i_n", "handle_reserved"),
    ("supp0rt", "handle_reserved"),
    ("arena_support", "handle_reserved"),
    ("mod_jane", "handle_reserved"),
    ("api", "handle_reserved"),
]


@pytest.mark.parametrize(("handle", "code"), REFUSED)
def test_refused_with_its_code(handle, code):
    with pytest.raises(Invalid) as caught:
        handle_clean(handle)
    assert caught.value.code == code
    assert caught.value.details["handle"]


@pytest.mark.parametrize(
    ("given_as", "stored"), [("@Jane", "jane"), (" mara_l ", "mara_l"), ("a1b2", "a1b2"), ("moderna", "moderna")]
)
def test_stored_in_lower_case(given_as, stored):
    assert handle_clean(given_as) == stored


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("jane0", "janeo"),
        ("will", "wi11"),
        ("bill", "blll"),
        ("corner", "comer"),
        ("vvalter", "walter"),
        ("a_bc", "abc"),
    ],
)
def test_what_looks_alike_has_one_skeleton(first, second):
    assert skeleton(first) == skeleton(second)


@given(st.from_regex(PATTERN, fullmatch=True))
def test_a_skeleton_is_as_it_was_when_taken_again(handle):
    once = skeleton(handle)
    assert skeleton(once) == once or "rn" in once or "vv" in once
    assert "_" not in once
    assert len(once) <= 20


def outcome(act):
    try:
        return act()
    except DomainError as error:
        return error.code


@given(st.text(max_size=30))
def test_whatever_is_sent_is_stored_well_formed_or_refused(text):
    found = outcome(lambda: handle_clean(text))
    assert found in {"handle_invalid", "handle_confusable", "handle_reserved"} or PATTERN.fullmatch(found)


@pytest.mark.django_db
class TestClaims:
    def test_the_first_is_free_and_is_audited(self):
        user = UserFactory()
        assert handle_set(user_id=user.pk, handle="Jane_D").handle == "jane_d"
        entry = AuditEntry.objects.get(action="handle_changed")
        assert (entry.before, entry.after) == ({"handle": None}, {"handle": "jane_d"})

    @pytest.mark.parametrize(
        ("wanted", "code"), [("jane0", "handle_taken"), ("janeo", "handle_confusable"), ("jan_e0", "handle_confusable")]
    )
    def test_taken_exactly_or_to_the_eye(self, wanted, code):
        handle_set(user_id=UserFactory().pk, handle="jane0")
        with pytest.raises(Conflict) as caught:
            handle_set(user_id=UserFactory().pk, handle=wanted)
        assert caught.value.code == code

    def test_changes_once_in_thirty_days(self):
        user = UserFactory()
        handle_set(user_id=user.pk, handle="first_one")
        with pytest.raises(Conflict) as caught:
            handle_set(user_id=user.pk, handle="second_one")
        assert caught.value.code == "handle_too_soon"
        assert caught.value.details["available_at"]
        HandleClaim.objects.update(claimed_at=timezone.now() - timedelta(days=31))
        assert handle_set(user_id=user.pk, handle="second_one").handle == "second_one"
        assert handle_set(user_id=user.pk, handle="second_one").handle == "second_one"

    def test_a_given_up_one_is_out_of_reach_for_ninety_days_but_not_for_who_had_it(self):
        user, other = UserFactory(), UserFactory()
        handle_set(user_id=user.pk, handle="first_one")
        HandleClaim.objects.update(claimed_at=timezone.now() - timedelta(days=31))
        handle_set(user_id=user.pk, handle="second_one")
        with pytest.raises(Conflict) as caught:
            handle_set(user_id=other.pk, handle="first_one")
        assert caught.value.code == "handle_taken"
        HandleClaim.objects.filter(handle="second_one").update(claimed_at=timezone.now() - timedelta(days=31))
        assert handle_set(user_id=user.pk, handle="first_one").handle == "first_one"
        HandleClaim.objects.filter(handle="second_one").update(released_at=timezone.now() - timedelta(days=91))
        assert handle_set(user_id=other.pk, handle="second_one").handle == "second_one"
        assert HandleClaim.objects.get(handle="second_one").user_id == other.pk


@pytest.mark.django_db(transaction=True)
def test_of_many_who_want_a_handle_at_once_one_gets_it():
    people = [UserFactory() for _ in range(6)]
    spellings = ["jane10", "janel0", "jane1o", "janelo", "jane_10", "jane10"]

    def claim(number):
        try:
            handle_set(user_id=people[number].pk, handle=spellings[number])
        except Conflict as error:
            return error.code
        return "won"

    outcomes = race(6, claim)
    assert sorted(outcomes).count("won") == 1
    assert set(outcomes) <= {"won", "handle_taken", "handle_confusable"}
    assert User.objects.exclude(handle=None).count() == 1
