"""The rules of what comes after: scaling, payout, second chance."""
# ruff: noqa: RUF009 - `knob` is dataclasses.field with a spec, evaluated once per class on purpose.

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from trading.domain.rules.knobs import MONEY, PERCENT, Amount, Choice, Flag, Number, Step, Whole, knob
from trading.domain.rules.limits import Rule
from trading.domain.rules.shapes import STEP, AmountOf, ListOf, Maybe, Zone

_MONEY_ABOVE_ZERO = Number()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling(Rule):
    """The account grows after months of profit and payouts."""

    kind: ClassVar[str] = "scaling"
    every_months: int = knob(Whole(1, 120), "Length of a period in calendar months.")
    min_profit_percent: Decimal = knob(PERCENT, "Least profit of the period, percentage of the initial balance.")
    min_payouts: int = knob(Whole(0, 100), "Least payouts in the period.", 0)
    increase_percent: Decimal = knob(Number(most=Decimal(1000)), "Growth, percentage of the original balance.")
    cap: Decimal | None = knob(Maybe(_MONEY_ABOVE_ZERO), "The largest balance, money, or null.", None)
    zone: str = knob(Zone(), "The zone in which months are counted.", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout(Rule):
    """When, how much and to whom profit is paid."""

    kind: ClassVar[str] = "payout"
    first_after_days: int = knob(Whole(0, 3650), "Days of 24 hours from the first trade to the first payout.")
    every_days: int = knob(Whole(0, 3650), "Days of 24 hours between payouts.")
    split_percent: Decimal = knob(PERCENT, "The trader's share of the profit.")
    split_steps: tuple[Step, ...] = knob(ListOf(STEP, most=20), "A rising share after so many payouts.", ())
    minimum: Decimal = knob(MONEY, "The least amount withdrawn, money before the split.", Decimal(0))
    cap: Amount | None = knob(
        Maybe(AmountOf(("fixed", "profit", "initial"))),
        "The largest amount withdrawn, before the split, or null.",
        None,
    )
    buffer: Amount | None = knob(
        Maybe(AmountOf(("fixed", "initial"))),
        "Profit above the initial balance that stays in the account, or null.",
        None,
    )
    requires_flat: bool = knob(Flag(), "No position may be open.", True)
    requires_no_orders: bool = knob(Flag(), "No order may rest.", True)
    requires_identity: bool = knob(Flag(), "The identity check must be done.", True)
    after: str = knob(
        Choice(("deduct", "reset")),
        "deduct: the amount leaves the account; reset: all profit leaves it, and marks and floors start again.",
        "deduct",
    )

    def problems(self) -> list[tuple[str, str]]:
        """Steps rise in payouts and in share."""
        last = Step(0, self.split_percent)
        for index, step in enumerate(self.split_steps):
            if step.after <= last.after or step.percent <= last.percent:
                return [(f"split_steps[{index}]", "Each step comes after more payouts and gives a larger share.")]
            last = step
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondChance(Rule):
    """What a trader may do after the phase has ended without passing."""

    kind: ClassVar[str] = "second_chance"
    free_retries: int = knob(Whole(0, 100), "Free retries when the time ran out unbreached and in profit.", 0)
    reset_price: Decimal | None = knob(
        Maybe(MONEY), "Price of starting again after a breach or an expiry, or null.", None
    )
    max_resets: int | None = knob(Maybe(Whole(1, 1000)), "How many paid resets, or null for no limit.", None)
    refund_fee_with_payout: int | None = knob(
        Maybe(Whole(1, 100)), "The payout that brings the fee back, or null.", None
    )
    refund_percent: Decimal = knob(PERCENT, "How much of the fee comes back.", Decimal(100))

    def problems(self) -> list[tuple[str, str]]:
        """A bound on resets needs a price."""
        if self.max_resets is not None and self.reset_price is None:
            return [("max_resets", "Give a reset_price, or leave max_resets out.")]
        return []
