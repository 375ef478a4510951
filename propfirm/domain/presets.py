"""Plans that ship with the product: the two challenges, and one for each way in which firms set their rules. Pure.

The variants and their figures follow the field's published rules; docs/prop-firm.md says which is which.
"""

from __future__ import annotations

from typing import Any

Rule = dict[str, Any]
Document = dict[str, Any]

NEW_YORK = {"time": "00:00", "zone": "America/New_York"}
PRAGUE = {"time": "00:00", "zone": "Europe/Prague"}
CHICAGO = {"time": "17:00", "zone": "America/Chicago"}
HALF_PAST = {"time": "00:30", "zone": "UTC"}
MARGIN = {"kind": "margin", "leverage": "2", "short": True}
SCALING: Rule = {
    "kind": "scaling", "every_months": 4, "min_profit_percent": "10", "min_payouts": 2, "increase_percent": "25",
    "cap": "2000000",
}  # fmt: skip
SPLIT_90: Document = {
    "code": "split-90",
    "name": "90 % from the first payout",
    "about": "You keep 90 % of the profit from the first payout on.",
    "price_percent": "20",
    "patches": [{"phase": "funded", "rule": "payout", "set": {"split_percent": "90", "split_steps": []}}],
}


def _of(basis: str, value: str) -> dict[str, str]:
    return {"basis": basis, "value": value}


def _daily(percent: str, reset: dict[str, str], **knobs: Any) -> Rule:
    return {"kind": "daily_loss", "amount": _of("initial", percent), "reset": reset, **knobs}


def _max_loss(percent: str, **knobs: Any) -> Rule:
    return {"kind": "max_loss", "amount": _of("initial", percent), **knobs}


def _target(percent: str) -> Rule:
    return {"kind": "profit_target", "amount": _of("initial", percent)}


def _days(days: int, reset: dict[str, str], **knobs: Any) -> Rule:
    return {"kind": "min_trading_days", "days": days, "reset": reset, **knobs}


def _idle(days: int = 30) -> Rule:
    return {"kind": "inactivity", "days": days}


def _payout(first: int = 14, every: int = 14, split: str = "80", **knobs: Any) -> Rule:
    return {"kind": "payout", "first_after_days": first, "every_days": every, "split_percent": split,
            "minimum": "100", **knobs}  # fmt: skip


def _phase(key: str, name: str, kind: str, *rules: Rule) -> Document:
    return {"key": key, "name": name, "kind": kind, "rules": list(rules)}


def _evaluation(*rules: Rule, name: str = "Evaluation") -> Document:
    return _phase("evaluation", name, "evaluation", *rules)


def _verification(*rules: Rule, name: str = "Verification") -> Document:
    return _phase("verification", name, "evaluation", *rules)


def _funded(*rules: Rule) -> Document:
    return _phase("funded", "Funded", "funded", *rules)


def _plan(code: str, name: str, tagline: str, steps: str, size: str, price: str, *phases: Document,
          add_ons: tuple[Document, ...] = (SPLIT_90,), **more: Any) -> Document:  # fmt: skip
    return {
        "code": code, "version": 1, "name": name, "tagline": tagline, "steps": steps, "currency": "USD", "size": size,
        "price": price, "terms": MARGIN, "phases": list(phases), "add_ons": list(add_ons), **more,
    }  # fmt: skip


def _chance(price: str, **knobs: Any) -> Rule:
    return {"kind": "second_chance", "reset_price": price, "max_resets": 3, **knobs}


def _challenge(code: str, name: str, size: str, price: str, reset_price: str) -> Document:
    """Two steps with 5 % a day and 10 % in all, New York days; the fee comes back with the first payout."""
    daily, most = _daily("5", NEW_YORK), _max_loss("10")
    share: Rule = {"kind": "max_symbol_share", "percent": "100"}
    return _plan(
        code, name, "Two steps, 5 % a day, 10 % in all. Your fee comes back with the first payout.", "two", size, price,
        _evaluation(daily, most, _target("10"), _days(5, NEW_YORK), share, _idle(),
                    _chance(reset_price, free_retries=1), {"kind": "time_limit", "days": 60}),
        _verification(daily, most, _target("5"), _days(5, NEW_YORK), share, _idle(),
                      _chance(reset_price, free_retries=1), {"kind": "time_limit", "days": 60}),
        _funded(daily, most, share, _idle(), _payout(split_steps=[{"after": 2, "percent": "90"}]), SCALING,
                {"kind": "second_chance", "refund_fee_with_payout": 1}),
        add_ons=(
            SPLIT_90,
            {
                "code": "no-time-limit",
                "name": "No time limit",
                "about": "Take as long as you like in both steps.",
                "price_percent": "10",
                "patches": [
                    {"phase": key, "rule": "time_limit", "set": {"remove": True}}
                    for key in ("evaluation", "verification")
                ],
            },
        ),
    )  # fmt: skip


def _midnight() -> Document:
    """The day's floor from the balance at midnight in Prague; funded accounts keep away from news and weekends."""
    daily, most = _daily("5", PRAGUE), _max_loss("10")
    calm: list[Rule] = [
        {"kind": "news_blackout"},
        {"kind": "flat_by_weekend", "flat_by": "22:00", "zone": "Europe/Prague"},
    ]
    swing = [{"phase": "funded", "rule": rule["kind"], "set": {"remove": True}} for rule in calm]
    return _plan(
        "midnight-100k", "Midnight 100K", "The day's floor is set by your balance at midnight, Prague time.", "two",
        "100000", "549",
        _evaluation(daily, most, _target("10"), _days(4, PRAGUE), _idle(), _chance("499")),
        _verification(daily, most, _target("5"), _days(4, PRAGUE), _idle(), _chance("499")),
        _funded(daily, most, *calm, _idle(), _payout(split_steps=[{"after": 2, "percent": "90"}]), SCALING,
                {"kind": "second_chance", "refund_fee_with_payout": 1}),
        add_ons=(
            SPLIT_90,
            {"code": "swing", "name": "Swing", "about": "Hold over news and weekends when you are funded.",
             "price_percent": "10", "patches": swing},
        ),
    )  # fmt: skip


def _trailing_close() -> Document:
    """One step; the floor trails the best close and never falls; the best day is at most half of the profit."""
    rules = [
        _daily("3", PRAGUE),
        _max_loss("10", trailing="end_of_day", reset=PRAGUE),
        {"kind": "consistency", "percent": "50", "effect": "both", "reset": PRAGUE},
    ]
    return _plan(
        "one-step-100k", "One step 100K", "One target. The floor follows your best close and never falls.", "one",
        "100000", "599",
        _evaluation(*rules, _target("10"), _idle(), _chance("549")),
        _funded(*rules, _idle(), _payout(split="90")),
        add_ons=(),
    )  # fmt: skip


def _three_steps() -> Document:
    """Three small targets; the day's floor is 5 % under the higher of balance and equity at the reset."""
    daily: Rule = {"kind": "daily_loss", "amount": _of("reference", "5"), "reference": "max", "reset": PRAGUE}
    most = _max_loss("5")
    steps = [
        _phase(f"step-{number}", f"Step {number}", "evaluation", most, _target("6"), _idle(), _chance("99"))
        for number in (1, 2, 3)
    ]
    return _plan(
        "three-step-20k", "Three steps 20K", "Three targets of 6 %, no daily limit until you are funded.", "three",
        "20000", "89",
        *steps,
        _funded(daily, _max_loss("5"), _idle(), _payout(split_steps=[{"after": 3, "percent": "100"}])),
    )  # fmt: skip


def _current_balance() -> Document:
    """The day's allowance is a share of the current balance at 00:30 UTC."""
    daily: Rule = {"kind": "daily_loss", "amount": _of("reference", "4"), "reset": HALF_PAST}
    most = _max_loss("6")
    return _plan(
        "rolling-50k", "Rolling 50K", "4 % of what you have each morning, at 00:30 UTC.", "one", "50000", "299",
        _evaluation(daily, most, _target("10"), _idle(), _chance("249")),
        _funded(daily, most, _idle(), _payout(first=0, every=7)),
    )  # fmt: skip


def _close_lock() -> Document:
    """A soft daily limit that locks until the next day; a floor that trails closes and stops at the start."""
    daily: Rule = {
        "kind": "daily_loss", "amount": _of("fixed", "1000"), "reset": CHICAGO, "comparator": "at_or_below",
        "severity": "soft",
    }  # fmt: skip
    most: Rule = {
        "kind": "max_loss", "amount": _of("fixed", "2000"), "trailing": "end_of_day", "lock": "initial",
        "comparator": "at_or_below", "reset": CHICAGO,
    }  # fmt: skip
    lots: Rule = {"kind": "max_gross_exposure", "amount": _of("initial", "150")}
    winning = _days(5, CHICAGO, counts="profit", min_profit=_of("fixed", "150"), effect="payout")
    even: Rule = {"kind": "consistency", "percent": "50", "reset": CHICAGO}
    return _plan(
        "close-trail-50k", "Close trail 50K", "A bad day only pauses you. The floor stops rising at the start.", "one",
        "50000", "149",
        _evaluation(daily, most, lots, even, _target("6"), _days(2, CHICAGO), _idle(), _chance("99")),
        _funded(daily, most, lots, winning, _idle(),
                _payout(first=0, every=0, split="90", cap=_of("profit", "50"))),
        add_ons=(),
    )  # fmt: skip


def _intraday_lock() -> Document:
    """The floor follows every peak, unrealised too, until it stands 100 above the start."""
    most: Rule = {
        "kind": "max_loss", "amount": _of("fixed", "2500"), "trailing": "intraday", "lock": "initial",
        "lock_offset": "100", "comparator": "at_or_below",
    }  # fmt: skip
    even: Rule = {"kind": "consistency", "percent": "30", "effect": "payout", "reset": CHICAGO}
    return _plan(
        "peak-trail-50k", "Peak trail 50K", "No daily limit. The floor follows every peak, open profit too.", "one",
        "50000", "99",
        _evaluation(most, _target("6"), _days(7, CHICAGO), _idle(), _chance("80")),
        _funded(most, even, _days(8, CHICAGO, effect="payout"), _idle(),
                _payout(first=8, every=8, split="90", buffer=_of("fixed", "2600"), minimum="500")),
        add_ons=(),
    )  # fmt: skip


def _even_days() -> Document:
    """No day may make more than 40 % of the profit, neither to pass nor to be paid."""
    most = _max_loss("4", trailing="end_of_day", lock="initial", reset=CHICAGO)
    even: Rule = {"kind": "consistency", "percent": "40", "effect": "both", "reset": CHICAGO}
    return _plan(
        "steady-50k", "Steady 50K", "No day makes more than 40 % of the profit.", "one", "50000", "179",
        _evaluation(most, even, _target("6"), _idle(), _chance("129")),
        _funded(most, even, _idle(), _payout(first=21, every=14)),
    )  # fmt: skip


def _instant() -> Document:
    """Funded from the first minute, with tight rules: a stop on each order, 1 % a trade, flat each night."""
    return _plan(
        "instant-25k", "Instant 25K", "Funded from the first minute: a stop on every order, 1 % at risk.", "instant",
        "25000", "399",
        _funded(
            _daily("3", NEW_YORK),
            _max_loss("6", trailing="intraday", lock="initial"),
            {"kind": "stop_required", "max_distance_percent": "10"},
            {"kind": "loss_per_trade", "amount": _of("equity", "1"), "tested": "open", "severity": "soft"},
            {"kind": "max_open_positions", "count": 5},
            {"kind": "no_overnight", "flat_by": "15:55", "reopen": "09:30", "zone": "America/New_York"},
            _idle(),
            _payout(first=14, every=14, split="70", cap=_of("fixed", "2000"), after="reset"),
        ),
        add_ons=({**SPLIT_90, "price_percent": "40"},),
        max_accounts=1,
    )  # fmt: skip


def presets() -> list[Document]:
    """Definitions of the plans that ship, in the order in which they are shown."""
    return [
        _challenge("challenge-50k", "50K Challenge", "50000", "99", "79"),
        _challenge("challenge-100k", "100K Challenge", "100000", "149", "119"),
        _midnight(), _trailing_close(), _three_steps(), _current_balance(), _close_lock(), _intraday_lock(),
        _even_days(), _instant(),
    ]  # fmt: skip
