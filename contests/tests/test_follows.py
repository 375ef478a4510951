"""Following: whom one may follow, how many, and who is told of."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Profile, User
from contests.models import Follow
from contests.personal_data import DATA
from contests.selectors.follows import (
    MOST_FOLLOWED,
    followed_accounts,
    followed_ids,
    followers_count,
    followers_counts,
    following_query,
    following_view,
)
from contests.services.follows import follow, unfollow
from contests.tests import factories as make
from core.errors import Conflict, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from trading.tests.factories import actor as actor_of
from trading.tests.factories import user

pytestmark = pytest.mark.django_db


def web(who: User) -> Client:
    client = Client()
    client.force_login(who, backend="accounts.backends.EmailBackend")
    return client


def test_following_and_no_longer():
    mine, other = user(), user(handle="other_one")
    for _ in range(2):
        follow(actor=actor_of(mine), user_id=other.pk)
    assert followed_ids(mine.pk) == {other.pk}
    assert (followers_count(other.pk), followers_count(mine.pk)) == (1, 0)
    assert followers_counts([mine.pk, other.pk]) == {mine.pk: 0, other.pk: 1}
    assert [row.handle for row in map(following_view, following_query(mine.pk))] == ["other_one"]
    for _ in range(2):
        unfollow(actor=actor_of(mine), user_id=other.pk)
    assert followed_ids(mine.pk) == frozenset()
    assert AuditEntry.objects.filter(action__startswith="trader.").count() == 2
    assert OutboxEvent.objects.filter(topic="contests.trader_followed").count() == 1


def test_whom_one_may_follow():
    mine = user()
    agent = user(kind="agent")
    follow(actor=actor_of(mine), user_id=agent.pk)
    hidden = user()
    Profile.objects.filter(pk=hidden.pk).update(is_public=False)
    for user_id in (hidden.pk, user(status="suspended").pk, user(is_active=False).pk, 2**62):
        with pytest.raises(NotFound):
            follow(actor=actor_of(mine), user_id=user_id)
    with pytest.raises(Invalid):
        follow(actor=actor_of(mine), user_id=mine.pk)
    assert followed_ids(mine.pk) == {agent.pk}


def test_who_is_not_public_any_more_is_not_told_of_and_can_be_let_go():
    mine, other = user(), user(display_name="Was Public", handle="was_public")
    follow(actor=actor_of(mine), user_id=other.pk)
    Profile.objects.filter(pk=other.pk).update(is_public=False)
    assert followed_ids(mine.pk) == frozenset()
    page = web(mine).get("/following").content.decode()
    assert "Was Public" not in page
    assert "Not public now" in page
    web(mine).post(f"/traders/{other.pk}/follow", {"act": "unfollow"})
    assert not Follow.objects.exists()


def test_at_most_five_hundred():
    mine = user()
    made = User.objects.bulk_create(
        User(email=f"many{number}@example.com", display_name="Many", kind="agent") for number in range(MOST_FOLLOWED)
    )
    Follow.objects.bulk_create(Follow(follower=mine, followed=row) for row in made)
    with pytest.raises(Conflict) as refused:
        follow(actor=actor_of(mine), user_id=user().pk)
    assert refused.value.code == "too_many_followed"
    follow(actor=actor_of(mine), user_id=made[0].pk)
    assert len(followed_ids(mine.pk)) == MOST_FOLLOWED


def test_the_accounts_of_friends_in_a_contest():
    view = make.contest()
    (first, who), (second, other), _ = make.joined(view), make.joined(view), make.joined(view)
    mine = user()
    for friend in (who, other):
        follow(actor=actor_of(mine), user_id=friend.user_id)
    assert followed_accounts(view.id, mine.pk) == sorted([first, second])
    assert followed_accounts(make.contest().id, mine.pk) == []


def test_the_button():
    mine, other = user(), user()
    url = f"/traders/{other.pk}/follow"
    visitor = Client().get(url).content.decode()
    assert "Sign in to follow" in visitor
    assert "0 followers" in visitor
    client = web(mine)
    followed = client.post(url, {"act": "follow"}, headers={"HX-Request": "true"}).content.decode()
    assert "Unfollow" in followed
    assert "1 follower<" in followed
    assert client.post(url, {"act": "unfollow", "next": "//evil.example"})["Location"] == "/following"
    assert Client().post(url)["Location"].startswith("/sign-in")
    assert "<form" not in web(other).get(url).content.decode()
    assert client.get("/traders/999999999/follow").status_code == 404


def test_the_page_costs_the_same_however_many(django_assert_max_num_queries):
    mine = user()
    client = web(mine)
    assert "You follow nobody yet" in client.get("/following").content.decode()
    for _ in range(8):
        follow(actor=actor_of(mine), user_id=user().pk)
    with django_assert_max_num_queries(9):
        page = client.get("/following")
    assert page.content.decode().count("Unfollow<") == 8
    assert Client().get("/following").status_code == 302


def test_the_api():
    mine, other = user(), user()
    client = APIClient()
    assert client.get("/api/v1/following").status_code == 401
    assert client.put(f"/api/v1/following/{other.pk}").status_code == 401
    client.force_authenticate(mine)
    assert client.put(f"/api/v1/following/{other.pk}").data == {
        "user_id": other.pk, "is_followed": True, "followers": 1,
    }  # fmt: skip
    assert [row["user_id"] for row in client.get("/api/v1/following").data["results"]] == [other.pk]
    assert client.put(f"/api/v1/following/{mine.pk}").data["code"] == "not_yourself"
    assert client.put("/api/v1/following/999999999").data["code"] == "trader_not_found"
    assert client.delete(f"/api/v1/following/{other.pk}").data["is_followed"] is False


def test_who_leaves_follows_nobody_and_is_followed_by_nobody():
    mine, other, third = user(), user(), user()
    for follower, followed in ((mine, other), (other, mine), (third, other)):
        follow(actor=actor_of(follower), user_id=followed.pk)
    DATA.erase(mine.pk)
    assert list(Follow.objects.values_list("follower_id", "followed_id")) == [(third.pk, other.pk)]
