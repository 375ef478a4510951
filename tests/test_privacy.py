"""A person over all apps: the copy has their trading in it; the deletion leaves books, figures and standings whole."""

import json
import zipfile
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from io import BytesIO

import pytest
from django.utils import timezone

from accounts.models import DeletionRequest, User
from accounts.services import deletion, exports
from accounts.tests.people import canaries, files_in, person
from ai_strategies.models import Backtest
from contests.models import Contest, Participant
from contests.services.joins import contest_join
from contests.tests import factories as arena
from core.models import Posting
from core.services import books
from marketdata.models import Watchlist, WatchlistItem
from marketdata.tests.factories import advance
from trading.models import Account, Fill, Order, Position, RiskSettings
from trading.tests import factories as make

pytestmark = pytest.mark.django_db
# The package has a function of the same name.
contest_standings = import_module("contests.selectors.standings")


@pytest.fixture(autouse=True)
def _files(monkeypatch, tmp_path):
    files_in(monkeypatch, tmp_path)


@pytest.fixture
def scene():
    """Two people in a contest, each with a position, a resting order, a watchlist and a backtest."""
    view = arena.contest()
    found = {}
    for mark in ("ann", "bob"):
        user = person(mark)
        who = make.actor(user)
        account_id = contest_join(actor=who, contest_id=view.id)
        advance(view.market_id)
        make.place(who, account_id, "buy", 10, key=f"{mark}-order")
        resting = make.place(who, account_id, "buy", 5, limit="90", time_in_force="gtc")
        listed = Watchlist.objects.create(owner=user, name=f"{mark}-watchlist-canary")
        instrument = Order.objects.get(pk=resting.id).listing.instrument
        WatchlistItem.objects.create(watchlist=listed, instrument=instrument)
        RiskSettings.objects.create(owner=user, chosen={"max_orders": 9})
        Backtest.objects.create(
            key=mark, strategy="x", start="2024-01-01", end="2024-02-01", options={}, result={}, requested_by=user,
            bars_checksum="b", code_checksum="c",
        )  # fmt: skip
        found[mark] = (user, account_id, resting.id)
    advance(view.market_id)
    return view, found


def figures(account_id: int) -> tuple:
    """All that the books say of an account."""
    account = Account.objects.get(pk=account_id)
    cash = Posting.objects.filter(account_id=account.ledger_account_id).order_by("pk")
    return (
        account.cash_minor,
        account.realized_minor,
        account.fees_minor,
        list(cash.values_list("journal_id", "amount_minor")),
        list(Fill.objects.filter(account_id=account_id).order_by("pk").values_list("quantity", "price", "fee_minor")),
        list(Position.objects.filter(account_id=account_id).values_list("quantity", "cost_minor")),
    )


def ranks(contest_id: int) -> list[tuple]:
    contest_standings.people_forget()
    rows = contest_standings.standings_page(contest_id).rows
    return [(row.rank, row.account_id, row.value_minor, row.cash_minor, row.trades) for row in rows]


def test_the_copy_has_the_trading_of_the_person_and_of_nobody_else(scene):
    _, found = scene
    (ann, mine, resting), (bob, theirs, _) = found["ann"], found["bob"]
    file = BytesIO()
    exports.archive_write(file, user_id=ann.pk)
    with zipfile.ZipFile(file) as archive:
        tables = {
            name.removeprefix("data/").removesuffix(".json"): json.loads(archive.read(name))
            for name in archive.namelist()
            if name.endswith(".json")
        }
        whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for value in (*canaries("bob").values(), "bob-watchlist-canary"):
        assert value not in whole
    assert [row["id"] for row in tables["accounts"]] == [mine]
    assert resting in {row["id"] for row in tables["orders"]}
    assert len(tables["fills"]) == 1
    assert Decimal(tables["fills"][0]["quantity"]) == 10
    assert sum(row["amount_minor"] for row in tables["statement"]) == Account.objects.get(pk=mine).cash_minor
    assert tables["watchlists"][0]["name"] == "ann-watchlist-canary"
    assert tables["watchlist_items"][0]["instrument__symbol"] == "AAA"
    assert tables["risk_settings"][0]["chosen"] == {"max_orders": 9}
    assert [row["account_id"] for row in tables["contests"]] == [mine]
    assert len(tables["backtests"]) == 1
    for name in ("account_marks", "equity", "order_steps", "positions"):
        assert tables[name], name
    for rows in tables.values():
        assert theirs not in {row.get("account_id") for row in rows}
        assert bob.pk not in {row.get("user_id", row.get("owner_id")) for row in rows}


def test_a_deletion_leaves_books_figures_and_standings_as_they_were(scene):
    view, found = scene
    ann, mine, resting = found["ann"]
    _, theirs, other = found["bob"]
    before, of_bob, order_before = figures(mine), figures(theirs), ranks(view.id)
    assert books.verify().is_sound
    asked = deletion.deletion_request(user_id=ann.pk, actor=ann)
    DeletionRequest.objects.filter(pk=asked.id).update(due_at=timezone.now() - timedelta(minutes=1))
    assert deletion.deletions_carry_out() == 1
    deletion.deletion_aftermath(user_id=ann.pk)
    deletion.deletion_aftermath(user_id=ann.pk)
    assert figures(mine) == before
    assert figures(theirs) == of_bob
    assert ranks(view.id) == order_before
    assert books.verify().is_sound
    assert Participant.objects.get(account_id=mine).display_name == "Deleted user"
    assert Participant.objects.get(account_id=theirs).display_name == canaries("bob")["name"]
    assert Order.objects.get(pk=resting).status == "canceled"
    assert Order.objects.get(pk=other).status == "accepted"
    account = Account.objects.get(pk=mine)
    assert (account.status, account.lock_reason, account.reserved_minor) == (
        "locked", "The owner's account was deleted.", 0,
    )  # fmt: skip
    assert list(Watchlist.objects.values_list("name", flat=True)) == ["bob-watchlist-canary"]
    assert not RiskSettings.objects.filter(owner=ann).exists()
    assert Backtest.objects.filter(requested_by__isnull=True).count() == 1


def test_the_market_goes_on_without_the_person(scene):
    """The contest ends as it would have, with the place under the pseudonym."""
    view, found = scene
    ann, mine, _ = found["ann"]
    deletion.deletion_now(user_id=ann.pk, reason="a test")
    arena.deliver()
    for _ in range(3):
        advance(view.market_id)
    row = next(row for row in contest_standings.standings_page(view.id).rows if row.account_id == mine)
    contest_standings.people_forget()
    assert row.trades == 1
    assert User.objects.get(pk=ann.pk).display_name == "Deleted user"
    assert books.verify().is_sound


def test_a_process_learns_of_new_names_within_minutes(scene, monkeypatch):
    view, found = scene
    _, mine, _ = found["ann"]
    assert contest_standings.people(Contest.objects.get(pk=view.id))[0][mine].name == canaries("ann")["name"]
    Participant.objects.filter(account_id=mine).update(display_name="Deleted user")
    assert contest_standings.people(Contest.objects.get(pk=view.id))[0][mine].name == canaries("ann")["name"]
    monkeypatch.setattr(contest_standings, "PEOPLE_KEPT_SECONDS", -1.0)
    assert contest_standings.people(Contest.objects.get(pk=view.id))[0][mine].name == "Deleted user"
