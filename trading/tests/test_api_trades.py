"""Paper trades: entry orders with their exits, over HTTP and as lots."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from core.money import Money
from marketdata.tests.factories import advance, replay_market
from trading.domain.entries import Changed, Traded, lots_of
from trading.domain.margin import Terms
from trading.domain.positions import Holding, apply_fill
from trading.models import Account, Order
from trading.services.accounts import account_open_in_tx
from trading.tests import factories as make

URL = "/api/v1/paper-trading/trades"
AT = datetime(2024, 1, 8, tzinfo=UTC)


@pytest.fixture
def market():
    return replay_market(ticks=1)


@pytest.fixture
def book(market):
    account_id, who = make.account(market)
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    return account_id, client


def post(client, path="", data=None, status=None, **headers):
    answer = client.post(f"{URL}{path}", data or {}, format="json", **headers)
    assert status is None or answer.status_code == status, answer.data
    return answer.data


def trade(client, **more):
    return post(client, data={"symbol": "AAA", "direction": "long", "quantity": "4", **more}, status=201)


@pytest.mark.django_db
def test_a_trade_is_opened_closed_in_part_and_whole(book, market):
    account_id, client = book
    made = trade(client, stop_loss="90", take_profit="120")
    assert (made["status"], made["direction"], made["open_quantity"]) == ("open", "long", "4")
    assert (made["stop_loss"], made["take_profit"], made["account_id"]) == ("90", "120", account_id)
    advance(market.id, 3)  # The close at 102.
    part = post(client, f"/{made['id']}/close", {"quantity": "1"}, status=200)
    assert (part["status"], part["open_quantity"]) == ("open", "3")
    legs = Order.objects.filter(status="accepted").values_list("role", "quantity")
    assert dict(legs) == {"take_profit": 3, "stop_loss": 3}
    too_much = client.post(f"{URL}/{made['id']}/close", {"quantity": "4"}, format="json")
    assert (too_much.status_code, too_much.data["code"]) == (400, "invalid_quantity")
    done = post(client, f"/{made['id']}/close", HTTP_IDEMPOTENCY_KEY="k", status=200)
    assert (done["status"], done["open_quantity"], done["closed_at"] is not None) == ("closed", "0", True)
    gain = (Decimal(done["exit_price"]) - Decimal(done["entry_price"])) * 4
    assert Decimal(done["pnl"]) == gain.quantize(Decimal("0.01")) > 0
    assert Account.objects.get(pk=account_id).realized_minor == int(Decimal(done["pnl"]) * 100)
    assert not Order.objects.filter(status__in=("accepted", "held")).exists()
    assert post(client, f"/{made['id']}/close", HTTP_IDEMPOTENCY_KEY="k", status=200) == done
    assert post(client, f"/{made['id']}/close", status=409)["code"] == "trade_not_open"
    assert client.get(f"{URL}/{made['id']}").data == done


@pytest.mark.django_db
def test_a_waiting_trade_is_cancelled(book):
    client = book[1]
    made = trade(client, order_type="limit", entry_price="90", stop_loss="80")
    assert (made["status"], made["entry_price"], made["limit_price"]) == ("pending", None, "90")
    assert post(client, f"/{made['id']}/close", status=409)["message"].endswith("Cancel it instead.")
    assert post(client, f"/{made['id']}/cancel", status=200)["status"] == "cancelled"
    assert post(client, f"/{made['id']}/cancel", status=200)["reason"] == "canceled"
    opened = trade(client)
    assert post(client, f"/{opened['id']}/cancel", status=409)["code"] == "trade_not_pending"


@pytest.mark.django_db
def test_each_of_two_trades_in_a_symbol_keeps_its_own_exits(book, market):
    client = book[1]
    first = trade(client, quantity="2")
    second = trade(client, quantity="3", stop_loss="97")
    post(client, f"/{second['id']}/close", status=200)
    found = {item["id"]: item for item in client.get(URL).data["results"]}
    assert (found[first["id"]]["status"], found[second["id"]]["status"]) == ("open", "closed")
    # Its stop would have sold the first trade's shares.
    assert not Order.objects.filter(role="stop_loss", status="accepted").exists()
    third = trade(client, quantity="1", stop_loss="99")
    advance(market.id, 2)  # The low of 98 reaches the stop of the third.
    found = {item["id"]: item for item in client.get(URL).data["results"]}
    assert [found[key["id"]]["status"] for key in (first, third)] == ["open", "closed"]


@pytest.mark.django_db
def test_orders_placed_elsewhere_are_trades_and_their_exits_are_not(book, market):
    account_id, client = book
    who = make.actor(User.objects.get(pk=Account.objects.get(pk=account_id).owner_id))
    entry = make.place(who, account_id, "buy", 5)
    make.place(who, account_id, "sell", 2)
    make.place(who, account_id, "sell", 1, limit="120")
    make.place(who, account_id, "buy", 100_000)
    [found] = client.get(URL).data["results"]
    assert (found["id"], found["status"], found["open_quantity"]) == (entry.id, "open", "3")
    advance(market.id)
    changed = make.place(who, account_id, "buy", 1, limit="90", symbol="AAA")
    client.patch(f"/api/v1/orders/{changed.id}", {"limit_price": "91"}, format="json")
    pending = client.get(URL, {"status": "pending"}).data["results"]
    assert [(item["id"], item["limit_price"]) for item in pending] == [(changed.id, "91")]
    assert post(client, f"/{changed.id}/cancel", status=200)["status"] == "cancelled"


@pytest.mark.django_db
def test_a_short_trade_earns_when_the_price_falls(market):
    owner = make.user()
    with transaction.atomic():
        account_open_in_tx(
            owner_id=owner.pk,
            market_id=market.id,
            group_id=None,
            purpose="house",
            label="Margin",
            initial=Money.of("10000", "USD"),
            terms=Terms(kind="margin", leverage=Decimal(2), short=True),
        )
    client = APIClient()
    client.force_authenticate(owner)
    made = trade(client, direction="short", take_profit="95", stop_loss="110")
    assert (made["direction"], made["status"], made["stop_loss"]) == ("short", "open", "110")
    advance(market.id)  # The low of 98.
    now = client.get(f"{URL}/{made['id']}").data
    assert Decimal(now["unrealized_pnl"]) == 4 * (Decimal(now["entry_price"]) - 98)
    part = post(client, f"/{made['id']}/close", {"quantity": "3"}, status=200)
    assert (part["open_quantity"], Decimal(part["pnl"]) > 0) == ("1", True)
    waiting = trade(client, direction="long", quantity="5", order_type="limit", entry_price="90")
    assert [item["id"] for item in client.get(URL).data["results"]] == [waiting["id"], made["id"]]
    # What would only cover the short is no trade of its own.
    body = {"account_id": made["account_id"], "symbol": "AAA", "side": "buy", "quantity": "1"}
    client.post("/api/v1/orders", {**body, "type": "limit", "limit_price": "91"}, format="json")
    assert client.get(URL).data["total"] == 2


@pytest.mark.django_db
def test_a_trade_that_would_only_close_another_is_refused_before_it_is_placed(book):
    client = book[1]
    key = {"HTTP_IDEMPOTENCY_KEY": "first"}
    first = post(client, data={"symbol": "AAA", "direction": "long", "quantity": "4"}, status=201, **key)
    refused = post(client, data={"symbol": "AAA", "direction": "short", "quantity": "4"}, status=422)
    assert (refused["code"], refused["details"]) == ("trade_would_close", {"position": "4"})
    assert Order.objects.count() == 1
    assert (
        post(client, data={"symbol": "AAA", "direction": "short", "quantity": "5"}, status=422)["code"]
        != refused["code"]
    )
    again = post(client, data={"symbol": "AAA", "direction": "long", "quantity": "4"}, status=200, **key)
    assert again == first
    assert trade(client)["id"] != first["id"]


@pytest.mark.django_db
def test_a_split_keeps_the_trade_whole():
    market = replay_market(
        {"SPL": [(100, 102, 98, 100), (50, 51, 49, 50)]}, ticks=1, basis="traded", actions={"SPL": [("split", 1, 2)]}
    )
    account_id, who = make.account(market)
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    made = trade(client, symbol="SPL")
    advance(market.id, 4)
    found = client.get(f"{URL}/{made['id']}").data
    assert (found["open_quantity"], found["status"]) == ("8", "open")
    done = post(client, f"/{made['id']}/close", status=200)
    assert (done["status"], done["open_quantity"]) == ("closed", "0")
    assert Account.objects.get(pk=account_id).realized_minor == int(Decimal(done["pnl"]) * 100)


@pytest.mark.django_db
def test_trades_want_an_account_and_refuse_what_orders_refuse(book, market):
    account_id, client = book
    denied = post(client, data={"symbol": "AAA", "quantity": "100000"}, status=422)
    assert (denied["code"], denied["details"]["order"]["status"]) == ("not_enough_buying_power", "denied")
    for wrong in ({"direction": "up"}, {"quantity": "x"}, {"stop_loss": "200"}, {"time_in_force": "fok"}):
        answer = client.post(URL, {"symbol": "AAA", "quantity": "1", **wrong}, format="json")
        assert answer.status_code in (400, 422), wrong
    make.account(market, owner=User.objects.get(pk=Account.objects.get(pk=account_id).owner_id))
    assert post(client, data={"symbol": "AAA", "quantity": "1"}, status=422)["code"] == "account_required"
    named = post(client, data={"account_id": account_id, "symbol": "AAA", "quantity": "1"}, status=201)
    assert [item["id"] for item in client.get(URL, {"account_id": account_id}).data["results"]] == [named["id"]]
    assert client.get(URL, {"symbol": "bbb"}).data["total"] == 0
    assert client.get(URL, {"status": "lost"}).status_code == 400
    stranger = APIClient()
    assert stranger.get(URL).status_code == 401
    stranger.force_authenticate(make.user(is_staff=True, role="moderator"))
    assert stranger.get(URL).data["total"] == 0
    for path in ("", "/close", "/cancel"):
        send = stranger.post if path else stranger.get
        assert send(f"{URL}/{named['id']}{path}").data["code"] == "trade_not_found"


@pytest.mark.django_db
def test_a_list_of_trades_takes_the_same_statements_however_long(book, market):
    client = book[1]

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(URL).status_code == 200
        return len(queries)

    trade(client)
    few = count()
    for _ in range(4):
        trade(client, quantity="1", stop_loss="90", take_profit="120")
        trade(client, quantity="1", symbol="BBB")
    assert count() == few <= 5
    assert client.get(URL, {"pageSize": 3}).data["next"] == 2


sizes = st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 500), st.integers(0, 50)), max_size=30)


@given(sizes, st.data())
def test_lots_hold_what_the_position_holds_and_earn_what_it_earns(rows, data):
    """Whatever belongs to which entry: open lots add up to the position, and once flat the P&L to the books'."""
    events, owners, holding, realized, fees = [], {}, Holding(), 0, 0
    for number, (size, price, fee) in enumerate(rows):
        at = AT + timedelta(minutes=number)
        events.append(Traded(at, number, Decimal(size), Decimal(price), abs(size) * price * 100, fee))
        if number and data.draw(st.booleans()):
            owners[number] = data.draw(st.integers(0, number - 1))
        holding, gain = apply_fill(holding, "buy" if size > 0 else "sell", Decimal(abs(size)), abs(size) * price * 100)
        realized, fees = realized + gain, fees + fee
    lots = lots_of(events, owners).values()
    assert sum(lot.sign * lot.open for lot in lots) == holding.quantity
    assert len({lot.sign for lot in lots if lot.open}) <= 1
    assert all(lot.open + lot.closed == lot.opened for lot in lots)
    total = sum(lot.gain - lot.fees for lot in lots) + sum(-lot.cost for lot in lots)
    assert total == realized - holding.cost_minor - fees


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.sampled_from(["2", "3", "0.5"]))
def test_a_split_multiplies_each_lot_and_a_delisting_pays_all(sizes, ratio):
    ratio = Decimal(ratio)
    events = [Traded(AT, number, Decimal(size * 2), Decimal(10), size * 2000, 0) for number, size in enumerate(sizes)]
    held = Decimal(sum(sizes) * 2)
    split = lots_of([*events, Changed(AT, held, held * ratio, 0)], {})
    assert [lot.open for lot in split.values()] == [size * 2 * ratio for size in sizes]
    assert sum(lot.cost for lot in split.values()) == sum(sizes) * 2000
    gone = lots_of([*events, Changed(AT, held, Decimal(0), 500)], {})
    assert all(not lot.open and lot.closed_at == AT for lot in gone.values())
    assert sum(lot.gain for lot in gone.values()) == 500 - sum(sizes) * 2000
