"""Operators look as a trader: what they see, that nothing is written, and everything that ends or refuses it."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from accounts.domain.impersonation import LOOKING, PAGES, PICTURES, Looking
from accounts.models import Notification, SignIn, User
from accounts.personal_data import TABLES
from accounts.services.impersonation import impersonation_begin
from accounts.services.roles import role_set, roles_sync
from accounts.services.suspension import user_suspend
from accounts.tests.factories import UserFactory
from contests.tests.factories import contest, joined
from core.errors import Forbidden, Invalid, NotFound
from core.models import AuditEntry
from core.redis import client as redis
from marketdata.models import Watchlist
from payments.services.plans import plans_sync
from trading.models import Order

pytestmark = pytest.mark.django_db
WHY = "They wrote that an order is missing."


@pytest.fixture
def operator() -> User:
    roles_sync()
    user = UserFactory(display_name="Mona Moderator")
    return role_set(actor=None, user_id=user.pk, role="moderator", reason="Test")


@pytest.fixture
def trader() -> User:
    return UserFactory(display_name="Tim Trader", handle="tim")


@pytest.fixture
def looking(client, operator, trader) -> Client:
    """A browser of the operator's in which the look has begun, in the administration."""
    client.force_login(operator)
    assert begin(client, trader).headers["Location"] == "/account"
    return client


def begin(client, user, reason=WHY, more=()):
    chosen = {"action": "look_as", "_selected_action": [user.pk, *more], "reason": reason}
    return client.post(reverse("admin:accounts_user_changelist"), chosen)


def actions():
    found = AuditEntry.objects.filter(action__startswith="impersonation").order_by("pk")
    return [(row.action.removeprefix("impersonation_"), row.after) for row in found]


def test_pages_are_the_traders_with_a_banner_and_the_way_back(looking, operator, trader):
    Watchlist.objects.create(owner=trader, name="Tim's own list")
    page = looking.get("/watchlists")
    text = page.content.decode()
    assert page.status_code == 200
    assert page.wsgi_request.user == trader
    assert "Tim&#x27;s own list" in text
    assert "Tim Trader (user" in text
    assert WHY in text
    assert "Stop looking" in text
    assert "data-bell" not in text
    assert "Administration" not in text
    assert "no-store" in page.headers["Cache-Control"]
    back = looking.post(reverse("looking-stop"))
    assert back.headers["Location"] == reverse("admin:accounts_user_change", args=[trader.pk])
    mine = looking.get("/watchlists")
    assert mine.wsgi_request.user == operator
    assert "Stop looking" not in mine.content.decode()


def test_every_page_that_is_allowed_opens_and_writes_nothing(looking, trader):
    view = contest()
    account_id, _ = joined(view)
    from trading.models import Account

    Account.objects.filter(pk=account_id).update(owner=trader)
    Notification.objects.create(user=trader, kind="verdict", title="Unread", params={}, dedupe="x")
    symbol = "AAA"
    paths = ["/", "/account", "/practice", "/risk", "/markets", f"/symbols/{symbol}", "/search?q=a", "/watchlists",
             "/contests", f"/contests/{view.slug}", f"/contests/{view.slug}/chat", f"/contests/{view.slug}/feed",
             "/arena", "/following", "/pricing", "/billing", "/payouts",
             f"/accounts/{account_id}", f"/accounts/{account_id}/analytics", f"/accounts/{account_id}/figures",
             f"/accounts/{account_id}/orders/open", f"/accounts/{account_id}/trades"]  # fmt: skip
    plans_sync()
    before = everything()
    for path in paths:
        answer = looking.get(path)
        assert answer.status_code == 200, (path, answer.content.decode()[-600:])
        assert looking.head(path).status_code in (200, 405)
    after = everything()
    assert {name for name in before if before[name] != after[name]} <= {"core_auditentry", "django_session"}
    assert Notification.objects.get().read_at is None


def everything():
    """How much has ever been written in each table, by this transaction too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables WHERE n_tup_ins >= 0"
        )
        return {row[0]: row[1:] for row in cursor.fetchall()}


SHUT = [
    *("/settings/profile", "/settings/security", "/settings/sessions", "/settings/keys", "/settings/notifications"),
    *("/settings/identity", "/settings/privacy", "/settings/privacy/exports/list", "/notifications"),
    *("/notifications/count", "/notifications/panel", "/onboarding", "/payouts/payee", "/payouts/statement.csv"),
    *("/payouts/statement.pdf", "/checkout/plan/x", "/admin/", "/admin/accounts/user/", "/moderation/fair-play"),
    *("/contests/new", "/sign-in", "/reauthenticate", "/mailbox", "/no-such-page", "/sign-out/looking"),
]


@pytest.mark.parametrize("path", SHUT)
def test_the_rest_of_the_site_is_shut(looking, path):
    page = looking.get(path)
    assert page.status_code == 403, path
    assert "This is not shown while you look" in page.content.decode()
    assert "Stop looking" in page.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/accounts", "/api/v1/me/keys", "/api/accounts", "/v1/accounts",
                                  "/stream-token?channels=market:1"])  # fmt: skip
def test_programs_get_a_code(looking, path):
    answer = looking.get(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "impersonation_read_only")


@pytest.mark.parametrize("path", ["/watchlists", "/practice", "/risk/kill", "/accounts/1/orders", "/billing/cancel",
                                  "/payouts", "/settings/keys/new", "/api/v1/orders", "/contests/x/join"])  # fmt: skip
def test_nothing_can_be_sent(looking, path):
    for method in ("post", "put", "patch", "delete", "options"):
        assert getattr(looking, method)(path).status_code == 403, (method, path)
    assert Order.objects.count() == 0
    line = looking.post(path, headers={"HX-Request": "true"})
    assert line.status_code == 403
    assert path.startswith("/api/") or line.content.decode().startswith("<p class=")


def test_a_page_that_would_write_is_refused_and_writes_nothing(looking, trader, monkeypatch):
    def writes(request, *_args, **_more):
        Watchlist.objects.create(owner=request.user, name="Not by them")

    # The package has a function of the same name.
    monkeypatch.setattr(import_module("marketdata.web.watchlists"), "render", writes)
    page = looking.get("/watchlists")
    assert page.status_code == 403
    assert "This is not shown while you look" in page.content.decode()
    assert Watchlist.objects.filter(owner=trader).count() == 0


def test_the_trail_has_who_whom_why_and_every_page_once_a_minute(looking, operator, trader):
    for path in ("/account", "/account?page=2", "/markets", "/settings/keys"):
        looking.get(path)
    redis().delete(*list(redis().scan_iter("looking:*")))
    looking.get("/account")
    looking.post(reverse("looking-stop"))
    assert [(name, after.get("path")) for name, after in actions()] == [
        ("begun", None), ("page", "/account"), ("page", "/markets"), ("page", "/account"), ("ended", None)]  # fmt: skip
    rows = AuditEntry.objects.filter(action__startswith="impersonation")
    assert {(row.actor_id, row.subject_type, row.subject_id, row.reason) for row in rows} == {
        (operator.pk, "user", str(trader.pk), WHY)
    }
    assert len({row.after["look"] for row in rows}) == 1
    assert AuditEntry.objects.filter(actor_id=trader.pk).count() == 0


def test_the_trader_finds_it_in_the_copy_of_their_data_without_the_operators_name(looking, operator, trader):
    looking.get("/account")
    table = next(table for table in TABLES if table.name == "audit_about_you")
    rows = [dict(row) for row in table.rows(trader.pk)]
    assert [row["action"] for row in rows] == ["impersonation_begun", "impersonation_page"]
    assert rows[1]["after"]["path"] == "/account"
    assert all(str(operator.display_name) not in str(row) and "actor_id" not in row for row in rows)


def test_no_sign_in_of_the_traders_comes_of_it(looking, operator, trader):
    looking.get("/account")
    assert not SignIn.objects.filter(user=trader).exists()
    assert SignIn.objects.filter(user=operator).count() == 1
    trader.refresh_from_db()
    assert trader.last_login is None


def test_it_is_over_after_half_an_hour(looking, operator):
    session = looking.session
    until = Looking.from_session(session[LOOKING]).until
    assert timedelta(minutes=29) < until - timezone.now() <= timedelta(minutes=30)
    session[LOOKING] = {**session[LOOKING], "until": timezone.now().timestamp() - 1}
    session.save()
    page = looking.get("/account")
    assert page.wsgi_request.user == operator
    assert "the half hour is over" in page.content.decode()
    assert LOOKING not in looking.session
    assert actions()[-1][1]["because"] == "expired"


@pytest.mark.parametrize("role", ["trader", "finance"])
def test_it_does_not_survive_another_role_of_the_operators(looking, operator, role):
    User.objects.filter(pk=operator.pk).update(role=role)
    page = looking.get("/account")
    assert page.wsgi_request.user == operator
    assert LOOKING not in looking.session
    assert actions()[-1][1]["because"] == "role_changed"


def test_a_real_change_of_role_ends_the_session_with_it(looking, operator):
    role_set(actor=None, user_id=operator.pk, role="trader", reason="Left")
    assert looking.get("/account").headers["Location"].startswith("/sign-in")


def test_it_is_over_when_they_are_a_trader_no_more(looking, operator, trader):
    role_set(actor=None, user_id=trader.pk, role="finance", reason="Joins us")
    assert looking.get("/account").wsgi_request.user == operator
    assert actions()[-1][1]["because"] == "not_a_trader"


def test_a_suspended_operator_looks_no_more(looking, operator):
    user_suspend(actor=None, user_id=operator.pk, reason="Test")
    assert looking.get("/account").headers["Location"].startswith("/sign-in")


def test_signing_out_ends_it(looking, operator):
    assert looking.post("/sign-out").status_code == 302
    assert looking.get("/account").headers["Location"].startswith("/sign-in")
    assert actions()[-1][1]["because"] == "signed_out"


def test_a_session_cannot_look_for_somebody_else(client, operator, trader):
    """What a session keeps counts for the operator who began it."""
    other = UserFactory()
    looking = impersonation_begin(actor=operator, user_id=trader.pk, reason=WHY)
    client.force_login(other)
    session = client.session
    session[LOOKING] = looking.to_session()
    session.save()
    assert client.get("/account").wsgi_request.user == other
    assert LOOKING not in client.session


@pytest.mark.parametrize("kept", ["x", {}, {"ref": 1, "until": "never"}, None])
def test_nonsense_in_a_session_is_dropped(client, operator, kept):
    client.force_login(operator)
    session = client.session
    session[LOOKING] = kept
    session.save()
    assert client.get("/account").wsgi_request.user == operator
    assert LOOKING not in client.session


def test_no_look_begins_within_a_look(looking, trader):
    other = UserFactory()
    assert begin(looking, other).status_code == 403
    assert Looking.from_session(looking.session[LOOKING]).user_id == trader.pk
    assert [name for name, _ in actions()] == ["begun"]


def test_stopping_and_signing_out_need_the_token_of_the_page(operator, trader):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    session = strict.session
    session[LOOKING] = impersonation_begin(actor=operator, user_id=trader.pk, reason=WHY).to_session()
    session.save()
    for name in ("looking-stop", "sign-out"):
        assert strict.post(reverse(name)).status_code == 403
    assert LOOKING in strict.session
    token = strict.get("/account").wsgi_request.META["CSRF_COOKIE"]
    assert strict.post(reverse("looking-stop"), {"csrfmiddlewaretoken": token}).status_code == 302
    assert LOOKING not in strict.session


def test_only_traders_are_looked_at(operator):
    staff = [UserFactory(role=role) for role in ("moderator", "finance", "admin")]
    other = [UserFactory(is_superuser=True), UserFactory(is_staff=True), UserFactory(kind="agent", email="a@a.example")]
    gone = UserFactory(anonymised_at=timezone.now())
    for user in (*staff, *other, gone):
        with pytest.raises(Forbidden) as refused:
            impersonation_begin(actor=operator, user_id=user.pk, reason=WHY)
        assert refused.value.code == "not_a_trader"
    with pytest.raises(Forbidden, match="yourself"):
        impersonation_begin(actor=operator, user_id=operator.pk, reason=WHY)
    with pytest.raises(NotFound):
        impersonation_begin(actor=operator, user_id=10**9, reason=WHY)
    with pytest.raises(Invalid):
        impersonation_begin(actor=operator, user_id=UserFactory().pk, reason=" ")
    assert actions() == []
    suspended = UserFactory(status="suspended")
    assert impersonation_begin(actor=operator, user_id=suspended.pk, reason=WHY).name == suspended.display_name


def test_only_moderators_and_administrators_look(client, trader):
    for role in ("trader", "finance"):
        with pytest.raises(Forbidden) as refused:
            impersonation_begin(actor=UserFactory(role=role), user_id=trader.pk, reason=WHY)
        assert refused.value.code == "forbidden"
    roles_sync()
    finance = role_set(actor=None, user_id=UserFactory().pk, role="finance", reason="Test")
    client.force_login(finance)
    begin(client, trader)
    assert LOOKING not in client.session


def test_the_administration_asks_for_one_user_and_a_reason(client, operator, trader):
    client.force_login(operator)
    assert begin(client, trader, reason="").status_code == 302
    assert begin(client, trader, more=(UserFactory().pk,)).status_code == 302
    assert LOOKING not in client.session
    assert client.post(reverse("looking-stop")).headers["Location"] == "/"


def test_the_list_of_pages_names_routes_that_are_there():
    names = {key for key in get_resolver().reverse_dict if isinstance(key, str)}
    assert names >= PAGES | PICTURES
