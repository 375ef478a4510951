"""The chat of a contest: who may write, what may be said, what moderators do, and that nothing hidden shows."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from contests.domain.comments import body_read, until_read
from contests.models import Comment, CommentReport, Contest, Mute, Participant, Team, TeamMember
from contests.personal_data import DATA
from contests.selectors.comments import comments_page, reported_query, write_refusal
from contests.services import comments
from contests.services.contests import contest_cancel
from contests.services.joins import contest_join
from contests.tests import factories as make
from core import throttling
from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.redis import client as redis
from trading.tests.factories import actor as actor_of
from trading.tests.factories import user

pytestmark = pytest.mark.django_db


@pytest.fixture
def view():
    return make.contest()


def moderator():
    return actor_of(user(role=User.Role.MODERATOR))


def person(view):
    return make.joined(view)[1]


def say(who, view, body="Hello"):
    return comments.comment_write(actor=who, contest_id=view.id, body=body)


def bodies(view):
    return [row.body for row in comments_page(view.id).rows]


def web(who) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=who.user_id), backend="accounts.backends.EmailBackend")
    return client


def api(who=None) -> APIClient:
    client = APIClient()
    if who is not None:
        client.force_authenticate(User.objects.get(pk=who.user_id))
    return client


def change(view, **fields):
    Contest.objects.filter(pk=view.id).update(**fields)


def refused(who, view, body="Hello"):
    with pytest.raises(DomainError) as error:
        say(who, view, body)
    return error.value.code


def test_who_takes_part_writes_and_it_is_recorded_without_the_words(view):
    who = person(view)
    made = say(who, view, " First\r\nline ")
    assert made.body == "First line"
    assert bodies(view) == ["First line"]
    entry = AuditEntry.objects.get(action="comment.written")
    assert (entry.actor_id, entry.subject_id) == (who.user_id, str(made.id))
    assert "First" not in json.dumps([entry.after, entry.before])
    event = OutboxEvent.objects.get(topic="contests.contest_comment_written")
    assert event.payload["comment_id"] == made.id
    assert "First" not in json.dumps(event.payload)


def test_pages_hear_that_something_was_said_and_not_what(view, django_capture_on_commit_callbacks):
    redis().delete(f"sse:contest:{view.id}")
    with django_capture_on_commit_callbacks(execute=True):
        made = say(person(view), view, "a secret")
    told = [fields for _, fields in redis().xrange(f"sse:contest:{view.id}") if fields["e"] == "comment"]
    assert [json.loads(fields["d"]) for fields in told] == [{"id": made.id, "verb": "written"}]


def test_only_those_in_it_write(view):
    assert refused(actor_of(user()), view) == "not_in_contest"
    assert refused(moderator(), view) == "not_in_contest"
    who = person(view)
    for status, code in (("barred", "not_in_contest"), ("withdrawn", "not_in_contest"), ("excluded", None)):
        Participant.objects.filter(user_id=who.user_id).update(status=status)
        refusal = write_refusal(Contest.objects.get(pk=view.id), who.user_id)
        assert (refusal.code if refusal else None) == code, status


def test_members_of_a_team_write_until_they_leave_it(view):
    captain, member = person(view), actor_of(user())
    place = Participant.objects.get(user_id=captain.user_id)
    team = Team.objects.create(contest_id=view.id, participant=place, name="Bulls", code="x")
    row = TeamMember.objects.create(team=team, contest_id=view.id, user_id=member.user_id)
    say(member, view)
    row.left_at = datetime.now(tz=UTC)
    row.save()
    assert refused(member, view) == "not_in_contest"


@pytest.mark.parametrize(
    "text",
    ["", " \n ", "\u200b\u200d", "x" * 501, "a\x00b", "a\x1b[31m", "\u202eevil", "\ud800", "e" + "\u0301" * 9],
    ids=["empty", "blank", "invisible", "long", "nul", "escape", "turned", "half", "stacked"],
)
def test_what_cannot_be_said(text):
    with pytest.raises(Invalid) as error:
        body_read(text)
    assert error.value.code == "invalid_comment"


def test_what_can_be_said():
    for text in ("x" * 500, "<script>alert(1)</script> https://example.com", "Ünïcödé 日本 हिन्दी 👩‍👩‍👧 e\u0301"):
        assert body_read(text) == text


def test_a_chat_that_is_off_or_over(view):
    who = person(view)
    change(view, sharing={"comments": False})
    assert refused(who, view) == "chat_off"
    assert "This contest has no chat." in web(who).get(f"/contests/{view.slug}/chat").content.decode()
    assert api().get(f"/api/v1/contests/{view.slug}/comments").data["code"] == "chat_off"
    change(view, sharing={}, status="ended", ended_at=datetime.now(tz=UTC) - timedelta(days=6, hours=23))
    say(who, view)
    change(view, ended_at=datetime.now(tz=UTC) - timedelta(days=7, minutes=1))
    assert refused(who, view) == "chat_closed"
    assert bodies(view) == ["Hello"]


def test_a_contest_that_was_called_off_closes_its_chat_too(view):
    who = person(view)
    contest_cancel(actor=make.OPERATOR, contest_id=view.id)
    say(who, view)
    change(view, ended_at=datetime.now(tz=UTC) - timedelta(days=8))
    assert refused(who, view) == "chat_closed"


def test_writing_too_fast_is_refused(view, monkeypatch):
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"comments": "3/min"})
    who, other = person(view), person(view)
    for _ in range(3):
        say(who, view)
    assert refused(who, view) == "rate_limited"
    say(other, view)


def test_pages_go_on_where_they_ended(view):
    who = person(view)
    for number in range(7):
        say(who, view, f"number {number}")
    first = comments_page(view.id, size=3)
    say(who, view, "newer")
    second = comments_page(view.id, before=first.next, size=3)
    third = comments_page(view.id, before=second.next, size=3)
    assert [row.body[-1] for page in (first, second, third) for row in page.rows] == list("6543210")
    assert third.next is None
    assert len(comments_page(view.id, size=10**9).rows) == 8


def test_a_report_counts_once_a_person(view):
    made, first, second = say(person(view), view), actor_of(user()), actor_of(user())
    for who in (first, first, second):
        comments.comment_report(actor=who, contest_id=view.id, comment_id=made.id, reason="rude")
    assert Comment.objects.get().reports_count == 2
    assert CommentReport.objects.count() == 2
    assert AuditEntry.objects.filter(action="comment.reported").count() == 2


def test_what_is_not_reported(view):
    author = person(view)
    made = say(author, view)
    with pytest.raises(Conflict):
        comments.comment_report(actor=author, contest_id=view.id, comment_id=made.id)
    with pytest.raises(NotFound):
        comments.comment_report(actor=actor_of(user()), contest_id=make.contest().id, comment_id=made.id)
    comments.comment_hide(actor=moderator(), comment_id=made.id, reason="rude")
    with pytest.raises(NotFound):
        comments.comment_report(actor=actor_of(user()), contest_id=view.id, comment_id=made.id)
    assert not CommentReport.objects.exists()


def test_a_moderator_hides_with_a_reason_and_shows_again(view):
    made, boss = say(person(view), view, "rude words"), moderator()
    with pytest.raises(Invalid):
        comments.comment_hide(actor=boss, comment_id=made.id, reason=" ")
    comments.comment_hide(actor=boss, comment_id=made.id, reason="rude")
    comments.comment_hide(actor=moderator(), comment_id=made.id, reason="again")
    assert Comment.objects.get().hidden_by_id == boss.user_id
    assert AuditEntry.objects.get(action="comment.hidden").reason == "rude"
    assert bodies(view) == []
    for client in (web(boss), Client()):
        assert "rude words" not in client.get(f"/contests/{view.slug}/chat").content.decode()
    assert api(boss).get(f"/api/v1/contests/{view.slug}/comments").data["results"] == []
    comments.comment_unhide(actor=boss, comment_id=made.id, reason="it was fine")
    assert bodies(view) == ["rude words"]
    assert AuditEntry.objects.get(action="comment.shown").reason == "it was fine"


def test_an_author_takes_back_only_their_own_and_nobody_brings_it_back(view):
    author, other = person(view), person(view)
    made = say(author, view)
    with pytest.raises(NotFound):
        comments.comment_remove(actor=other, contest_id=view.id, comment_id=made.id)
    comments.comment_remove(actor=author, contest_id=view.id, comment_id=made.id)
    assert bodies(view) == []
    with pytest.raises(Conflict) as error:
        comments.comment_unhide(actor=moderator(), comment_id=made.id, reason="why not")
    assert error.value.code == "removed_by_author"
    assert bodies(view) == []


def test_only_moderators_moderate(view):
    author, other = person(view), person(view)
    made = say(author, view)
    until = datetime.now(tz=UTC) + timedelta(hours=1)
    acts = (
        lambda: comments.comment_hide(actor=other, comment_id=made.id, reason="x"),
        lambda: comments.comment_unhide(actor=other, comment_id=made.id, reason="x"),
        lambda: comments.comment_keep(actor=other, comment_id=made.id),
        lambda: comments.mute_set(actor=other, contest_id=view.id, user_id=author.user_id, until=until, reason="x"),
        lambda: comments.mute_lift(actor=other, contest_id=view.id, user_id=author.user_id),
    )
    for act in acts:
        with pytest.raises(Forbidden):
            act()
    assert bodies(view) == ["Hello"]
    assert not Mute.objects.exists()
    for url in (f"/moderation/comments/{made.id}/hide", f"/moderation/contests/{view.slug}/unmute/{author.user_id}"):
        assert web(other).post(url, {"reason": "x"}).status_code == 403
        assert Client().post(url)["Location"].startswith("/sign-in")
    assert web(other).get("/moderation/comments").status_code == 403
    base = f"/api/v1/contests/{view.slug}/mutes"
    for status, client in ((403, api(other)), (401, api())):
        assert client.post(f"/api/v1/moderation/comments/{made.id}/hide", {"reason": "x"}).status_code == status
        assert client.get("/api/v1/moderation/comments").status_code == status
        assert client.get(base).status_code == status
        assert client.put(f"{base}/{author.user_id}", {"reason": "x"}).status_code == status
        assert client.delete(f"{base}/{author.user_id}").status_code == status


def test_a_mute_holds_until_its_end_in_its_contest_only(view):
    who, boss = person(view), moderator()
    elsewhere = make.contest()
    contest_join(actor=who, contest_id=elsewhere.id)
    until = datetime.now(tz=UTC) + timedelta(hours=1)
    comments.mute_set(actor=boss, contest_id=view.id, user_id=who.user_id, until=until, reason="cool down")
    with pytest.raises(Forbidden) as error:
        say(who, view)
    assert error.value.code == "muted"
    assert "cool down" in error.value.message
    say(who, elsewhere)
    contest = Contest.objects.get(pk=view.id)
    assert write_refusal(contest, who.user_id, until + timedelta(seconds=1)) is None
    comments.mute_set(actor=boss, contest_id=view.id, user_id=who.user_id, until=None, reason="for good")
    assert write_refusal(contest, who.user_id, until + timedelta(days=9_000)).code == "muted"
    comments.mute_lift(actor=boss, contest_id=view.id, user_id=who.user_id)
    comments.mute_lift(actor=boss, contest_id=view.id, user_id=who.user_id)
    say(who, view)
    assert AuditEntry.objects.filter(action="comment.mute").count() == 2
    assert AuditEntry.objects.filter(action="comment.unmute").count() == 1


def test_a_mute_that_makes_no_sense(view):
    who, boss = person(view), moderator()
    now = datetime.now(tz=UTC)
    for until in (now, now - timedelta(days=1), now + timedelta(days=400)):
        with pytest.raises(Invalid):
            until_read(until, now)
    with pytest.raises(NotFound):
        comments.mute_set(actor=boss, contest_id=view.id, user_id=user().pk, until=None, reason="x")
    with pytest.raises(Conflict):
        comments.mute_set(actor=boss, contest_id=view.id, user_id=boss.user_id, until=None, reason="x")
    with pytest.raises(Invalid):
        comments.mute_set(actor=boss, contest_id=view.id, user_id=who.user_id, until=None, reason="")


def test_what_is_kept_leaves_the_queue_until_somebody_else_reports_it(view):
    made, boss = say(person(view), view), moderator()
    comments.comment_report(actor=actor_of(user()), contest_id=view.id, comment_id=made.id)
    comments.comment_keep(actor=boss, comment_id=made.id)
    assert not reported_query().exists()
    comments.comment_report(actor=actor_of(user()), contest_id=view.id, comment_id=made.id)
    assert [row.pk for row in reported_query()] == [made.id]


class TestPages:
    def test_writing_with_htmx_and_without(self, view):
        who = person(view)
        client = web(who)
        url = f"/contests/{view.slug}/chat"
        answer = client.post(url, {"body": "one"}, headers={"HX-Request": "true"})
        assert (answer.status_code, answer["HX-Trigger"]) == (200, "comments-changed")
        assert 'value="one"' not in answer.content.decode()
        bad = client.post(url, {"body": "x" * 501}, headers={"HX-Request": "true"})
        assert bad.status_code == 400
        assert "at most 500 characters" in bad.content.decode()
        assert client.post(url, {"body": "two"})["Location"] == url
        assert bodies(view) == ["two", "one"]
        assert Client().post(url, {"body": "three"})["Location"].startswith("/sign-in")

    def test_links_and_markup_stay_text(self, view):
        who = person(view)
        say(who, view, "<b>https://example.com</b>")
        page = Client().get(f"/contests/{view.slug}/chat").content.decode()
        assert "&lt;b&gt;https://example.com&lt;/b&gt;" in page
        assert 'href="https://example.com' not in page

    def test_acts_on_messages(self, view):
        author, other = person(view), person(view)
        mine, theirs = say(author, view, "mine"), say(other, view, "theirs")
        client = web(author)
        url = f"/contests/{view.slug}/chat"
        part = client.get(url, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        assert f"{url}/{mine.id}/remove" in part
        assert f"{url}/{theirs.id}/remove" not in part
        assert "Moderate" not in part
        answer = client.post(f"{url}/{theirs.id}/report", {"reason": "rude"}, headers={"HX-Request": "true"})
        assert "A moderator will look at it." in answer.content.decode()
        assert client.post(f"{url}/{theirs.id}/remove").status_code == 404
        assert client.post(f"{url}/{mine.id}/remove")["Location"] == url
        assert bodies(view) == ["theirs"]

    def test_a_private_contest_shows_its_chat_to_its_own(self):
        hidden = make.contest(visibility="private", invite_code="secret")
        who = person(hidden)
        say(who, hidden, "between us")
        url = f"/contests/{hidden.slug}/chat"
        assert Client().get(url).status_code == 404
        assert web(actor_of(user())).get(url).status_code == 404
        assert Client().get(f"{url}?code=wrong").status_code == 404
        assert "between us" in web(who).get(url).content.decode()
        assert "between us" in Client().get(f"{url}?code=secret").content.decode()
        assert api().get(f"/api/v1/contests/{hidden.slug}/comments").status_code == 404

    def test_the_moderators_page(self, view, django_assert_max_num_queries):
        boss = moderator()
        for number in range(6):
            made = say(person(view), view, f"bad {number}")
            for _ in range(number % 2 + 1):
                comments.comment_report(
                    actor=actor_of(user()), contest_id=view.id, comment_id=made.id, reason=f"because {number}"
                )
        client = web(boss)
        assert client.get("/moderation/comments").status_code == 200
        with django_assert_max_num_queries(10):
            page = client.get("/moderation/comments").content.decode()
        assert page.count("data-comment=") == 6
        assert page.index("bad 5") < page.index("bad 4")
        assert "because 3" in page
        client.post(f"/moderation/comments/{made.id}/hide", {"reason": "rude"})
        client.post(f"/moderation/comments/{made.id}/mute", {"reason": "cool down", "hours": "24"})
        assert Mute.objects.get().until > datetime.now(tz=UTC) + timedelta(hours=23)
        assert "bad 5" not in client.get("/moderation/comments").content.decode()
        hidden = client.get("/moderation/comments?state=hidden").content.decode()
        assert "bad 5" in hidden
        assert "cool down" in hidden
        client.post(f"/moderation/contests/{view.slug}/unmute/{Comment.objects.get(pk=made.id).author_id}")
        assert not Mute.objects.exists()
        answer = client.post(f"/moderation/comments/{made.id}/unhide", {"reason": "x", "next": "//evil.example"})
        assert answer["Location"] == "/moderation/comments"
        assert client.post(f"/moderation/comments/{made.id}/mute", {"reason": "x", "hours": "7"}).status_code == 302
        assert not Mute.objects.exists()
        assert client.post(f"/moderation/comments/{made.id}/nothing").status_code == 404

    def test_the_chat_costs_the_same_however_long_it_is(self, view, django_assert_max_num_queries):
        people = [person(view) for _ in range(8)]
        for who in people:
            say(who, view)
        client = Client()
        with django_assert_max_num_queries(4):
            page = client.get(f"/contests/{view.slug}/chat", headers={"HX-Request": "true"})
        assert page.content.decode().count("data-comment=") == 8


class TestApi:
    def test_the_whole_way(self, view):
        who, boss = person(view), moderator()
        url = f"/api/v1/contests/{view.slug}/comments"
        made = api(who).post(url, {"body": "hello"}, format="json")
        assert (made.status_code, made.data["body"]) == (201, "hello")
        assert api().post(url, {"body": "x"}, format="json").status_code == 401
        outside = api(actor_of(user())).post(url, {"body": "x"}, format="json")
        assert (outside.status_code, outside.data["code"]) == (403, "not_in_contest")
        assert api(who).post(url, {"body": ""}, format="json").status_code == 400
        assert api(who).post(url, {"body": "x" * 501}, format="json").data["code"] == "invalid_comment"
        reporter = api(actor_of(user()))
        assert reporter.post(f"{url}/{made.data['id']}/report", {"reason": "rude"}, format="json").status_code == 204
        assert reporter.delete(f"{url}/{made.data['id']}").status_code == 404
        queue = api(boss).get("/api/v1/moderation/comments").data["results"]
        assert [(row["id"], row["reports"], row["reasons"]) for row in queue] == [(made.data["id"], 1, ["rude"])]
        act = f"/api/v1/moderation/comments/{made.data['id']}"
        assert api(boss).post(f"{act}/hide", {}, format="json").data["code"] == "invalid_comment"
        assert api(boss).post(f"{act}/hide", {"reason": "x"}, format="json").status_code == 204
        assert api(boss).post(f"{act}/unhide", {"reason": "x"}, format="json").status_code == 204
        assert api(boss).post(f"{act}/keep", {}, format="json").status_code == 204
        mute = f"/api/v1/contests/{view.slug}/mutes/{who.user_id}"
        assert api(boss).put(mute, {"until": None, "reason": "x"}, format="json").status_code == 204
        listed = api(boss).get(f"/api/v1/contests/{view.slug}/mutes").data["results"]
        assert [row["user_id"] for row in listed] == [who.user_id]
        assert api(who).post(url, {"body": "x"}, format="json").data["code"] == "muted"
        assert api(boss).delete(mute).status_code == 204
        assert api(who).delete(f"{url}/{made.data['id']}").status_code == 204
        assert api().get(url).data == {"results": [], "next": None}

    @pytest.mark.parametrize("query", ["before=0", "before=x", f"before={2**63}", "pageSize=101", "pageSize=0"])
    def test_bad_pages(self, view, query):
        assert api().get(f"/api/v1/contests/{view.slug}/comments?{query}").status_code == 400


def test_who_leaves_takes_their_words_along(view):
    who, boss = person(view), moderator()
    shown, hidden = say(who, view, "canary one"), say(who, view, "canary two")
    comments.comment_hide(actor=boss, comment_id=hidden.id, reason="rude canary")
    comments.mute_set(actor=boss, contest_id=view.id, user_id=who.user_id, until=None, reason="x")
    rows = {table.name: list(table.rows(who.user_id)) for table in DATA.tables}
    assert {row["body"] for row in rows["comments"]} == {"canary one", "canary two"}
    assert len(rows["mutes"]) == 1
    DATA.erase(who.user_id)
    assert bodies(view) == []
    assert "canary" not in json.dumps(list(Comment.objects.values("body", "hidden_reason")))
    for row in (shown, hidden):
        with pytest.raises(Conflict):
            comments.comment_unhide(actor=boss, comment_id=row.id, reason="x")
    assert not Mute.objects.exists()
