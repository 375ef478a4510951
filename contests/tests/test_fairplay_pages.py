"""The moderators' queue, one finding, appeals, and what a person sees; the same on the API."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from contests.models import Appeal, Finding, Participant, Sanction
from contests.services.sanctions import appeal_make, sanction_decide
from contests.tests.factories import contest, joined
from contests.tests.fairplay_rows import finding
from trading.tests.factories import actor, user

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The same person traded both accounts."
PLEA = "We are two people, ask us for our passports."


def page_client(who: User) -> Client:
    client = Client()
    client.force_login(who, backend="accounts.backends.EmailBackend")
    return client


def api_client(who: User | None = None) -> APIClient:
    client = APIClient()
    if who is not None:
        client.force_authenticate(who)
    return client


def moderator() -> User:
    return user(role="moderator", is_staff=True)


def person_of(who) -> User:
    return User.objects.get(pk=who.user_id)


def sanctioned(kind="exclude"):
    view = contest()
    account_id, who = joined(view)
    place = Participant.objects.get(account_id=account_id)
    made = sanction_decide(actor=actor(moderator()), participant_id=place.pk, kind=kind, reason=WHY)
    return view, account_id, who, made


def test_the_queue_is_filtered_paginated_and_says_what_to_do_when_it_is_empty():
    client = page_client(moderator())
    assert "Nothing waits for you." in client.get("/moderation/fair-play").content.decode()
    view, other = contest(name="Spring"), contest(name="Autumn")
    accounts = [joined(view)[0] for _ in range(3)]
    finding(view, accounts[0], accounts[1])
    finding(view, accounts[2], kind="stale_prices", score=70,
            evidence={"trades": 30, "late": 20, "late_and_gained": 18, "expected": 3.0, "decades": 8.0,
                      "orders": [5], "accounts": [accounts[2]]})  # fmt: skip
    finding(other, joined(other)[0], kind="illiquid", status="dismissed",
            evidence={"episodes": 9, "gained": 9, "mean_share_pct": 40.0, "mean_move_pct": 3.0, "decades": 3.0,
                      "orders": [], "listings": [1], "symbols": ["AAA"]})  # fmt: skip

    def rows(query):
        return client.get(f"/moderation/fair-play{query}").content.decode().count('class="num end"')

    assert (rows(""), rows("?status=all"), rows("?status=dismissed")) == (2, 3, 1)
    assert (rows("?kind=mirrored"), rows(f"?contest={other.slug}&status=all"), rows("?status=nonsense&page=x")) == (
        1,
        1,
        3,
    )
    assert "No finding is like that." in client.get("/moderation/fair-play?contest=nowhere").content.decode()


def test_the_queue_costs_the_same_number_of_statements_however_long_it_is(django_assert_max_num_queries):
    view = contest()
    accounts = [joined(view)[0] for _ in range(7)]
    client = page_client(moderator())
    for other in accounts[1:]:
        finding(view, accounts[0], other)
    with django_assert_max_num_queries(9):
        assert client.get("/moderation/fair-play").content.decode().count('class="num end"') == 6
    with django_assert_max_num_queries(12):
        assert client.get(f"/moderation/fair-play/{Finding.objects.first().pk}").status_code == 200


def test_a_finding_shows_its_evidence_and_is_upheld_or_dismissed_there():
    view = contest()
    (first, one), (second, _) = joined(view, display_name="Ada"), joined(view, display_name="Bob")
    row, harmless = finding(view, first, second), finding(view, second, first, kind="opposite")
    client = page_client(moderator())
    page = client.get(f"/moderation/fair-play/{row.pk}").content.decode()
    assert "Ada and Bob traded the same symbol the same way within five seconds in 9 moments." in page
    assert 'href="/orders/1"' in page
    assert "Opposite trades" in page
    short = client.post(f"/moderation/fair-play/{row.pk}/uphold", {"kind": "exclude", "reason": "no"}, follow=True)
    assert "Give a reason of at least 10 characters." in short.content.decode()
    form = {"kind": "disqualify", "whom": "participant", "reason": WHY}
    upheld = client.post(f"/moderation/fair-play/{row.pk}/uphold", form, follow=True).content.decode()
    assert "Those concerned have been told." in upheld
    assert "Reinstate Ada" in upheld
    assert Participant.objects.get(account_id=first).status == "barred"
    done = client.post(
        f"/moderation/fair-play/{harmless.pk}/dismiss", {"note": "They are twins in one room."}, follow=True
    )
    assert "They are twins in one room." in done.content.decode()
    back = {"kind": "reinstate", "reason": "It was a mistake of ours.", "finding": row.pk}
    place = Participant.objects.get(account_id=first)
    answer = client.post(f"/moderation/participants/{place.pk}/sanction", back)
    assert answer["Location"] == f"/moderation/fair-play/{row.pk}"
    place.refresh_from_db()
    assert place.status == "active"
    assert client.get("/moderation/fair-play/0").status_code == 404
    assert client.post("/moderation/fair-play/0/dismiss", {"note": WHY}).status_code == 404
    mine = page_client(person_of(one)).get(f"/contests/{view.slug}/fair-play").content.decode()
    assert WHY in mine
    assert "Bob" not in mine


def test_a_person_sees_what_was_decided_and_appeals_and_another_moderator_answers():
    view, _, who, made = sanctioned("disqualify")
    client, boss = page_client(person_of(who)), moderator()
    page = client.get(f"/contests/{view.slug}/fair-play").content.decode()
    assert "Disqualified" in page
    assert WHY in page
    said = client.post(f"/contests/{view.slug}/fair-play/{made}/appeal", {"body": PLEA}, follow=True).content.decode()
    assert "Your appeal is in." in said
    assert f'action="/contests/{view.slug}/fair-play/{made}/appeal"' not in said
    decider = page_client(User.objects.get(pk=Sanction.objects.get().decided_by_id))
    assert "Another moderator answers." in decider.get("/moderation/fair-play/appeals").content.decode()
    queue = page_client(boss)
    assert PLEA in queue.get("/moderation/fair-play/appeals").content.decode()
    url = f"/moderation/fair-play/appeals/{Appeal.objects.get().pk}"
    assert "Say whether" in queue.post(url, {"answer": WHY}, follow=True).content.decode()
    queue.post(url, {"outcome": "granted", "answer": "Two people indeed."})
    assert Appeal.objects.get().status == "granted"
    shown = client.get(f"/contests/{view.slug}/fair-play").content.decode()
    assert "Two people indeed." in shown
    assert "Reinstated" in shown
    assert "No appeal is in this state." in queue.get("/moderation/fair-play/appeals").content.decode()


def test_who_has_no_sanction_is_told_so_and_who_is_not_in_it_finds_nothing():
    view = contest()
    _, who = joined(view)
    page = page_client(person_of(who)).get(f"/contests/{view.slug}/fair-play").content.decode()
    assert "Nothing has been decided about you" in page
    assert page_client(user()).get(f"/contests/{view.slug}/fair-play").status_code == 404


def test_pages_are_for_whom_they_are_for():
    view, account_id, who, made = sanctioned()
    row = finding(view, account_id)
    appeal_make(actor=who, sanction_id=made, body=PLEA)
    appeal = Appeal.objects.get().pk
    gets = ["/moderation/fair-play", f"/moderation/fair-play/{row.pk}", "/moderation/fair-play/appeals"]
    posts = [f"/moderation/fair-play/{row.pk}/uphold", f"/moderation/fair-play/{row.pk}/dismiss",
             f"/moderation/participants/{row.participant_id}/sanction",
             f"/moderation/fair-play/appeals/{appeal}"]  # fmt: skip
    for client, status in (
        (Client(), 302), (page_client(person_of(who)), 403), (page_client(user(role="finance", is_staff=True)), 403)
    ):  # fmt: skip
        assert {client.get(url).status_code for url in gets} == {status}
        assert {client.post(url).status_code for url in posts} == {status}
    stranger = page_client(joined(view)[1] and user())
    assert stranger.post(f"/contests/{view.slug}/fair-play/{made}/appeal", {"body": PLEA}).status_code == 404
    assert Client().get(f"/contests/{view.slug}/fair-play").status_code == 302
    assert (Finding.objects.get().status, Appeal.objects.get().status) == ("open", "open")


def test_the_api_from_a_finding_to_a_granted_appeal():
    view = contest()
    (first, one), (second, _) = joined(view), joined(view)
    row, harmless = finding(view, first, second), finding(view, second, kind="opposite", score=70)
    boss, other, person = api_client(moderator()), api_client(moderator()), api_client(person_of(one))
    base = f"/api/v1/contests/{view.slug}"
    listed = boss.get(f"{base}/findings?status=open").data
    assert [item["id"] for item in listed["results"]] == [row.pk, harmless.pk]
    assert boss.get(f"{base}/findings?kind=opposite").data["total"] == 1
    assert boss.get(f"{base}/findings?kind=magic").status_code == 400
    one_row = boss.get(f"{base}/findings/{row.pk}").data
    assert (one_row["participant"]["account_id"], one_row["other"]["account_id"]) == (first, second)
    upheld = boss.post(f"{base}/findings/{row.pk}/uphold", {"kind": "exclude", "reason": WHY}, format="json")
    assert (upheld.status_code, upheld.data["status"]) == (200, "upheld")
    note = {"note": "A slow line, as it turns out."}
    assert boss.post(f"{base}/findings/{harmless.pk}/dismiss", note, format="json").data["status"] == "dismissed"
    again = boss.post(f"{base}/findings/{harmless.pk}/dismiss", note, format="json")
    assert (again.status_code, again.data["code"]) == (409, "finding_decided")
    mine = person.get(f"{base}/sanctions").data
    assert [(item["kind"], item["reason"], item["may_appeal"]) for item in mine] == [("exclude", WHY, True)]
    said = person.post(f"{base}/sanctions/{mine[0]['id']}/appeal", {"body": PLEA}, format="json")
    assert (said.status_code, said.data["may_appeal"]) == (201, False)
    appeal = other.get(f"{base}/appeals?status=open").data["results"][0]
    answer = {"granted": True, "answer": "Two people indeed."}
    same = boss.post(f"{base}/appeals/{appeal['id']}/answer", answer, format="json")
    assert (same.status_code, same.data["code"]) == (403, "another_moderator")
    assert other.post(f"{base}/appeals/{appeal['id']}/answer", answer, format="json").data["status"] == "granted"
    assert Participant.objects.get(account_id=first).status == "active"
    made = boss.post(f"{base}/sanctions", {"account_id": second, "kind": "warn", "reason": WHY}, format="json")
    assert (made.status_code, made.data["kind"]) == (201, "warn")


def test_the_api_is_for_whom_it_is_for_and_keeps_to_its_contest():
    view, account_id, who, made = sanctioned()
    row, elsewhere = finding(view, account_id), contest()
    appeal_make(actor=who, sanction_id=made, body=PLEA)
    appeal = Appeal.objects.get().pk

    def calls(slug):
        base = f"/api/v1/contests/{slug}"
        return [
            ("get", f"{base}/findings/{row.pk}", {}),
            ("post", f"{base}/findings/{row.pk}/uphold", {"kind": "warn", "reason": WHY}),
            ("post", f"{base}/findings/{row.pk}/dismiss", {"note": WHY}),
            ("post", f"{base}/sanctions", {"account_id": account_id, "kind": "warn", "reason": WHY}),
            ("post", f"{base}/appeals/{appeal}/answer", {"granted": True, "answer": WHY}),
        ]

    def statuses(client, slug):
        return {getattr(client, verb)(url, body, format="json").status_code for verb, url, body in calls(slug)}

    assert statuses(api_client(), view.slug) == {401}
    assert statuses(api_client(person_of(who)), view.slug) == {403}
    assert statuses(api_client(user(role="finance")), view.slug) == {403}
    assert statuses(api_client(moderator()), elsewhere.slug) == {404}
    lists = [f"/api/v1/contests/{view.slug}/{name}" for name in ("findings", "appeals")]
    assert [api_client(person_of(who)).get(url).status_code for url in lists] == [403, 403]
    stranger = api_client(user())
    assert stranger.get(f"/api/v1/contests/{view.slug}/sanctions").status_code == 404
    foreign = stranger.post(f"/api/v1/contests/{view.slug}/sanctions/{made}/appeal", {"body": PLEA}, format="json")
    assert foreign.status_code == 404
    assert api_client(moderator()).get(f"/api/v1/contests/{elsewhere.slug}/appeals").data["total"] == 0


def test_the_administration_shows_and_changes_nothing():
    view, account_id, who, made = sanctioned()
    appeal_make(actor=who, sanction_id=made, body=PLEA)
    finding(view, account_id)
    client = Client()
    client.force_login(User.objects.create_superuser("boss@example.com", "pass-word-123"))
    for model in (Finding, Sanction, Appeal):
        base = f"/admin/contests/{model._meta.model_name}/"
        assert client.get(base).status_code == 200
        assert client.get(f"{base}{model.objects.get().pk}/change/").status_code == 200
        assert client.get(f"{base}add/").status_code == 403
