"""The pages of the trading core: tickets of every kind, positions, orders with legs, analytics, statements, risk."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.money import Money
from marketdata.tests.factories import advance, replay_market
from trading import selectors
from trading.domain.margin import Margin, Terms
from trading.forms import ticket_request
from trading.models import Order, RiskSettings
from trading.pages.analytics import cards
from trading.pages.blotter import book_of, nested
from trading.selectors.books import performance_of
from trading.services.accounts import account_open_in_tx
from trading.services.statements import statement_of
from trading.tests import factories as make
from trading.tests.test_web import signed_in, ticket

pytestmark = pytest.mark.django_db
MARGIN = Terms(kind="margin", leverage=Decimal(4), short=True, fees="us:share=0.005,min=1,max_pct=1")


@pytest.fixture
def market():
    return replay_market(ticks=2)


@pytest.fixture
def mine(market):
    owner = make.user()
    account_id, who = make.account(market, owner=owner)
    return account_id, who, signed_in(owner)


@pytest.fixture
def short(market):
    """A margin account that may go short, with US charges."""
    owner = make.user()
    with transaction.atomic():
        account_id = account_open_in_tx(
            owner_id=owner.pk,
            market_id=market.id,
            group_id=None,
            purpose="house",
            label="Margin account",
            initial=Money.of("10000", "USD"),
            terms=MARGIN,
        )
    return account_id, make.actor(owner), signed_in(owner)


def text(answer) -> str:
    return answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "stop", "stop_price": "120"}, {"type": "stop", "stop_price": Decimal(120)}),
        ({"type": "stop_limit", "stop_price": "120", "limit_price": "1,121.50"}, {"limit_price": Decimal("1121.50")}),
        ({"type": "trailing_stop", "trail": "2", "trail_unit": "percent"}, {"trail_percent": Decimal(2)}),
        ({"type": "trailing_stop", "trail": "3", "trail_unit": "amount"}, {"trail_amount": Decimal(3)}),
        ({"take_profit_price": "120", "stop_loss_price": "80"}, {"order_class": "bracket"}),
        ({"stop_loss_price": "80"}, {"order_class": "oto", "stop_loss_price": Decimal(80)}),
        ({"reduce_only": "on"}, {"reduce_only": True, "order_class": "simple"}),
        ({"limit_price": "90", "stop_price": "80"}, {"limit_price": None, "stop_price": None}),
    ],
)
def test_the_ticket_reads_what_its_type_needs(fields, expected):
    asked = ticket_request(ticket(**fields))
    assert {name: getattr(asked, name) for name in expected} == expected


def test_a_date_is_good_until_its_last_second():
    asked = ticket_request(ticket(time_in_force="gtd", expires_on="2024-01-11"))
    assert asked.expires_at is not None
    assert asked.expires_at.isoformat() == "2024-01-11T23:59:59+00:00"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "stop"}, "stop price"),
        ({"type": "stop_limit", "stop_price": "120"}, "limit price"),
        ({"type": "trailing_stop"}, "distance"),
        ({"time_in_force": "gtd", "expires_on": "soon"}, "date"),
        ({"type": "stop", "stop_price": "90"}, "reached already"),
        ({"time_in_force": "ioc", "take_profit_price": "200"}, "day or gtc"),
        ({"take_profit_price": "abc"}, "as a number"),
    ],
)
def test_a_ticket_that_makes_no_sense_says_what_to_do(mine, fields, words):
    account_id, _, client = mine
    answer = client.post(f"/accounts/{account_id}/orders", ticket(**fields))
    assert answer.status_code in (400, 422)
    assert words in text(answer)
    assert words in text(client.post(f"/accounts/{account_id}/orders/preview", ticket(**fields)))


def test_the_estimate_names_each_charge_and_the_margin(short):
    account_id, who, client = short
    make.place(who, account_id, "buy", 20)
    found = text(client.post(f"/accounts/{account_id}/orders/preview", ticket(side="sell", quantity="20")))
    assert "Commission 1.00" in found
    assert "SEC fee" in found
    assert "Margin" in found


def test_shares_of_buying_power_and_of_a_position(mine):
    account_id, who, client = mine

    def size(share: str, **fields: str) -> Decimal:
        answer = client.post(f"/accounts/{account_id}/orders/size", ticket(share=share, **fields))
        assert answer.status_code == 204
        return Decimal(json.loads(answer["HX-Trigger"])["ticket-size"]["quantity"] or 0)

    most = size("100")
    ask = selectors.market_selectors.quotes_all(selectors.account_get(account_id, who).market_id)["AAA"].ask
    assert most == 10_000 // ask
    assert size("25") == most // 4
    assert size("100", side="sell") == 0
    make.place(who, account_id, "buy", 40)
    assert (size("50", side="sell"), size("100", side="sell")) == (20, 40)
    assert client.post(f"/accounts/{account_id}/orders/size", ticket(share="33")).status_code == 204
    assert make.place(who, account_id, "buy", most - 40).status == "filled"


def test_a_large_order_is_asked_about_once(mine):
    account_id, _, client = mine
    path = f"/accounts/{account_id}/orders"
    asked = client.post(path, ticket(quantity="80"))
    assert "This is a large order" in text(asked)
    assert not Order.objects.exists()
    other = client.post(path, ticket(quantity="81", confirm="buy:AAA:80:market"))
    assert "This is a large order" in text(other)
    sent = client.post(path, ticket(quantity="80", confirm="buy:AAA:80:market"))
    assert "Bought 80 AAA" in text(sent)
    assert "Sold 80 AAA" in text(client.post(path, ticket(side="sell", quantity="80", idempotency_key="key-2")))


def test_without_a_script_the_ticket_is_a_plain_form(mine):
    account_id, _, client = mine
    plain = {"headers": {"HX-Request": "false"}}
    answer = client.post(f"/accounts/{account_id}/orders", ticket(), follow=True, **plain)
    assert answer.redirect_chain[-1][0] == f"/accounts/{account_id}"
    assert "Bought 10 AAA" in text(answer)
    large = client.post(f"/accounts/{account_id}/orders", ticket(quantity="80", idempotency_key="k2"), **plain)
    assert 'name="confirm"' in text(large)
    assert 'value="80"' in text(large)
    assert 'action="/accounts/' in text(client.get(f"/accounts/{account_id}/positions/AAA/manage", **plain))


def test_legs_stand_under_their_entry_and_share_a_page(mine):
    account_id, who, client = mine
    entry = make.place(
        who,
        account_id,
        "buy",
        5,
        limit=Decimal(90),
        time_in_force="gtc",
        order_class="bracket",
        take_profit_price=Decimal(120),
        stop_loss_price=Decimal(80),
    )
    rows = nested(selectors.orders(account_id, open_only=True))
    assert [(row.level, row.kind) for row in rows] == [
        (0, "Limit 90.00"),
        (1, "Take profit 120.00"),
        (1, "Stop loss 80.00"),
    ]
    assert {row.state for row in rows[1:]} == {"Waits for its entry"}
    shown = text(client.get(f"/orders/{entry.id}"))
    assert "Linked orders" in shown
    assert "Take profit 120.00" in shown
    assert "Change the order" in shown


def test_an_order_is_changed_in_place_and_a_refusal_leaves_it(mine):
    account_id, who, client = mine
    order = make.place(who, account_id, "buy", 5, limit=Decimal(90), time_in_force="gtc")
    assert 'value="90"' in text(client.get(f"/orders/{order.id}/amend"))
    unchanged = client.post(f"/orders/{order.id}/replace", {"quantity": "5", "limit_price": "90"})
    assert unchanged.status_code == 409
    refused = client.post(f"/orders/{order.id}/replace", {"quantity": "500000", "limit_price": "90"})
    assert refused.status_code == 422
    assert selectors.order_get(order.id, who).status == "accepted"
    done = client.post(f"/orders/{order.id}/replace", {"quantity": "6", "limit_price": "91"})
    assert "Changed." in text(done)
    new = selectors.order_get(selectors.order_get(order.id, who).replaced_by_id or 0, who)
    assert (new.quantity, new.limit_price) == ("6", "91")


def test_cancel_all_is_asked_about(mine):
    account_id, who, client = mine
    for limit in (88, 89, 90):
        make.place(who, account_id, "buy", 1, limit=Decimal(limit), time_in_force="gtc")
    path = f"/accounts/{account_id}/orders/cancel"
    assert client.post(path).status_code == 422
    assert len(selectors.orders(account_id, open_only=True)) == 3
    assert "3 orders cancelled" in text(client.post(path, {"confirm": "yes"}))
    assert selectors.orders(account_id, open_only=True) == []


def test_a_short_shows_its_side_its_exposure_and_is_bought_back(short):
    account_id, who, client = short
    make.place(who, account_id, "sell", 30)
    shown = text(client.get(f"/accounts/{account_id}"))
    assert "Short</span>" in shown
    assert "Margin used" in shown
    part = client.post(f"/accounts/{account_id}/positions/AAA/close", {"quantity": "10", "idempotency_key": "p1"})
    assert "Bought 10 AAA" in text(part)
    assert selectors.positions(account_id)[0].quantity == -20
    protect = {"take_profit_price": "80", "stop_loss_price": "130", "idempotency_key": "p2"}
    assert "Waiting." in text(client.post(f"/accounts/{account_id}/positions/AAA/protect", protect))
    found = selectors.orders(account_id, open_only=True)
    assert {(item.side, item.type, item.quantity) for item in found} == {("buy", "limit", "20"), ("buy", "stop", "20")}
    assert client.post(f"/accounts/{account_id}/positions/AAA/protect", {}).status_code == 400


def test_a_margin_call_is_said_in_figures(short):
    account_id, who, _ = short
    make.place(who, account_id, "sell", 30)
    book = book_of(account_id)
    called = Margin(70_000, 300_000, initial_minor=75_000, maintenance_minor=75_000, close_out_minor=60_000)
    account = selectors.account_get(account_id, who)

    def shown(margin: Margin | None) -> str:
        whole = replace(book.whole, margin=margin, cash_minor=70_000 - book.whole.net_minor)
        return render_to_string("trading/_exposure.html", {"account": account, "book": replace(book, whole=whole)})

    assert "Margin call." in shown(called)
    assert "750.00" in shown(called)
    assert "gauge-high" in shown(called)
    assert "Margin call." not in shown(replace(called, equity_minor=75_000))
    assert "Margin used" not in shown(None)


ODD = ["\x00", "1e999999999", "sNaN", "-Infinity", "\N{SUPERSCRIPT TWO}", "9" * 400, "\N{FULLWIDTH DIGIT FIVE}"]


@pytest.mark.parametrize("odd", ODD)
def test_odd_input_is_refused_and_never_fails(mine, odd):
    account_id, who, client = mine
    order = make.place(who, account_id, "buy", 1, limit=Decimal(90), time_in_force="gtc")
    make.place(who, account_id, "buy", 1)
    for path, fields in {
        f"/accounts/{account_id}/orders": ("quantity", "stop_loss_price", "idempotency_key", "type", "expires_on"),
        f"/accounts/{account_id}/orders/preview": ("quantity", "symbol", "time_in_force"),
        f"/accounts/{account_id}/orders/size": ("share", "symbol", "side"),
        f"/accounts/{account_id}/orders/cancel": ("symbol",),
        f"/accounts/{account_id}/positions/AAA/close": ("quantity", "idempotency_key"),
        f"/accounts/{account_id}/positions/AAA/protect": ("take_profit_price", "quantity"),
        f"/orders/{order.id}/replace": ("quantity", "limit_price"),
        "/risk": ("max_order_pct", "max_open_orders", "preset"),
        "/risk/kill": ("confirm",),
    }.items():
        for name in fields:
            answer = client.post(path, {**ticket(time_in_force="gtd", confirm="yes"), name: odd})
            assert answer.status_code < 500, (path, name)
    for query in ("status", "symbol", "side", "type", "page", "tab"):
        assert client.get(f"/accounts/{account_id}", {"tab": "orders", query: odd}).status_code == 200
    for query in ("start", "end", "format"):
        asked = {"start": "2024-01-01", "end": "2024-02-01", query: odd}
        assert client.get(f"/accounts/{account_id}/statement", asked).status_code in (200, 400)
    assert client.get(f"/accounts/{account_id}/statement?start=0001-01-01&end=9999-12-31").status_code == 400


def test_history_is_filtered(mine):
    account_id, who, client = mine
    make.place(who, account_id, "buy", 1)
    make.place(who, account_id, "buy", 1, symbol="BBB")
    make.place(who, account_id, "sell", 500)

    def count(query: str) -> int:
        return text(client.get(f"/accounts/{account_id}?tab=orders&{query}")).count("data-trail")

    assert (count(""), count("status=filled"), count("status=refused"), count("symbol=BBB")) == (3, 2, 1, 1)
    assert (count("side=sell"), count("type=limit"), count("status=nonsense")) == (1, 0, 3)
    assert "No order fits this filter" in text(client.get(f"/accounts/{account_id}?tab=orders&type=limit"))


def test_analytics_says_why_a_figure_is_missing_and_shows_it_when_it_is_there(market, mine):
    account_id, who, client = mine
    empty = text(client.get(f"/accounts/{account_id}/analytics"))
    assert "needs a closed trade" in empty
    assert "needs 5 market days, has" in empty
    make.place(who, account_id, "buy", 10)
    for _ in range(6):
        advance(market.id)
    make.place(who, account_id, "sell", 10)
    full = text(client.get(f"/accounts/{account_id}/analytics"))
    assert "of 1 trades" in full
    assert "1 closed, 0 open" in full
    assert "heat-" in full
    found = {card.name: card for card in cards(performance_of(account_id), "USD")}
    assert found["Win rate"].text in ("100.00%", "0.00%")
    assert found["Best trade"].sign == found["Worst trade"].sign


def test_a_statement_adds_up_over_any_cut_of_time(market, short):
    account_id, who, client = short
    make.place(who, account_id, "buy", 30)
    make.place(who, account_id, "sell", 20, symbol="BBB")
    for _ in range(9):
        advance(market.id)
    make.place(who, account_id, "sell", 45)
    curve = selectors.equity_curve(account_id)
    first, last = curve[0][0], curve[-1][0]
    whole = statement_of(account_id, first, last.replace(year=last.year + 1))
    assert whole.opening.cash_minor == 0
    assert whole.fills_total == 3
    assert whole.closing.cash_minor == selectors.account_get(account_id, who).cash_minor
    for at, _ in curve[1:-1]:
        left = statement_of(account_id, first, at)
        right = statement_of(account_id, at, last.replace(year=last.year + 1))
        assert left.closing == right.opening
        assert left.fills_total + right.fills_total == 3
    csv = client.get(f"/accounts/{account_id}/statement?format=csv")
    assert csv["Content-Type"].startswith("text/csv")
    assert "Simulated trading" in text(csv)
    pdf = client.get(f"/accounts/{account_id}/statement?format=pdf")
    assert pdf.content.startswith(b"%PDF")
    assert "attachment" in pdf["Content-Disposition"]
    assert "Closing balance" in text(client.get(f"/accounts/{account_id}/statement"))


@pytest.mark.parametrize("query", ["start=2024-02-01&end=2024-01-01", "start=x&end=2024-01-01", "start=2024-01-01"])
def test_a_period_that_is_none_is_refused_in_words(mine, query):
    account_id, _, client = mine
    assert client.get(f"/accounts/{account_id}/statement?{query}").status_code == 400


def test_limits_are_set_by_tolerance_and_by_hand_and_hold(mine):
    account_id, who, client = mine
    assert client.post("/risk", {"preset": "conservative"}).status_code == 302
    assert "your choice" in text(client.get("/risk"))
    assert RiskSettings.objects.get(owner_id=who.user_id).tolerance == "conservative"
    denied = client.post(f"/accounts/{account_id}/orders", ticket(quantity="20"))
    assert "10% of equity" in text(denied)
    wrong = client.post("/risk", {"max_order_pct": "-3"})
    assert wrong.status_code == 400
    assert "above zero" in text(wrong)
    assert client.post("/risk", {"max_order_pct": "50", "max_open_orders": "5"}).status_code == 302
    chosen = RiskSettings.objects.get(owner_id=who.user_id)
    assert chosen.limits["max_order_pct"] == "50"
    assert chosen.tolerance == ""


def test_the_kill_switch_wants_its_word_and_reports(mine):
    account_id, who, client = mine
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "buy", 1, limit=Decimal(90), time_in_force="gtc")
    client.post("/risk/kill", {"confirm": "yes", "flatten": "on"})
    assert selectors.positions(account_id)
    report = text(client.post("/risk/kill", {"confirm": "stop", "flatten": "on"}))
    assert "Everything is stopped" in report
    assert selectors.positions(account_id) == []
    assert selectors.orders(account_id, open_only=True) == []
    assert "kill switch" in text(client.post(f"/accounts/{account_id}/orders", ticket()))
    assert client.post("/risk/release").status_code == 302


def test_what_is_somebody_elses_is_not_there(market, mine):
    account_id, who, _ = mine
    order = make.place(who, account_id, "buy", 1, limit=Decimal(90), time_in_force="gtc")
    stranger = signed_in(make.user())
    for path in ("analytics", "statement", "positions/AAA/manage"):
        assert stranger.get(f"/accounts/{account_id}/{path}").status_code == 404
    for path in (f"/orders/{order.id}", f"/orders/{order.id}/amend"):
        assert stranger.get(path).status_code == 404
    for path in (
        *(f"/orders/{order.id}/replace", f"/orders/{order.id}/cancel", f"/accounts/{account_id}/orders/cancel"),
        *(f"/accounts/{account_id}/orders/size", f"/accounts/{account_id}/positions/AAA/protect"),
    ):
        assert stranger.post(path, ticket(confirm="yes", share="25")).status_code == 404
    assert selectors.order_get(order.id, who).status == "accepted"
    agents_id, _ = make.account(market, owner=make.user(kind="agent"))
    assert Client().get(f"/accounts/{agents_id}/analytics").status_code == 200
    assert stranger.get(f"/accounts/{agents_id}/statement").status_code == 404


def test_lists_cost_the_same_however_long_they_are(market, mine):
    account_id, who, client = mine
    paths = [
        f"/accounts/{account_id}{tail}" for tail in ("", "?tab=orders", "?tab=trades", "/analytics", "/orders/open")
    ]

    def fill(number: int) -> None:
        for _ in range(number):
            for symbol in ("AAA", "BBB"):
                make.place(who, account_id, "buy", 1, symbol=symbol)
            make.place(
                who,
                account_id,
                "buy",
                1,
                limit=Decimal(90),
                time_in_force="gtc",
                order_class="bracket",
                take_profit_price=Decimal(120),
                stop_loss_price=Decimal(80),
            )

    def costs() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            found.append(len(queries))
        return found

    fill(1)
    costs()
    before = costs()
    fill(8)
    assert costs() == before
