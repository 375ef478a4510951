"""What people are told of their accounts: margin calls, limits, verdicts. Imported by the handlers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from accounts.services.notices import notify_in_tx
from core.money import to_major
from core.outbox import EventView, subscribe
from trading.models import Account, Verdict

_LIMITS = {
    "daily_loss": "the daily loss limit",
    "max_loss": "the maximum loss",
    "time_limit": "the time limit",
    "inactivity": "the time without a trade",
}
_VERDICTS = {
    "fail": "the account has failed",
    "expired": "the time of the account is over",
    "pass": "the phase is passed",
    "eligible": "you are eligible",
}


def _account(event: EventView) -> Account | None:
    """The account that an event is about; None when it is an agent's, which nobody is told of."""
    rows = Account.objects.filter(owner__kind="person").only("pk", "owner_id", "label", "currency")
    return rows.filter(pk=event.payload["account_id"]).first()


def _tell(event: EventView, account: Account, kind: str, **params: Any) -> None:
    notify_in_tx(
        user_id=account.owner_id,
        kind=kind,
        dedupe=f"event:{event.id}",
        params={"account": account.label, **params},
        url=f"/accounts/{account.pk}",
    )


def _money(minor: int, account: Account) -> str:
    return f"{to_major(minor, account.currency):,} {account.currency}"


@subscribe("trading.margin_call", "trading.tell_margin_call")
def _margin_call(event: EventView) -> None:
    account, figures = _account(event), event.payload
    if account is None:
        return
    message = (
        f"Equity is {_money(figures['equity_minor'], account)}, the maintenance margin "
        f"{_money(figures['maintenance_minor'], account)}. Reduce positions: below "
        f"{_money(figures['close_out_minor'], account)}, or at the close, they are reduced for you."
    )
    _tell(event, account, "margin_call", message=message)


@subscribe("trading.margin_call_ended", "trading.tell_margin_call_ended")
def _margin_call_ended(event: EventView) -> None:
    account = _account(event)
    if account is None or event.payload.get("outcome") != "reduced":
        return
    message = f"Positions were reduced for you by {event.payload['orders']} orders. The call is over."
    _tell(event, account, "margin_call", message=message)


@subscribe("trading.daily_loss_limit", "trading.tell_daily_loss")
def _daily_loss(event: EventView) -> None:
    account = _account(event)
    if account is None:
        return
    message = f"{_lost(event, account)} Orders that open risk are refused until the next market day."
    _tell(event, account, "limit_reached", limit=_LIMITS["daily_loss"], message=message)


@subscribe("trading.daily_loss_warning", "trading.tell_daily_loss_warning")
def _daily_loss_near(event: EventView) -> None:
    account = _account(event)
    if account is None:
        return
    message = f"{_lost(event, account)} At the limit, orders that open risk are refused until the next market day."
    _tell(event, account, "limit_warning", percent=event.payload["level"], limit=_LIMITS["daily_loss"], message=message)


def _lost(event: EventView, account: Account) -> str:
    lost, began = int(event.payload["lost_minor"]), int(event.payload["day_equity_minor"])
    share = (Decimal(lost) * 100 / began).quantize(Decimal("0.01")) if began else Decimal(100)
    return f"Lost today: {_money(lost, account)} ({share}%), of {event.payload['limit_pct']}% that you allow."


@subscribe("trading.verdict", "trading.tell_verdict")
def _verdict(event: EventView) -> None:
    payload = event.payload
    account, kind = _account(event), str(payload["kind"])
    if account is None:
        return
    limit = _limit(str(payload["code"]))
    if kind == "warn":
        verdict = Verdict.objects.only("evidence").get(pk=payload["verdict_id"])
        level = verdict.evidence.get("figures", {}).get("level")
        if level is not None:
            _tell(event, account, "limit_warning", percent=level, limit=limit, message=payload["message"])
            return
        _tell(event, account, "verdict", verdict="a warning", message=payload["message"])
    elif kind == "soft":
        _tell(event, account, "limit_reached", limit=limit, message=payload["message"])
    elif kind in _VERDICTS:
        _tell(event, account, "verdict", verdict=_VERDICTS[kind], message=payload["message"])


def _limit(code: str) -> str:
    name = code.removesuffix("_warning").removesuffix("_breached")
    return _LIMITS.get(name, f"the limit of {name.replace('_', ' ')}")
