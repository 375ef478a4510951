"""What people type, as what the services take. Raises Invalid; whether it makes sense is decided by the services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import uuid4

from django import forms

from core.errors import DomainError, Invalid
from core.services.idempotency import MAX_KEY
from trading.domain.revision import Revision
from trading.domain.types import OrderRequest, OrderView

TYPES_WITH_LIMIT = ("limit", "stop_limit")
TYPES_WITH_STOP = ("stop", "stop_limit")
MAX_DAYS = 366 * 60
MAX_DIGITS = 24
MAX_YEAR = 2999


def number(raw: str, field: str) -> Decimal:
    """A number as people type it, thousands grouped or not."""
    words = field.replace("_", " ")
    wrong = Invalid(f"invalid_{field}", f"Enter the {words} as a number.", {"field": field})
    try:
        found = Decimal(raw.replace(",", "").replace("\N{MINUS SIGN}", "-").strip())
    except InvalidOperation as error:
        raise wrong from error
    # Beyond this no price or quantity lies, and writing such a number out would take all memory.
    if not found.is_finite() or abs(found.adjusted()) > MAX_DIGITS:
        raise wrong
    return found


def _maybe(data: Mapping[str, str], field: str) -> Decimal | None:
    raw = data.get(field, "").strip()
    return number(raw, field) if raw else None


def _needed(data: Mapping[str, str], field: str, kind: str) -> Decimal:
    found = _maybe(data, field)
    if found is None:
        words = field.replace("_", " ")
        raise Invalid(f"{field}_required", f"A {kind} order needs a {words}.", {"field": field})
    return found


def day_end(raw: str) -> datetime:
    """The last second of a day of the market's calendar. Raises Invalid."""
    try:
        day = date.fromisoformat(raw)
    except ValueError as error:
        words = "Choose the date until which the order is good."
        raise Invalid("invalid_expires_at", words, {"field": "expires_on"}) from error
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def _trail(data: Mapping[str, str]) -> tuple[Decimal | None, Decimal | None]:
    """(amount, percent): one of them."""
    away = _maybe(data, "trail")
    if away is None:
        raise Invalid("trail_required", "A trailing stop needs its distance from the price.", {"field": "trail"})
    return (None, away) if data.get("trail_unit") == "percent" else (away, None)


def key_of(data: Mapping[str, str]) -> str:
    """The form's idempotency key; raises Invalid for one that cannot be kept."""
    key = data.get("idempotency_key", "") or uuid4().hex
    if len(key) > MAX_KEY or not key.isprintable():
        raise Invalid("invalid_idempotency_key", f"An idempotency key has 1 to {MAX_KEY} printable characters.")
    return key


def ticket_request(data: Mapping[str, str]) -> OrderRequest:
    """The ticket's fields as an order request; prices that the type does not use are left out."""
    kind = data.get("type", "market")
    words = {"stop_limit": "stop-limit", "trailing_stop": "trailing stop"}.get(kind, kind)
    tif = data.get("time_in_force", "day") or "day"
    profit, loss = _maybe(data, "take_profit_price"), _maybe(data, "stop_loss_price")
    legs = (profit is not None) + (loss is not None)
    amount, percent = _trail(data) if kind == "trailing_stop" else (None, None)
    return OrderRequest(
        symbol=data.get("symbol", "").strip().upper(),
        side=data.get("side", ""),  # type: ignore[arg-type]
        type=kind,  # type: ignore[arg-type]
        quantity=number(data.get("quantity", ""), "quantity"),
        limit_price=_needed(data, "limit_price", words) if kind in TYPES_WITH_LIMIT else None,
        stop_price=_needed(data, "stop_price", words) if kind in TYPES_WITH_STOP else None,
        trail_amount=amount,
        trail_percent=percent,
        time_in_force=tif,  # type: ignore[arg-type]
        expires_at=day_end(data.get("expires_on", "")) if tif == "gtd" else None,
        reduce_only=data.get("reduce_only") == "on",
        order_class=("simple", "oto", "bracket")[legs],
        take_profit_price=profit,
        stop_loss_price=loss,
        source="web",
    )


def protect_request(symbol: str, held: Decimal, data: Mapping[str, str]) -> OrderRequest:
    """Orders that protect a position: a take profit and a stop loss as one-cancels-the-other, or one of them."""
    profit, loss = _maybe(data, "take_profit_price"), _maybe(data, "stop_loss_price")
    if profit is None and loss is None:
        words = "Enter a take profit, a stop loss, or both."
        raise Invalid("legs_required", words, {"field": "take_profit_price"})
    asked = _maybe(data, "quantity")
    both = profit is not None and loss is not None
    return OrderRequest(
        symbol=symbol,
        side="sell" if held > 0 else "buy",
        quantity=abs(held) if asked is None else asked,
        type="stop" if profit is None else "limit",
        limit_price=profit,
        stop_price=loss if profit is None else None,
        stop_loss_price=loss if both else None,
        order_class="oco" if both else "simple",
        reduce_only=not both,
        time_in_force="gtc",
        source="web",
    )


def revision_of(order: OrderView, data: Mapping[str, str]) -> Revision:
    """What the inline form changes about an order; a value that stayed the same is not a change."""

    def changed(field: str, now: str | None) -> Decimal | None:
        asked = _maybe(data, field)
        return None if asked is None or (now is not None and asked == Decimal(now)) else asked

    left = Decimal(order.quantity) - Decimal(order.filled_quantity)
    return Revision(
        quantity=changed("quantity", str(left)),
        limit_price=changed("limit_price", order.limit_price),
        stop_price=changed("stop_price", order.stop_price) if order.type != "trailing_stop" else None,
        trail_amount=changed("trail_amount", order.trail_amount),
        trail_percent=changed("trail_percent", order.trail_percent),
    )


class PeriodForm(forms.Form):
    """A period of whole days, both included, of the market's calendar."""

    start = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    end = forms.DateField(label="To, included", widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """The period has a beginning before its end, and is not endless."""
        data = super().clean() or {}
        start, end = data.get("start"), data.get("end")
        if start and end and (end < start or (end - start).days > MAX_DAYS or end.year > MAX_YEAR):
            self.add_error("end", "Choose a last day that is not before the first, and a period of at most 60 years.")
        return data

    def bounds(self) -> tuple[datetime, datetime]:
        """[start, end) as moments."""
        start, end = self.cleaned_data["start"], self.cleaned_data["end"]
        return (
            datetime.combine(start, time.min, tzinfo=UTC),
            datetime.combine(end, time.min, tzinfo=UTC) + timedelta(days=1),
        )


LIMITS: tuple[tuple[str, str, str, str], ...] = (
    ("max_position_pct", "Most in one symbol", "%", "Of equity, long or short."),
    ("max_order_pct", "Most in one order", "%", "Of equity, when it opens risk."),
    ("max_daily_loss_pct", "Most lost in a day", "%", "Of the day's first equity. Then orders only reduce."),
    ("max_open_orders", "Open orders", "", "Orders that wait, legs included."),
    ("max_orders_per_minute", "Orders a minute", "", "A brake on haste, and on programs."),
    ("max_orders_per_day", "Orders a market day", "", "Those that open risk."),
    ("max_trades_per_day", "Trades a market day", "", "Counted when they fill."),
    ("default_stop_pct", "Stop loss of each entry", "%", "Away from it, where it has no exits of its own."),
    ("default_target_pct", "Take profit of each entry", "%", "Likewise."),
)  # fmt: skip


class LimitsForm(forms.Form):
    """A person's own limits. An empty field is no limit."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, unit, words in LIMITS:
            empty = "none" if name.startswith("default") else "no limit"
            self.fields[name] = forms.CharField(
                label=f"{label}, {unit}" if unit else label,
                required=False,
                help_text=words,
                max_length=20,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "placeholder": empty}),
            )

    def limits(self) -> dict[str, str | None]:
        """What was typed; None where there is to be no limit. Raises Invalid with the field."""
        found: dict[str, str | None] = {}
        for name, *_ in LIMITS:
            raw = self.cleaned_data.get(name, "").strip().removesuffix("%")
            found[name] = f"{number(raw, name):f}" if raw else None
        return found

    def refuse(self, error: DomainError) -> None:
        """Show a refusal at the field it is about."""
        field = str(error.details.get("field", ""))
        if field not in self.fields:
            self.add_error(None, error.message)
            return
        self.add_error(field, "Enter a number above zero, or leave it empty.")
