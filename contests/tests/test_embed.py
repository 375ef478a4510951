"""The leaderboard for other sites: any page may frame it, it sets no cookies, and it shows public contests only."""

import pytest
from django.test import Client

from contests.services.closing import contest_end
from contests.tests import factories as make
from contests.web.social import share_context
from marketdata.tests.factories import advance
from trading.tests.factories import place, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def view():
    made = make.contest(name="Spring <sprint>")
    advance(made.market_id)
    for number in range(12):
        account, who = make.joined(made, display_name=f"Trader {number}")
        if number < 11:
            place(who, account, "buy", 10 + number)
    advance(made.market_id)
    return made


def directives(answer):
    return dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))


def test_any_site_may_frame_this_page_and_no_other(view):
    answer = Client().get(f"/embed/contests/{view.slug}")
    assert answer.status_code == 200
    policy = directives(answer)
    assert policy["frame-ancestors"] == "*"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "X-Frame-Options" not in answer
    for url in (f"/contests/{view.slug}", "/embed/contests/nowhere"):
        other = Client().get(url)
        assert directives(other)["frame-ancestors"] == "'none'"
        assert other["X-Frame-Options"] == "DENY"


def test_it_sets_no_cookies_and_is_the_same_for_everyone(view):
    url = f"/embed/contests/{view.slug}"
    visitor = Client().get(url)
    assert not visitor.cookies
    assert "Set-Cookie" not in visitor
    assert visitor["Cache-Control"] == "public, max-age=15"
    client = Client()
    client.force_login(user(), backend="accounts.backends.EmailBackend")
    mine = client.get(url)
    assert mine.content == visitor.content
    assert "csrf" not in mine.content.decode().lower()


def test_the_first_ten_with_what_the_prices_are(view):
    page = Client().get(f"/embed/contests/{view.slug}").content.decode()
    assert page.count("<tr>") == 11
    assert page.count("who-name") == 10
    # Who has not traded has no rank, and comes after the eleven who have one.
    assert "Trader 11" not in page
    assert "12 in it" in page
    assert "Replayed prices" in page
    assert "Spring &lt;sprint&gt;" in page


def test_it_refreshes_itself_until_the_end(view):
    url = f"/embed/contests/{view.slug}"
    page = Client().get(f"{url}?theme=light").content.decode()
    assert f'hx-get="{url}?theme=light" hx-trigger="every 30s"' in page
    assert '<meta http-equiv="refresh" content="30">' in page
    contest_end(contest_id=view.id)
    ended = Client().get(url).content.decode()
    assert "hx-get" not in ended
    assert "Final standings" in ended


@pytest.mark.parametrize(
    ("query", "theme"),
    [("", "dark"), ("?theme=light", "light"), ("?theme=dark", "dark"), ('?theme="><script>', "dark")],
    ids=["none", "light", "dark", "nonsense"],
)
def test_light_and_dark(view, query, theme):
    page = Client().get(f"/embed/contests/{view.slug}{query}").content.decode()
    assert f'<html lang="en" data-theme="{theme}">' in page
    assert "<script>" not in page


def test_public_contests_only():
    hidden = make.contest(visibility="private", invite_code="secret")
    draft = make.contest(schedule=False, started=False)
    client = Client()
    client.force_login(user(role="moderator"), backend="accounts.backends.EmailBackend")
    for contest in (hidden, draft):
        for url in (f"/embed/contests/{contest.slug}", f"/embed/contests/{contest.slug}?code=secret"):
            assert client.get(url).status_code == 404
        assert not share_context(contest)["is_shared"]


def test_it_costs_the_same_however_many_there_are(view, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        Client().get(f"/embed/contests/{view.slug}")


def test_an_empty_contest_says_so():
    page = Client().get(f"/embed/contests/{make.contest().slug}").content.decode()
    assert "Nobody has joined yet." in page
