"""Telling people things, the bell, and what of it they want."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.domain.catalogue import CATALOGUE, CHANNELS, EMAIL, IN_APP, PUSH, words_of
from accounts.domain.telling import Recipient, ways
from accounts.models import (
    Notification,
    NotificationDelivery,
    NotificationPreference,
    NotificationSettings,
    Profile,
    PushSubscription,
    User,
)
from accounts.selectors.notices import unread_count
from accounts.services.notice_choices import unsubscribe_token, wishes_save
from accounts.services.notices import Notice, notices_read, notify_in_tx, notify_many_in_tx
from accounts.tests.factories import UserFactory
from core.errors import Invalid
from core.push import channels_check
from core.redis import client as redis
from core.tests.threads import race

pytestmark = pytest.mark.django_db
NIGHT = datetime(2024, 6, 4, 3, tzinfo=UTC)  # 23:00 of Monday in New York


def tell(user: User, kind: str = "contest_started", dedupe: str = "one", **params: object) -> int | None:
    return notify_in_tx(user_id=user.pk, kind=kind, dedupe=dedupe, params={"contest": "Spring", **params}, url="/x")


def deliveries(user: User) -> dict[str, str]:
    rows = NotificationDelivery.objects.filter(notification__user=user)
    return dict(rows.values_list("channel", "status"))


def pushed(user: User) -> list[tuple[str, dict]]:
    rows = redis().xrange(f"sse:person:{user.pk}")
    return [(fields["e"], json.loads(fields["d"])) for _, fields in rows]


# ---- Telling


def test_a_cause_is_told_once_by_the_ways_of_the_catalogue():
    user = UserFactory()
    first = tell(user)
    assert first is not None
    assert tell(user) is None
    row = Notification.objects.get(user=user)
    assert (row.pk, row.title, row.in_app, row.url) == (first, "Spring has started", True, "/x")
    assert deliveries(user) == {EMAIL: "pending"}


@pytest.mark.django_db(transaction=True)
def test_a_cause_that_several_processes_tell_at_once_is_told_once():
    user = UserFactory()

    def act(_: int) -> int | None:
        with transaction.atomic():
            return tell(user)

    results = race(6, act)
    assert sorted(result is not None for result in results) == [False] * 5 + [True]
    assert NotificationDelivery.objects.count() == 1


def test_every_kind_has_words_that_fit():
    names = (
        "contest result reason rank before prize what account details message percent limit verdict amount status "
        "device place method changes until number"
    )
    params = dict.fromkeys(names.split(), "x" * 300)
    for key in CATALOGUE:
        title, body = words_of(key, params)
        assert 0 < len(title) <= 120
        assert len(body) <= 500


def test_params_bring_no_lines_and_no_hidden_characters():
    title, _ = words_of("contest_started", {"contest": "A\r\nBcc: x\u202e\u0000\tB"})
    assert title == "A Bcc: x B has started"


def test_braces_in_params_are_not_read_as_fields():
    title, _ = words_of("contest_started", {"contest": "{reason.__class__}"})
    assert title == "{reason.__class__} has started"


def test_a_notification_leads_to_this_site_only():
    user = UserFactory()
    for url in ("//evil.example", "https://evil.example", "javascript:alert(1)"):
        with pytest.raises(ValueError, match="path on this site"):
            notify_in_tx(user_id=user.pk, kind="test", dedupe=url, url=url)


def test_who_is_told_nothing_and_who_less():
    gone = UserFactory(is_active=False)
    erased = UserFactory(anonymised_at=datetime.now(tz=UTC))
    agent = UserFactory(kind="agent")
    suspended = UserFactory(status="suspended")
    for user in (gone, erased):
        assert tell(user) is None
    assert notify_in_tx(user_id=10**9, kind="test", dedupe="x") is None
    tell(agent)
    tell(suspended)
    assert deliveries(agent) == deliveries(suspended) == {}
    assert unread_count(agent.pk) == unread_count(suspended.pk) == 1
    notify_in_tx(
        user_id=suspended.pk, kind="account_suspended", dedupe="s", params={"what": "You are out", "reason": "x"}
    )
    assert deliveries(suspended) == {EMAIL: "pending"}


def test_choices_decide_but_not_over_what_is_mandatory():
    user = UserFactory()
    wishes_save(
        user_id=user.pk,
        choices={("contest_started", IN_APP): False, ("contest_started", EMAIL): False, ("rank_changed", EMAIL): True},
    )
    assert tell(user) is None
    assert not Notification.objects.exists()
    tell(user, "rank_changed", rank=3, before=30)
    assert deliveries(user) == {EMAIL: "pending"}
    # Rows that say otherwise, however they came there, do not silence a warning.
    NotificationPreference.objects.create(user=user, kind="security_changed", channel=EMAIL, is_on=False)
    tell(user, "security_changed", "two", what="Your password was changed")
    assert NotificationDelivery.objects.filter(notification__kind="security_changed", channel=EMAIL).exists()


def test_the_bell_can_be_off_while_mail_goes_out():
    user = UserFactory()
    wishes_save(user_id=user.pk, choices={("contest_started", IN_APP): False})
    with transaction.atomic():
        tell(user)
    assert (unread_count(user.pk), deliveries(user)) == (0, {EMAIL: "pending"})
    assert pushed(user) == []


def test_push_goes_out_only_to_who_has_a_browser_for_it():
    user = UserFactory()
    tell(user, "margin_call", account="A", message="m")
    assert PUSH not in deliveries(user)
    PushSubscription.objects.create(user=user, endpoint="https://fcm.googleapis.com/x", p256dh="k", auth="a")
    tell(user, "margin_call", "two", account="A", message="m")
    assert deliveries(user)[PUSH] == "pending"


@pytest.mark.parametrize(
    ("kind", "digest", "channel", "expected"),
    [
        ("contest_started", "off", EMAIL, ("2024-06-04T11:00", False)),  # waits for seven in New York
        ("contest_started", "daily", EMAIL, ("2024-06-04T12:00", True)),  # goes with the summary at eight
        ("contest_started", "weekly", EMAIL, ("2024-06-10T12:00", True)),
        ("margin_call", "daily", EMAIL, None),  # urgent
        ("margin_call", "daily", PUSH, None),
        ("consent_due", "daily", EMAIL, ("2024-06-04T11:00", False)),  # mandatory: no summary, but the night is kept
    ],
)
def test_quiet_hours_and_digests(kind, digest, channel, expected):
    who = Recipient(
        1, has_push=True, time_zone="America/New_York", quiet_from=time(22), quiet_until=time(7), digest=digest
    )
    _, out = ways(CATALOGUE[kind], who, {}, NIGHT)
    (way,) = [way for way in out if way.channel == channel]
    if expected is None:
        assert way.not_before is None
    else:
        assert way.not_before == datetime.fromisoformat(expected[0]).replace(tzinfo=UTC)
    assert way.is_digest is bool(expected and expected[1])


def test_a_digest_at_eight_waits_for_hours_that_are_quiet_until_nine():
    who = Recipient(1, time_zone="America/New_York", quiet_from=time(22), quiet_until=time(9), digest="daily")
    _, (way,) = ways(CATALOGUE["contest_started"], who, {}, NIGHT)
    assert way.not_before == datetime(2024, 6, 4, 13, tzinfo=UTC)


def test_what_is_held_is_stored_so():
    user = UserFactory()
    Profile.objects.filter(user=user).update(time_zone="UTC")
    now = datetime.now(tz=UTC)
    NotificationSettings.objects.create(
        user=user, quiet_from=(now - timedelta(hours=1)).time(), quiet_until=(now + timedelta(hours=2)).time()
    )
    tell(user)
    row = NotificationDelivery.objects.get()
    assert row.status == "held"
    assert timedelta(hours=1) < row.next_at - now <= timedelta(hours=2, seconds=5)


def test_a_crowd_is_told_in_four_statements_a_thousand(django_assert_num_queries):
    made = User.objects.bulk_create(
        User(email=f"crowd{number}@example.com", display_name=f"C{number}", password="!") for number in range(2_500)
    )
    notices = [Notice(user.pk, "contest_started", "crowd", {"contest": "Spring"}, "/x") for user in made]
    with django_assert_num_queries(4 * 3):
        told = notify_many_in_tx(iter(notices))
    assert len(told) == 2_500
    assert NotificationDelivery.objects.count() == 2_500
    assert notify_many_in_tx(notices) == []


def test_one_list_may_name_a_cause_twice():
    user = UserFactory()
    notices = [Notice(user.pk, "contest_started", "same", {"contest": name}) for name in "AB"]
    assert len(notify_many_in_tx(notices)) == 1
    assert Notification.objects.get().title == "A has started"


# ---- The bell


@pytest.mark.django_db(transaction=True)
def test_the_bell_hears_of_what_is_new_and_of_what_was_read_elsewhere():
    user = UserFactory()
    with transaction.atomic():
        tell(user)
    notices_read(user_id=user.pk)
    (new, told), (read, left) = pushed(user)
    assert (new, told["title"], told["url"]) == ("notice", "Spring has started", "/x")
    assert (read, left) == ("read", {"unread": 0})


def test_only_the_person_listens_to_their_bell():
    from core.errors import Forbidden

    mine, other = UserFactory(), UserFactory(is_staff=True, is_superuser=True)
    channels_check(mine, [f"person:{mine.pk}"])
    with pytest.raises(Forbidden):
        channels_check(other, [f"person:{mine.pk}"])


def test_reading_is_ones_own_and_bounded():
    mine, other = UserFactory(), UserFactory()
    first, second = tell(mine), tell(mine, dedupe="two")
    theirs = tell(other)
    assert notices_read(user_id=mine.pk, ids=[first, theirs]) == 1
    assert Notification.objects.get(pk=theirs).read_at is None
    assert Notification.objects.get(pk=second).read_at is None
    with pytest.raises(Invalid):
        notices_read(user_id=mine.pk, ids=list(range(201)))


def test_the_bell_counts_to_a_hundred():
    user = UserFactory()
    notify_many_in_tx([Notice(user.pk, "contest_started", str(n), {"contest": "S"}) for n in range(140)])
    assert unread_count(user.pk) == 100
    page = _signed_in(user).get(reverse("contest-list")).content.decode()
    assert "99+" in page
    assert "more than 99 unread" in page


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_panel_shows_the_latest_and_leads_on(django_assert_max_num_queries):
    user = UserFactory()
    notify_many_in_tx([Notice(user.pk, "contest_started", str(n), {"contest": f"<b>{n}"}, "/x") for n in range(12)])
    client = _signed_in(user)
    client.get(reverse("notifications-panel"))
    with django_assert_max_num_queries(6):
        page = client.get(reverse("notifications-panel")).content.decode()
    assert page.count('class="bell-row is-unread"') == 8
    assert "&lt;b&gt;11 has started" in page
    assert "<b>11" not in page
    page = client.post(reverse("notifications-read"), HTTP_HX_REQUEST="true").content.decode()
    assert "is-unread" not in page
    assert client.get(reverse("notifications-count")).json() == {"unread": 0}


def test_opening_one_marks_it_and_leads_there_and_only_the_owner_can():
    mine, other = UserFactory(), UserFactory()
    notice = tell(mine)
    assert _signed_in(other).get(reverse("notification", args=[notice])).status_code == 404
    assert Notification.objects.get().read_at is None
    answer = _signed_in(mine).get(reverse("notification", args=[notice]))
    assert (answer.status_code, answer.url) == (302, "/x")
    assert Notification.objects.get().read_at is not None
    assert _signed_in(mine).get(f"/notifications/{2**64}").status_code == 404


def test_the_list_filters_and_pages_without_a_query_a_row(django_assert_max_num_queries):
    user = UserFactory()
    notify_many_in_tx([Notice(user.pk, "contest_started", str(n), {"contest": f"No{n}."}) for n in range(60)])
    tell(user, "security_changed", "s", what="Your password was changed")
    client = _signed_in(user)
    client.get(reverse("notifications"))
    with django_assert_max_num_queries(12):
        page = client.get(reverse("notifications")).content.decode()
    assert page.count('class="notice-row is-unread"') == 25
    page = client.get(reverse("notifications"), {"group": "Security"}).content.decode()
    assert page.count('class="notice-row is-unread"') == 1
    assert "You have read everything" not in page
    notices_read(user_id=user.pk)
    assert "You have read everything" in client.get(reverse("notifications"), {"unread": "1"}).content.decode()
    assert client.get(reverse("notifications"), {"group": "<script>", "page": "999"}).status_code == 200


def test_after_marking_one_is_led_back_but_not_off_the_site():
    user = UserFactory()
    client = _signed_in(user)
    notice = tell(user)
    answer = client.post(reverse("notifications-read"), {"id": notice, "next": "/notifications?unread=1"})
    assert answer.url == "/notifications?unread=1"
    assert client.post(reverse("notifications-read"), {"next": "https://evil.example/"}).url == "/notifications"
    assert client.post(reverse("notifications-read"), {"id": "1;drop"}).status_code == 404


# ---- Wishes


def test_the_page_shows_what_is_on_and_keeps_what_differs(django_assert_max_num_queries):
    user = UserFactory()
    client = _signed_in(user)
    client.get(reverse("settings-notifications"))
    with django_assert_max_num_queries(12):
        page = client.get(reverse("settings-notifications")).content.decode()
    assert 'name="contest_started.email" aria-label="A contest of yours starts: mail" checked' in page
    assert 'name="security_changed.email"' not in page
    ticked = [f"{kind.key}.{channel}" for kind in CATALOGUE.values() for channel in kind.defaults]
    ticked.remove("contest_started.email")
    data = dict.fromkeys([*ticked, "rank_changed.push"], "on") | {
        "quiet_from": "22:00",
        "quiet_until": "07:30",
        "digest": "weekly",
        "rank_step": "25",
    }
    answer = client.post(reverse("settings-notifications"), data)
    assert answer.status_code == 302
    rows = set(NotificationPreference.objects.values_list("kind", "channel", "is_on"))
    assert rows == {("contest_started", "email", False), ("rank_changed", "push", True)}
    row = NotificationSettings.objects.get(user=user)
    assert (row.quiet_from, row.quiet_until, row.digest, row.rank_step) == (time(22), time(7, 30), "weekly", 25)
    # Back to the default: no row is left over.
    client.post(reverse("settings-notifications"), {**data, "contest_started.email": "on"})
    assert not NotificationPreference.objects.filter(kind="contest_started").exists()


def test_a_refused_form_says_why_and_forgets_nothing_that_was_ticked():
    client = _signed_in(UserFactory())
    data = {"quiet_from": "22:00", "quiet_until": "", "digest": "off", "rank_step": "0", "rank_changed.email": "on"}
    answer = client.post(reverse("settings-notifications"), data)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'name="rank_changed.email" aria-label="Your rank moves: mail" checked' in page
    assert 'name="contest_started.email" aria-label="A contest of yours starts: mail">' in page
    answer = client.post(reverse("settings-notifications"), {**data, "rank_step": "5"})
    assert "Give both ends of the quiet hours" in answer.content.decode()
    assert not NotificationSettings.objects.exists()


@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ({("no_such", EMAIL): True}, "choice_unknown"),
        ({("contest_started", "pigeon"): True}, "choice_unknown"),
        ({("test", EMAIL): False}, "choice_unknown"),
        ({("security_changed", EMAIL): False}, "choice_fixed"),
    ],
)
def test_choices_that_there_are_not(choices, code):
    with pytest.raises(Invalid) as refused:
        wishes_save(user_id=UserFactory().pk, choices=choices)
    assert refused.value.code == code


def test_a_test_goes_by_every_way_and_not_without_end():
    user = UserFactory()
    client = _signed_in(user)
    for _ in range(7):
        client.post(reverse("settings-notifications-test"))
    assert Notification.objects.filter(user=user, kind="test").count() == 5


# ---- Unsubscribing


def test_following_the_link_ends_nothing_and_the_button_does():
    user = UserFactory()
    address = reverse("unsubscribe", args=[unsubscribe_token(user_id=user.pk, kind="contest_started")])
    client = Client(enforce_csrf_checks=True)
    page = client.get(address).content.decode()
    assert "A contest of yours starts" in page
    assert not NotificationPreference.objects.exists()
    # As a mail program does it: no cookie, no page before.
    assert client.post(address, {"List-Unsubscribe": "One-Click"}).status_code == 200
    client.post(address)
    row = NotificationPreference.objects.get()
    assert (row.user_id, row.kind, row.channel, row.is_on) == (user.pk, "contest_started", EMAIL, False)


def test_the_link_of_a_digest_ends_all_that_can_be_ended():
    user = UserFactory()
    NotificationSettings.objects.create(user=user, digest="daily")
    Client().post(reverse("unsubscribe", args=[unsubscribe_token(user_id=user.pk, kind="*")]))
    tell(user)
    assert deliveries(user) == {}
    tell(user, "security_changed", "two", what="Your password was changed")
    assert deliveries(user) == {EMAIL: "pending"}
    assert NotificationSettings.objects.get(user=user).digest == "off"


def test_a_link_that_was_changed_ends_nothing():
    user = UserFactory()
    token = unsubscribe_token(user_id=user.pk, kind="contest_started")
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), "x", unsubscribe_token(user_id=1, kind="nope")):
        assert Client().post(reverse("unsubscribe", args=[wrong])).status_code == 404
    fixed = unsubscribe_token(user_id=user.pk, kind="security_changed")
    assert Client().post(reverse("unsubscribe", args=[fixed])).status_code == 404
    assert not NotificationPreference.objects.exists()


# ---- API


@pytest.fixture
def api():
    client = APIClient()
    client.user = UserFactory()
    client.force_authenticate(client.user)
    return client


def test_the_api_lists_by_cursor_and_counts_what_is_left(api):
    other = UserFactory()
    tell(other)
    notify_many_in_tx([Notice(api.user.pk, "contest_started", str(n), {"contest": f"C{n}"}) for n in range(5)])
    page = api.get("/api/v1/me/notifications", {"pageSize": 2}).json()
    assert [row["title"] for row in page["results"]] == ["C4 has started", "C3 has started"]
    assert page["results"][0]["group"] == "Contests"
    rest = api.get(page["next"]).json()
    assert rest["results"][0]["title"] == "C2 has started"
    ids = [row["id"] for row in page["results"]]
    assert api.post("/api/v1/me/notifications/read", {"ids": ids}, format="json").json() == {"unread": 3}
    unread = api.get("/api/v1/me/notifications", {"unread": "true"}).json()["results"]
    assert len(unread) == 3
    assert api.post("/api/v1/me/notifications/read", {"all": True}, format="json").json() == {"unread": 0}
    assert Notification.objects.get(user=other).read_at is None


@pytest.mark.parametrize("body", [{}, {"all": False}, {"ids": [1], "all": True}, {"ids": [-1]}, {"ids": [2**63]},
                                  {"ids": list(range(1, 203))}, {"ids": "all"}])  # fmt: skip
def test_what_is_read_must_be_said_well(api, body):
    answer = api.post("/api/v1/me/notifications/read", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["code"]


def test_preferences_over_the_api(api):
    whole = api.get("/api/v1/me/notifications/preferences").json()
    assert {row["kind"] for row in whole["kinds"]} == {key for key, kind in CATALOGUE.items() if kind.is_listed}
    assert all([choice["channel"] for choice in row["channels"]] == list(CHANNELS) for row in whole["kinds"])
    body = {"choices": [{"kind": "contest_started", "channel": "email", "is_on": False}], "digest": "daily"}
    answer = api.put("/api/v1/me/notifications/preferences", body, format="json").json()
    assert answer["digest"] == "daily"
    kind = next(row for row in answer["kinds"] if row["kind"] == "contest_started")
    assert [choice["is_on"] for choice in kind["channels"]] == [True, False, False]
    # What is left out stays; quiet hours can be taken back.
    hours = {"quiet_from": "22:00", "quiet_until": "06:00"}
    assert api.put("/api/v1/me/notifications/preferences", hours, format="json").json()["digest"] == "daily"
    hours = {"quiet_from": None, "quiet_until": None}
    assert api.put("/api/v1/me/notifications/preferences", hours, format="json").json()["quiet_from"] is None
    fixed = {"choices": [{"kind": "security_changed", "channel": "email", "is_on": False}]}
    answer = api.put("/api/v1/me/notifications/preferences", fixed, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "choice_fixed")
