"""What an account holds, is worth, did and paid, over HTTP: figures that a reader can do sums with, for who may see."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from core.money import Money
from marketdata.tests.factories import advance, replay_market
from trading.domain.margin import Terms
from trading.services.accounts import account_open_in_tx
from trading.tests import factories as make

pytestmark = pytest.mark.django_db
PARTS = ("", "/positions", "/orders", "/transactions", "/activities", "/equity", "/fees/schedule", "/portfolio",
         "/performance", "/trades")  # fmt: skip


@pytest.fixture
def market():
    return replay_market(ticks=1)


def margin_account(market, owner=None, **terms):
    owner = owner or make.user()
    with transaction.atomic():
        account_id = account_open_in_tx(
            owner_id=owner.pk,
            market_id=market.id,
            group_id=None,
            purpose="house",
            label="Margin",
            initial=Money.of("10000", "USD"),
            terms=Terms(kind="margin", leverage=Decimal(2), short=True, **terms),
        )
    return account_id, make.actor(owner)


def client_of(who):
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    return client


def read(client, account_id, part="", **query):
    answer = client.get(f"/api/v1/accounts/{account_id}{part}", query)
    assert answer.status_code == 200, answer.data
    return answer.data


def test_the_portfolio_of_a_long_and_a_short_adds_up(market):
    account_id, who = margin_account(market)
    client = client_of(who)
    make.place(who, account_id, "buy", 60)
    make.place(who, account_id, "sell", 40, symbol="BBB")
    found = read(client, account_id, "/portfolio")
    exposure, pnl, margin = found["exposure"], found["pnl"], found["margin"]
    long, short = Decimal(exposure["long"]), Decimal(exposure["short"])
    assert (long, short) == (6000, -2000)
    assert (Decimal(exposure["net"]), Decimal(exposure["gross"])) == (4000, 8000)
    assert Decimal(found["cash"]) + long + short == Decimal(found["equity"])
    parts = [Decimal(pnl[name]) for name in ("realized", "unrealized", "other")]
    assert sum(parts) - Decimal(pnl["fees"]) == Decimal(pnl["total"]) == Decimal(found["equity"]) - 10_000
    assert (margin["used"], margin["maintenance"], margin["is_called"]) == ("4000.00", "2000.00", False)
    assert Decimal(margin["excess"]) == Decimal(found["equity"]) - 4000
    power = 2 * Decimal(margin["excess"])
    assert Decimal(found["buying_power"]) == power == Decimal(read(client, account_id)["buying_power"])
    assert power > 0


def test_a_cash_portfolio_has_no_margin_and_a_day(market):
    account_id, who = make.account(market)
    client = client_of(who)
    empty = read(client, account_id, "/portfolio")
    assert (empty["equity"], empty["margin"], empty["pnl"]["day"]) == ("10000.00", None, "0.00")
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "buy", 10, limit="90")
    advance(market.id, 3)  # The close at 102.
    found = read(client, account_id, "/portfolio")
    assert (found["reserved"], found["open_orders"], found["open_positions"]) == ("900.00", 1, 1)
    assert found["pnl"]["day"] == found["pnl"]["total"] == found["pnl"]["unrealized"]
    assert Decimal(found["pnl"]["total"]) == Decimal(found["equity"]) - 10_000 > 0
    advance(market.id)
    assert read(client, account_id, "/portfolio")["pnl"]["day"] == "0.00"


def test_positions_are_signed_with_their_side_and_day(market):
    account_id, who = margin_account(market)
    client = client_of(who)
    make.place(who, account_id, "buy", 5)
    make.place(who, account_id, "sell", 3, symbol="BBB")
    advance(market.id, 4)  # The next day's open: AAA still 102, BBB 50.
    advance(market.id)
    long, short = read(client, account_id, "/positions")
    assert (long["symbol"], long["side"], long["quantity"], long["fx"]) == ("AAA", "long", "5", "1")
    assert (short["symbol"], short["side"], short["quantity"]) == ("BBB", "short", "-3")
    for held in (long, short):
        assert Decimal(held["value"]) == Decimal(held["quantity"]) * Decimal(held["last"])
        assert Decimal(held["unrealized_pnl"]) == Decimal(held["value"]) - Decimal(held["cost"])
        assert Decimal(held["average_price"]) == Decimal(held["cost"]) / Decimal(held["quantity"])
    assert Decimal(long["day_change"]) == 5 * (Decimal(long["last"]) - 102)
    assert Decimal(short["day_change"]) == -3 * (Decimal(short["last"]) - 50)
    assert read(client, account_id, "/positions/bbb") == short
    for symbol in ("CCC", "x" * 17, "a%00b"):
        answer = client.get(f"/api/v1/accounts/{account_id}/positions/{symbol}")
        assert (answer.status_code, answer.json()["code"]) == (404, "position_not_found")


def test_a_position_is_closed_in_part_and_whole_and_once_a_key(market):
    account_id, who = make.account(market)
    client = client_of(who)
    make.place(who, account_id, "buy", 5)
    url = f"/api/v1/accounts/{account_id}/positions/AAA"
    part = client.delete(f"{url}?quantity=2", HTTP_IDEMPOTENCY_KEY="k")
    assert (part.status_code, part.data["side"], part.data["reduce_only"]) == (200, "sell", True)
    assert client.delete(f"{url}?quantity=2", HTTP_IDEMPOTENCY_KEY="k").data["id"] == part.data["id"]
    assert read(client, account_id, "/positions")[0]["quantity"] == "3"
    for wrong in ("0", "-1", "NaN", "many", "1e99"):
        assert client.delete(f"{url}?quantity={wrong}").status_code == 400
    assert client.delete(url).data["filled_quantity"] == "3"
    gone = client.delete(url)
    assert (gone.status_code, gone.data["code"]) == (422, "nothing_to_reduce")
    assert read(client, account_id, "/positions") == []


def test_flatten_closes_longs_and_shorts_and_cancels_what_rests(market):
    account_id, who = margin_account(market)
    client = client_of(who)
    make.place(who, account_id, "buy", 5)
    make.place(who, account_id, "sell", 3, symbol="BBB")
    resting = make.place(who, account_id, "buy", 1, limit="90")
    done = client.delete(f"/api/v1/accounts/{account_id}/positions")
    assert (done.status_code, done.data["is_flat"], done.data["left"]) == (200, True, [])
    assert done.data["canceled"] == [resting.id]
    assert len(done.data["closed"]) == 2
    assert read(client, account_id, "/positions") == []
    assert read(client, account_id, "/portfolio")["exposure"]["gross"] == "0.00"


def test_performance_says_why_a_figure_is_null(market):
    account_id, who = make.account(market)
    client = client_of(who)
    empty = read(client, account_id, "/performance")
    assert empty["trades"]["win_rate"] is None
    assert empty["undefined"]["trades.win_rate"] == "No trade was closed."
    make.place(who, account_id, "buy", 10)
    advance(market.id, 8)
    make.place(who, account_id, "sell", 10)
    found = read(client, account_id, "/performance")
    assert found["trades"]["closed"] == found["trades"]["wins"] == 1
    assert found["trades"]["best"]["net_pnl"] == found["trades"]["net"] == found["realized_pnl"]
    assert (found["sharpe"], found["sessions"] < 5) == (None, True)
    assert "5 sessions" in found["undefined"]["sharpe"]
    nulls = {name for name, value in found.items() if value is None}
    assert nulls == {name for name in found["undefined"] if "." not in name}
    assert found["exposure"] > 0


def test_the_performance_of_a_period_is_its_own(market):
    account_id, who = make.account(market)
    client = client_of(who)
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "buy", 4, symbol="BBB")
    make.place(who, account_id, "sell", 4, symbol="BBB")
    advance(market.id, 4)
    make.place(who, account_id, "sell", 10)
    whole = read(client, account_id, "/performance")
    second = read(client, account_id, "/performance", **{"from": "2024-01-09"})
    first = read(client, account_id, "/performance", to="2024-01-08")
    assert (whole["fills"], first["fills"], second["fills"]) == (4, 3, 1)
    assert (first["trades"]["closed"], second["trades"]["closed"]) == (1, 1)
    assert second["trades"]["best"]["symbol"] == "AAA"
    for name in ("realized_pnl", "traded", "fees"):
        assert Decimal(first[name]) + Decimal(second[name]) == Decimal(whole[name]), name
    assert Decimal(first["last_equity"]) == Decimal(second["first_equity"])
    answer = client.get(f"/api/v1/accounts/{account_id}/performance", {"from": "soon"})
    assert (answer.status_code, list(answer.data["details"])) == (400, ["from"])


def test_round_trips_are_paged_open_ones_first(market):
    account_id, who = make.account(market)
    client = client_of(who)
    for _ in range(3):
        make.place(who, account_id, "buy", 2)
        make.place(who, account_id, "sell", 2)
    make.place(who, account_id, "buy", 1, symbol="BBB")
    found = read(client, account_id, "/trades", pageSize=2)
    assert (found["total"], found["next"]) == (4, 2)
    assert [item["symbol"] for item in found["results"]] == ["BBB", "AAA"]
    assert found["results"][0]["closed_at"] is None
    assert read(client, account_id, "/trades", status="closed")["total"] == 3
    assert read(client, account_id, "/trades", status="open")["total"] == 1


def test_activities_hold_fills_fees_and_dividends_in_one_feed():
    market = replay_market(ticks=1, actions={"AAA": [("dividend", 1, "0.50")]})
    account_id, who = make.account(market, group_id=make.group(market, commission_bps=10))
    client = client_of(who)
    make.place(who, account_id, "buy", 10)
    advance(market.id, 5)
    found = read(client, account_id, "/activities")["results"]
    assert [item["type"] for item in found] == ["dividend", "fee", "fill"]
    dividend, fee, fill = found
    assert (dividend["cash"], dividend["quantity"]) == ("5.00", "0")
    assert (fee["cash"], fee["details"]["charges"]) == ("-1.00", {"Commission": "1.00"})
    assert (fill["quantity"], Decimal(fill["cash"]) < -999) == ("10", True)
    cash = sum(Decimal(item["cash"]) for item in found)
    assert cash == Decimal(read(client, account_id)["cash"]) - 10_000
    assert read(client, account_id, "/activities", type="fee")["total"] == 1
    assert read(client, account_id, "/activities", type="dividend,fill")["total"] == 2
    assert read(client, account_id, "/activities", type="nothing")["total"] == 0
    assert read(client, account_id)["other"] == "5.00"


def test_the_equity_curve_by_tick_and_by_day(market):
    account_id, who = make.account(market)
    client = client_of(who)
    make.place(who, account_id, "buy", 10)
    advance(market.id, 6)
    raw = read(client, account_id, "/equity")
    days = read(client, account_id, "/equity", interval="day")
    assert len(raw) == 7
    assert [str(point["at"].date()) for point in days] == ["2024-01-08", "2024-01-09"]
    assert days[-1] == raw[-1]
    assert days[0] in raw
    assert read(client, account_id, "/equity", limit=2) == raw[-2:]
    assert [point for point in raw if str(point["at"].date()) == "2024-01-09"] == read(
        client, account_id, "/equity", **{"from": "2024-01-09", "to": "2024-01-09"}
    )
    for query in ({"interval": "year"}, {"limit": "0"}, {"limit": "x"}, {"from": "1"}):
        assert client.get(f"/api/v1/accounts/{account_id}/equity", query).status_code == 400


def test_charges_are_told_in_words(market):
    account_id, who = make.account(market, group_id=make.group(market, commission_bps=10))
    found = read(client_of(who), account_id, "/fees/schedule")
    assert (found["schedule"], found["product"]) == ("bps:10", "delivery")
    assert found["exchanges"][0]["exchange"] == "TEST"
    assert "0.1%" in found["exchanges"][0]["charges"][0]
    free, owner = make.account(market)
    assert read(client_of(owner), free, "/fees/schedule")["exchanges"][0]["charges"] == ["Commission: none."]


def test_statements_come_as_json_csv_and_pdf(market):
    account_id, who = make.account(market, group_id=make.group(market, commission_bps=10))
    client = client_of(who)
    make.place(who, account_id, "buy", 10)
    advance(market.id, 4)
    make.place(who, account_id, "sell", 4)
    url = f"/api/v1/accounts/{account_id}/statement"
    found = read(client, account_id, "/statement")
    lines = [Decimal(line["amount"]) for line in found["bridge"]]
    assert sum(lines[:-1]) == lines[-1] == Decimal(found["closing"]["balance"])
    assert found["fills_total"] == len(found["fills"]) == 2
    assert found["closing"]["equity"] == read(client, account_id, "/portfolio")["equity"]
    day = read(client, account_id, "/statement", **{"from": "2024-01-09", "to": "2024-01-09"})
    assert (day["fills_total"], day["opening"]["cash"] != "10000.00") == (1, True)
    text = b"".join(client.get(url, {"format": "csv"}).streaming_content).decode()
    assert text.count("\nFills,") == 3
    pdf = client.get(url, {"format": "pdf"})
    assert (pdf["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert f"statement-{account_id}-2024-01-08-2024-01-09.pdf" in pdf["Content-Disposition"]
    for query, code in (({"format": "xml"}, "invalid"), ({"from": "2024-02-01"}, "invalid_period")):
        answer = client.get(url, query)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_who_may_see_an_account(market):
    own, who = make.account(market)
    public, _ = make.account(market, owner=make.user(kind="agent"))
    make.place(who, own, "buy", 1)
    staff, stranger, nobody = APIClient(), APIClient(), APIClient()
    staff.force_authenticate(make.user(is_staff=True, role="moderator"))
    stranger.force_authenticate(make.user())
    for part in PARTS:
        codes = [
            [client.get(f"/api/v1/accounts/{account_id}{part}").status_code for account_id in (own, public)]
            for client in (client_of(who), staff, stranger, nobody)
        ]
        assert codes == [[200, 200], [200, 200], [404, 200], [404, 200]], part
    statement = f"/api/v1/accounts/{public}/statement"
    assert [client.get(statement).status_code for client in (staff, stranger, nobody)] == [200, 404, 401]
    for part in ("/positions", "/positions/AAA", "/orders"):
        urls = [f"/api/v1/accounts/{account_id}{part}" for account_id in (own, public)]
        # An operator looks; what is the owner's to do is not an operator's.
        assert [[c.delete(url).status_code for url in urls] for c in (staff, stranger)] == [[404, 404]] * 2
        assert [nobody.delete(url).status_code for url in urls] == [401, 401]
    assert read(staff, own, "/positions")[0]["quantity"] == "1"


def statements(client, account_id):
    """Statements that each part of an account takes."""
    found = {}
    for part in (*PARTS, "/statement", "/equity?interval=day", "/positions/AAA", "/orders?status=open"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/api/v1/accounts/{account_id}{part}").status_code == 200, part
        found[part] = len(queries)
    return found


def test_every_part_takes_the_same_statements_however_much_there_is():
    market = replay_market(ticks=1, actions={"AAA": [("dividend", 1, "0.50")], "BBB": [("dividend", 1, "0.10")]})
    account_id, who = margin_account(market)
    client = client_of(who)
    bracket = {"order_class": "bracket", "take_profit_price": Decimal(120), "stop_loss_price": Decimal(80)}
    make.place(who, account_id, "buy", 2, **bracket)
    advance(market.id, 4)
    few = statements(client, account_id)
    for _ in range(4):
        make.place(who, account_id, "buy", 1, **bracket)
        make.place(who, account_id, "sell", 1, symbol="BBB")
        make.place(who, account_id, "buy", 1, limit="90")
    advance(market.id, 4)
    many = statements(client, account_id)
    assert many.pop("/statement") <= 16
    few.pop("/statement")
    assert many == few
    assert max(few.values()) <= 6, few


def test_a_list_of_margin_accounts_takes_the_same_statements_however_long(market):
    agent = make.user(kind="agent")
    client = APIClient()

    def count():
        with CaptureQueriesContext(connection) as queries:
            page = client.get("/api/v1/accounts?pageSize=500").json()
        assert page["pageSize"] == 200
        return len(queries), page["results"]

    account_id, who = margin_account(market, agent)
    make.place(who, account_id, "buy", 10)
    few, [only] = count()
    assert Decimal(only["buying_power"]) == 2 * (Decimal(only["cash"]) + 1000 - 500)
    for _ in range(4):
        account_id, who = margin_account(market, agent)
        make.place(who, account_id, "sell", 5, symbol="BBB")
    many, rows = count()
    assert (many, len(rows)) == (few, 5)
    assert few <= 3
