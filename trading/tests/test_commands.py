"""The commands: what they print, change and answer with."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core.errors import Forbidden, Invalid
from core.models import AuditEntry
from core.redis import client
from core.services.books import verify
from marketdata.models import Listing, Market
from marketdata.services.listings import listing_halt
from marketdata.tests.factories import advance, replay_market
from trading.domain.types import SYSTEM
from trading.models import Account, Order, Position, RiskSettings
from trading.services import corporate, risk
from trading.services.expiry import orders_expire
from trading.services.flatten import account_flatten_operated
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


def run(name, *arguments):
    """(exit code, what was printed)."""
    out = StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


@pytest.fixture
def market():
    return replay_market(ticks=1)


@pytest.fixture
def book(market):
    return make.account(market)


def test_rebuild_positions_prints_what_differs_and_mends_it_when_told(market, book):
    account_id, who = book
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "sell", 4, limit="140", time_in_force="gtc")
    other, they = make.account(market)
    make.place(they, other, "buy", 1)
    assert run("rebuild_positions") == (0, "2 positions rebuilt, 0 differ.\n")
    Position.objects.filter(account_id=account_id).update(quantity=11, cost_minor=5, reserved_quantity=0)
    Position.objects.filter(account_id=other).delete()
    code, text = run("rebuild_positions")
    assert code == 1
    assert f"account {account_id}, listing " in text
    assert "11 at 5, realised 0, promised 0; is 10 at " in text
    assert "promised 4" in text
    assert run("rebuild_positions", "--account", str(other))[1].count("account") == 1
    assert Position.objects.get(account_id=account_id).quantity == 11
    code, text = run("rebuild_positions", "--fix", "--reason", "drill")
    assert (code, text.splitlines()[-1]) == (0, "2 mended.")
    assert run("rebuild_positions")[0] == 0
    assert verify().is_sound
    assert AuditEntry.objects.filter(action="position_rebuilt", reason="drill").count() == 2


def test_rebuild_positions_goes_through_splits():
    market = replay_market(ticks=1, basis="traded", actions={"AAA": [("split", 1, "1.5")]})
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 7)
    advance(market.id, 4)
    make.place(who, account_id, "sell", 3)
    assert run("rebuild_positions") == (0, "1 positions rebuilt, 0 differ.\n")
    Position.objects.update(quantity=8)
    assert run("rebuild_positions")[0] == 1


def test_expire_orders_ends_what_the_market_process_has_not(market, book):
    account_id, who = book
    day = make.place(who, account_id, "buy", 1, limit="60").id
    gtc = make.place(who, account_id, "buy", 1, limit="60", time_in_force="gtc").id
    assert run("expire_orders") == (0, f"{market.slug}: 0 orders ended\n")
    # The clock is put on a day without the listeners: as if the process had died.
    Market.objects.filter(pk=market.id).update(tick=4)
    client().flushdb()
    assert run("expire_orders", "--market", market.slug, "--dry-run") == (0, f"{market.slug}: 1 to look at\n")
    assert run("expire_orders", "--market", market.slug) == (0, f"{market.slug}: 1 orders ended\n")
    rows = Order.objects.in_bulk()
    assert (rows[day].status, rows[day].code, rows[gtc].status) == ("expired", "day_over", "accepted")
    assert Account.objects.get(pk=account_id).reserved_minor == rows[gtc].reserved_minor
    assert run("expire_orders", "--market", "nowhere") == (1, "unknown_market: There is no such market.")


def test_expire_orders_takes_all_orders_of_an_account_at_once(market, book, django_assert_max_num_queries):
    account_id, who = book
    for _ in range(10):
        make.place(who, account_id, "buy", 1, limit="60")
    Market.objects.filter(pk=market.id).update(tick=4)
    client().flushdb()
    with django_assert_max_num_queries(20):
        assert orders_expire(market_id=market.id) == 10


def test_apply_corporate_actions_catches_up(monkeypatch):
    market = replay_market(ticks=1, basis="traded", actions={"AAA": [("dividend", 1, "2")]})
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 10)
    monkeypatch.setattr(corporate, "actions_tick", lambda *_: [])
    advance(market.id, 4)
    slug = market.slug
    code, text = run("apply_corporate_actions", "--dry-run")
    assert (code, text) == (0, f"{slug}: dividend of AAA on 2024-01-09: 1 accounts to look at\n")
    assert Account.objects.get(pk=account_id).other_minor == 0
    assert run("apply_corporate_actions", "--market", slug)[1].endswith("1 accounts adjusted\n")
    assert Account.objects.get(pk=account_id).other_minor == 2_000
    assert run("apply_corporate_actions") == (0, "")
    assert verify().is_sound


def test_flatten_account(market, book):
    account_id, who = book
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "buy", 5, symbol="BBB")
    make.place(who, account_id, "buy", 1, limit="60", time_in_force="gtc")
    listing_halt(actor=None, listing_id=Listing.objects.get(market_id=market.id, symbol="BBB").pk, reason="test")
    code, text = run("flatten_account", str(account_id), "--reason", "asked by the owner")
    assert code == 1
    assert "1 orders cancelled, 1 positions sold or covered" in text
    assert "5 BBB left: halted" in text
    assert AuditEntry.objects.get(action="account_flattened").reason == "asked by the owner"
    assert Position.objects.get(listing__symbol="AAA").quantity == 0
    assert run("flatten_account", "999999") == (1, "account_not_found: There is no such account.")


def test_lock_account(book):
    account_id, who = book
    number = str(account_id)
    assert run("lock_account", number, "--reason", "abuse") == (0, f"Account {account_id} is locked.\n")
    assert make.place(who, account_id, "buy", 1).code == "account_not_active"
    assert run("lock_account", number, "--reason", "abuse")[0] == 1
    assert run("lock_account", number, "--unlock", "--reason", "appeal") == (0, f"Account {account_id} is active.\n")
    assert run("lock_account", number, "--unlock", "--reason", "appeal")[0] == 1
    until = "2024-01-08T20:00:00+00:00"
    assert run("lock_account", number, "--until", until, "--reason", "a day off")[0] == 0
    assert Account.objects.get(pk=account_id).locked_until.isoformat() == until
    with pytest.raises(CommandError):
        call_command("lock_account", number, "--until", "2024-01-08T20:00:00", "--reason", "no zone")


@pytest.fixture
def operator():
    client = Client()
    client.force_login(User.objects.create_superuser("op@example.com", "a long enough pass", display_name="Op"))
    return client


def act(client, model, action, pk, reason="drill"):
    data = {"action": action, "_selected_action": [pk], "reason": reason}
    return client.post(reverse(f"admin:trading_{model}_changelist"), data)


def test_operators_lock_flatten_and_stop_for_a_reason(operator, market, book):
    account_id, who = book
    make.place(who, account_id, "buy", 10)
    act(operator, "account", "lock", account_id, reason="")
    assert Account.objects.get(pk=account_id).status == "active"
    act(operator, "account", "lock", account_id)
    assert Account.objects.get(pk=account_id).status == "locked"
    act(operator, "account", "flatten", account_id)
    assert Position.objects.get().quantity == 0
    act(operator, "account", "unlock", account_id)
    make.place(who, account_id, "buy", 10)
    risk.risk_set(actor=who, user_id=who.user_id, tolerance="moderate")
    settings = RiskSettings.objects.get()
    act(operator, "risksettings", "stop", settings.pk)
    assert Position.objects.get().quantity == 0
    assert make.place(who, account_id, "buy", 1).code == "kill_switch"
    act(operator, "risksettings", "release", settings.pk)
    assert make.place(who, account_id, "buy", 1).status == "filled"
    actions = AuditEntry.objects.filter(reason="drill").order_by("id").values_list("action", "actor_label")
    assert [name for name, _ in actions] == [
        *("account_locked", "account_flattened", "account_unlocked", "kill_switch", "kill_switch_release"),
    ]
    assert {label for _, label in actions} == {"Op"}


@pytest.mark.parametrize("model", ["account", "adjustment", "margincall", "risknotice", "risksettings"])
def test_only_operators_see_the_pages(operator, book, model):
    account_id, who = book
    assert operator.get(reverse(f"admin:trading_{model}_changelist")).status_code == 200
    person = Client()
    person.force_login(User.objects.get(pk=who.user_id))
    assert person.get(reverse(f"admin:trading_{model}_changelist")).status_code == 302
    assert act(person, "account", "lock", account_id).status_code == 302
    assert Account.objects.get(pk=account_id).status == "active"


def test_only_operators_flatten_what_is_not_theirs(book):
    account_id, who = book
    with pytest.raises(Forbidden):
        account_flatten_operated(actor=who, account_id=account_id, reason="mine")
    with pytest.raises(Invalid):
        account_flatten_operated(actor=SYSTEM, account_id=account_id, reason=" ")
