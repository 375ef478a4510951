"""Every refusal of an order: its code, what it tells, and that nothing else changes. A code without a case fails."""

import ast
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from accounts.domain import standing
from accounts.models import LegalText, User
from core.errors import Invalid
from core.models import IdempotencyRecord, Journal, OutboxEvent, Posting, SystemFlag
from marketdata.models import Listing, Market
from marketdata.services.listings import listing_halt
from marketdata.services.markets import market_pause
from marketdata.tests.factories import replay_market
from trading import domain
from trading.domain.types import OrderRequest
from trading.models import Account, AccountMark, Fill, Order, OrderTransition, Position, RiskSettings
from trading.services.orders import order_place
from trading.tests import factories as make

pytestmark = pytest.mark.django_db

DOMAIN = Path(domain.__file__).parent
# A message that says what to do has one of these in it.
TO_DO = re.compile(
    r"\b(use|reduce|order more|wait|sell|cancel|contact|place|try|look|move|choose|trade|turn|change|send)\b",
    re.IGNORECASE,
)


class Desk:
    """A market at its first print (AAA at 100.00, BBB at 50.00), an account with 10,000 in it, and what a case does."""

    def __init__(self, **market: Any) -> None:
        self.market = replay_market(**{"ticks": 1, **market})
        self.account_id, self.who = make.account(self.market, group_id=make.group(self.market))

    def limits(self, **values: Any) -> None:
        RiskSettings.objects.create(owner_id=self.who.user_id, limits=values)

    def place(self, side: str = "buy", quantity: object = 1, symbol: str = "AAA", **more: Any) -> Any:
        prices = {name: Decimal(value) if isinstance(value, str) and name.endswith("_price") else value
                  for name, value in more.items()}  # fmt: skip
        request = OrderRequest(symbol, side, Decimal(str(quantity)), **prices)
        return order_place(actor=self.who, account_id=self.account_id, request=request)

    def state(self) -> list[Any]:
        """Everything that an order could change, orders and their own trail apart."""
        tables = (Account, AccountMark, Position, Fill, Journal, Posting, IdempotencyRecord)
        orders = Order.objects.exclude(status="denied").order_by("id")
        return [list(model.objects.order_by("pk").values()) for model in tables] + [list(orders.values())]


def suspended(desk: Desk) -> Any:
    User.objects.filter(pk=desk.who.user_id).update(status="suspended")
    return desk.place


def cleared_to(clearance: int) -> Callable[[Desk], Any]:
    def prepare(desk: Desk) -> Any:
        LegalText.objects.create(kind="terms", version=1, edition=4, title="Terms", body="Be fair.")
        User.objects.filter(pk=desk.who.user_id).update(clearance=clearance)
        return desk.place

    return prepare


def halt(desk: Desk) -> Any:
    SystemFlag.objects.create(key="trading_halt", is_on=True, message="An exchange reports wrong prices.")
    return desk.place


def locked(desk: Desk) -> Any:
    Account.objects.filter(pk=desk.account_id).update(status="locked", lock_reason="daily loss")
    return desk.place


def group_status(desk: Desk) -> Any:
    group_id = make.group(desk.market, status="paused")
    desk.account_id, desk.who = make.account(desk.market, group_id=group_id)
    return desk.place


def paused(desk: Desk) -> Any:
    market_pause(actor=None, market_id=desk.market.id)
    return desk.place


def moved_on(desk: Desk) -> Any:
    Market.objects.filter(pk=desk.market.id).update(tick=F("tick") + 1)
    return desk.place


def grown_old(desk: Desk) -> Any:
    Market.objects.filter(pk=desk.market.id).update(tick_at=F("tick_at") + timedelta(hours=1))
    return desk.place


def halted(desk: Desk) -> Any:
    listing = Listing.objects.get(market_id=desk.market.id, symbol="AAA")
    listing_halt(actor=None, listing_id=listing.pk, reason="news")
    return desk.place


def limited(**limits: Any) -> Callable[[Desk], Any]:
    def prepare(desk: Desk) -> Any:
        desk.place(quantity=2)
        desk.limits(**limits)
        return lambda: desk.place(quantity=50)

    return prepare


def full_book(desk: Desk) -> Any:
    desk.limits(max_open_orders=1)
    desk.place(type="limit", limit_price="90")
    return lambda: desk.place(type="limit", limit_price="90")


def lost(desk: Desk) -> Any:
    desk.limits(max_daily_loss_pct="5")
    AccountMark.objects.filter(pk=desk.account_id).update(day_equity_minor=1_100_000)
    return desk.place


def plain(**order: Any) -> Callable[[Desk], Any]:
    return lambda desk: lambda: desk.place(**order)


LEGS = {"take_profit_price": "101", "stop_loss_price": "90"}
FINE = {"instrument": {"lot_size": "0.000001"}, "bars": {"AAA": [(1, 1, 1, 1)] * 2}}
# (code, how to come to it, the market it happens in)
DENIALS: list[tuple[str, Callable[[Desk], Any], dict[str, Any]]] = [
    ("account_suspended", suspended, {}),
    ("onboarding_incomplete", cleared_to(0), {}),
    ("region_blocked", cleared_to(-1), {}),
    ("consent_due", cleared_to(3), {}),
    ("trading_halted", halt, {}),
    ("account_not_active", locked, {}),
    ("trading_not_open", group_status, {}),
    ("market_closed", paused, {}),
    ("stale_quote", moved_on, {}),
    ("stale_quote", grown_old, {}),
    ("halted", halted, {}),
    ("outside_price_band", plain(type="limit", limit_price="90"), {"venue": {"band_pct": "5"}}),
    ("outside_price_band", plain(type="stop", stop_price="110"), {"venue": {"band_pct": "5"}}),
    ("lot_size", plain(quantity="1.5"), {}),
    ("tick_size", plain(type="limit", limit_price="99.999"), {}),
    ("tick_size", plain(order_class="bracket", take_profit_price="120", stop_loss_price="90.001"), {}),
    ("price_collar", plain(type="limit", limit_price="10"), {}),
    ("price_collar", plain(order_class="oto", take_profit_price="900"), {}),
    ("stop_reached", plain(type="stop", stop_price="99"), {}),
    ("stop_reached", plain(side="sell", type="stop_limit", stop_price="101", limit_price="90"), {}),
    ("legs_crossed", plain(order_class="bracket", take_profit_price="99", stop_loss_price="90"), {}),
    ("date_passed", plain(time_in_force="gtd", expires_at=datetime(2024, 1, 1, tzinfo=UTC)), {}),
    ("order_too_small", plain(quantity="0.000001"), FINE),
    ("order_too_large", plain(quantity="999999999"), {}),
    ("too_many_open_orders", full_book, {}),
    ("nothing_to_reduce", plain(side="sell", reduce_only=True), {}),
    (
        "nothing_to_reduce",
        plain(side="sell", type="limit", limit_price="110", order_class="oco", stop_loss_price="90"),
        {},
    ),
    ("not_enough_shares", plain(side="sell"), {}),
    ("not_enough_buying_power", plain(quantity=1000), {}),
    ("kill_switch", limited(blocked=True), {}),
    ("order_share_limit", limited(max_order_pct="10"), {}),
    ("position_share_limit", limited(max_position_pct="10"), {}),
    ("daily_loss_limit", lost, {}),
    ("order_rate_limit", limited(max_orders_per_minute=1), {}),
    ("daily_order_limit", limited(max_orders_per_day=1), {}),
    ("daily_trade_limit", limited(max_trades_per_day=1), {}),
]


@pytest.mark.parametrize(("code", "prepare", "market"), DENIALS, ids=lambda item: item if isinstance(item, str) else "")
def test_a_denied_order_is_stored_says_what_to_do_and_changes_nothing_else(code, prepare, market):
    desk = Desk(**market)
    send = prepare(desk)
    before, events = desk.state(), OutboxEvent.objects.count()
    view = send()
    assert (view.status, view.code) == ("denied", code), view.message
    assert TO_DO.search(view.message), view.message
    assert view.message.endswith(".")
    row = Order.objects.get(pk=view.id)
    assert (row.status, row.code, row.message, row.wake) == ("denied", code, view.message, "")
    assert (row.filled_quantity, row.reserved_minor, row.reserved_quantity) == (0, 0, 0)
    steps = OrderTransition.objects.filter(order=row).values_list("from_status", "to_status")
    assert list(steps) == [("initialized", "denied")]
    assert OutboxEvent.objects.count() == events + 1
    assert desk.state() == before


OCO = {"type": "limit", "limit_price": "110", "order_class": "oco", "side": "sell"}
# (code, the order, the field that is named)
MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("invalid_symbol", {"symbol": "not a symbol"}),
    ("invalid_side", {"side": "hold"}),
    ("invalid_type", {"type": "hope"}),
    ("invalid_time_in_force", {"time_in_force": "soon"}),
    ("invalid_time_in_force", {"time_in_force": "ioc", "type": "stop", "stop_price": "110"}),
    ("invalid_time_in_force", {"time_in_force": "fok", "order_class": "bracket", **LEGS}),
    ("invalid_order_class", {"order_class": "family"}),
    ("invalid_quantity", {"quantity": "0"}),
    ("invalid_quantity", {"quantity": "NaN"}),
    ("invalid_quantity", {"quantity": "0.0000001"}),
    ("invalid_quantity", {"quantity": "1e10"}),
    ("limit_price_required", {"type": "limit"}),
    ("limit_price_not_allowed", {"limit_price": "99"}),
    ("invalid_limit_price", {"type": "limit", "limit_price": "-1"}),
    ("stop_price_required", {"type": "stop"}),
    ("stop_price_not_allowed", {"type": "limit", "limit_price": "99", "stop_price": "98"}),
    ("invalid_stop_price", {"type": "stop", "stop_price": "1e12"}),
    ("trail_not_allowed", {"trail_amount": Decimal(1)}),
    ("trail_required", {"type": "trailing_stop"}),
    ("trail_required", {"type": "trailing_stop", "trail_amount": Decimal(1), "trail_percent": Decimal(1)}),
    ("invalid_trail_amount", {"type": "trailing_stop", "trail_amount": Decimal(0)}),
    ("invalid_trail_percent", {"type": "trailing_stop", "trail_percent": Decimal(100)}),
    ("expires_at_required", {"time_in_force": "gtd"}),
    ("expires_at_not_allowed", {"expires_at": datetime(2030, 1, 1, tzinfo=UTC)}),
    ("invalid_expires_at", {"time_in_force": "gtd", "expires_at": datetime(2030, 1, 1)}),  # noqa: DTZ001
    ("legs_not_allowed", {"take_profit_price": "120"}),
    ("invalid_take_profit_price", {"order_class": "oto", "take_profit_price": "0"}),
    ("stop_loss_price_required", {"order_class": "oto", "take_profit_price": "120", "stop_loss_limit_price": "80"}),
    ("legs_required", {"order_class": "bracket", "take_profit_price": "120"}),
    ("legs_required", {"order_class": "oto", "take_profit_price": "120", "stop_loss_price": "90"}),
    ("legs_required", OCO),
    ("reduce_only_not_allowed", {"order_class": "bracket", "reduce_only": True, **LEGS}),
    ("legs_crossed", {"type": "limit", "limit_price": "95", "order_class": "bracket", "take_profit_price": "94",
                      "stop_loss_price": "90"}),
    ("legs_crossed", {**OCO, "stop_loss_price": "120"}),
    ("invalid_client_order_id", {"client_order_id": "x" * 65}),
    ("invalid_client_order_id", {"client_order_id": "bell\a"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "order"), MALFORMED, ids=lambda item: item if isinstance(item, str) else "")
def test_a_malformed_order_is_refused_and_stores_nothing(code, order):
    desk = Desk()
    before, events = desk.state(), OutboxEvent.objects.count()
    with pytest.raises(Invalid) as caught:
        desk.place(**order)
    assert caught.value.code == code, caught.value.message
    assert caught.value.message.endswith(".")
    assert not Order.objects.exists()
    assert (desk.state(), OutboxEvent.objects.count()) == (before, events)


def codes_of(module: str, makers: set[str]) -> set[str]:
    """First arguments of calls that make a refusal, as patterns: what an f-string fills in matches anything."""
    found = set()
    for node in ast.walk(ast.parse((DOMAIN / module).read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers):
            continue
        if not node.args:
            continue
        code = node.args[0]
        if isinstance(code, ast.Constant):
            found.add(re.escape(str(code.value)))
        elif isinstance(code, ast.JoinedStr):
            found.add("".join(re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in code.values))
    return found


@pytest.mark.parametrize(
    ("modules", "makers", "covered"),
    [
        # A replay's exchange is never closed: that case is in test_live_orders.
        (
            ("checks.py", "judge.py", standing.__file__),
            {"Denial", "Standing"},
            {item[0] for item in DENIALS} | {"exchange_closed"},
        ),
        (("requests.py",), {"Invalid", "_invalid"}, {item[0] for item in MALFORMED}),
    ],
)
def test_every_code_has_a_case(modules, makers, covered):
    patterns = set().union(*(codes_of(module, makers) for module in modules))
    assert len(patterns) > 10
    assert not {pattern for pattern in patterns if not any(re.fullmatch(pattern, code) for code in covered)}
    assert not {code for code in covered if not any(re.fullmatch(pattern, code) for pattern in patterns)}
