"""Odds on the wire (docs/odds.md says what each figure is)."""

from __future__ import annotations

from rest_framework import serializers

from propfirm.domain.odds import LEAST_PATHS, MAX_DAYS, MAX_PATHS, PATHS
from propfirm.domain.odds_types import SESSIONS
from propfirm.services.odds import OWN, STYLES


def _number(about: str) -> serializers.CharField:
    """A number as a string or a number: read exactly, with a message of its own when it is none."""
    return serializers.CharField(max_length=30, required=False, allow_null=True, default=None, help_text=about)


class PropOddsIn(serializers.Serializer):
    """A way of trading: a preset, one's own trades, or numbers; numbers beside a preset change it."""

    add_ons = serializers.ListField(child=serializers.SlugField(max_length=24), max_length=8, default=list)
    preset = serializers.CharField(
        max_length=24, required=False, allow_blank=True, default="",
        help_text=f"{', '.join(STYLES)}, or {OWN}: your own closed trades",
    )  # fmt: skip
    win_percent = _number("Share of trades that win, in percent")
    payoff = _number("Average win over average loss")
    trades_per_day = _number("May be a fraction")
    risk_percent = _number("Risk of a trade, in percent of the starting balance")
    sessions = _number("Trading days a year")
    streak = _number("Correlation of a result with the last one")
    uses_stop = serializers.BooleanField(required=False, allow_null=True, default=None)
    max_resets = serializers.IntegerField(min_value=0, max_value=5, default=0, help_text="Paid resets taken at most")
    horizon_days = serializers.IntegerField(
        min_value=1, max_value=MAX_DAYS, default=SESSIONS, help_text="Sessions of the funded phase"
    )
    paths = serializers.IntegerField(min_value=LEAST_PATHS, max_value=MAX_PATHS, default=PATHS)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)


class PropChanceOut(serializers.Serializer):
    """A share with Wilson's 95 % interval; null of nothing."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    count = serializers.IntegerField()
    of = serializers.IntegerField()


class PropMeanOut(serializers.Serializer):
    """A mean with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    standard_error = serializers.FloatField()


class PropMoneyMeanOut(serializers.Serializer):
    """A mean of money with its 95 % interval, decimal strings."""

    value = serializers.CharField()
    low = serializers.CharField()
    high = serializers.CharField()
    standard_error = serializers.CharField()


class PropSpreadOut(serializers.Serializer):
    """Sessions: the median and the middle 80 %."""

    p10 = serializers.IntegerField(allow_null=True)
    median = serializers.IntegerField(allow_null=True)
    p90 = serializers.IntegerField(allow_null=True)


class PropPhaseOddsOut(serializers.Serializer):
    """A phase of the evaluation: of those who began it, who passed."""

    index = serializers.IntegerField()
    name = serializers.CharField()
    passed = PropChanceOut()
    days = PropSpreadOut()


class PropEndOut(serializers.Serializer):
    """How accounts end, as a share of all."""

    phase = serializers.IntegerField()
    outcome = serializers.ChoiceField(choices=["failed", "expired", "open"])
    rule_key = serializers.CharField()
    rule_kind = serializers.CharField()
    share = PropChanceOut()


class PropOddsOut(serializers.Serializer):
    """The odds of a plan for one way of trading: an estimate, the same for the same seed."""

    plan = serializers.CharField()
    version = serializers.IntegerField()
    add_ons = serializers.ListField(child=serializers.CharField())
    currency = serializers.CharField()
    paths = serializers.IntegerField(help_text="Accounts that were simulated; fewer than asked for when it takes long")
    asked_paths = serializers.IntegerField()
    seed = serializers.IntegerField()
    phase_days = serializers.IntegerField()
    horizon_days = serializers.IntegerField()
    trading = serializers.DictField()
    habits = serializers.DictField()
    phases = PropPhaseOddsOut(many=True)
    funded = PropChanceOut()
    paid = PropChanceOut()
    paid_if_funded = PropChanceOut()
    days_to_funded = PropSpreadOut()
    payouts = PropMeanOut()
    payout_total = PropMoneyMeanOut()
    resets = PropMeanOut()
    cost = PropMoneyMeanOut(help_text="The fee with resets")
    refund = PropMoneyMeanOut()
    trader_value = PropMoneyMeanOut(help_text="Payouts and refund, less the cost")
    firm_value = PropMoneyMeanOut()
    gains = PropChanceOut(help_text="Who ends with more than it cost")
    ends = PropEndOut(many=True)
    not_modelled = serializers.ListField(child=serializers.CharField(), help_text="Rules that are left out")
