"""What requests about contests carry."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from contests.domain.admission import MOST_TEAM, Admission
from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec
from contests.domain.scoring import VALUE, WORDS
from contests.domain.sharing import MOST_DELAY, PORTFOLIOS, Sharing
from contests.domain.stakes import Stakes
from contests.selectors.splits import ONLY
from core.errors import Invalid
from core.money import Money

MAX_AGENTS = 200
MAX_SYMBOLS = 500


class MarketInput(serializers.Serializer):
    """What the contest plays: a slice of loaded history (`start` to `end`), or a live market of an exchange.

    `live` shows what the feed has of real instruments, `simulated` the simulated exchange; both need `exchange`, and
    the contest an `ends_at`.
    """

    kind = serializers.ChoiceField(["replay", "live", "simulated"], required=False, help_text="replay by default")
    exchange = serializers.CharField(max_length=12, required=False, help_text="Whose sessions a live market keeps")
    start = serializers.DateField(required=False)
    end = serializers.DateField(required=False)
    symbols = serializers.ListField(child=serializers.CharField(max_length=16), min_length=1, max_length=MAX_SYMBOLS)
    seconds_per_tick = serializers.DecimalField(max_digits=8, decimal_places=2, required=False)
    warmup_days = serializers.IntegerField(min_value=0, max_value=2000, required=False)
    spread_bps = serializers.DecimalField(max_digits=7, decimal_places=3, required=False)
    prints = serializers.IntegerField(min_value=4, max_value=79, required=False, help_text="Prints a market day")
    mask = serializers.BooleanField(required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    high_low_rule = serializers.ChoiceField(["nearer_first", "low_first", "high_first"], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What each kind needs is there."""
        needed = ("start", "end") if attrs.get("kind", "replay") == "replay" else ("exchange",)
        missing = {name: ["This field is required."] for name in needed if name not in attrs}
        if missing:
            raise serializers.ValidationError(missing)
        return attrs


class ConstraintsInput(serializers.Serializer):
    """Limits of the contest; what is left out does not apply."""

    max_position_pct = serializers.CharField(max_length=12, required=False)
    max_trades_per_day = serializers.IntegerField(min_value=1, required=False)
    min_trades = serializers.IntegerField(min_value=1, required=False, help_text="Fewer: not ranked")
    commission_bps = serializers.CharField(max_length=12, required=False)
    leverage = serializers.CharField(max_length=12, required=False, help_text="Above 1: margin accounts")
    short_selling = serializers.BooleanField(required=False)
    fee_schedule = serializers.CharField(max_length=80, required=False, help_text='For example "us", "in" or "none"')


class AdmissionInput(serializers.Serializer):
    """Who may enter, and until when."""

    late_entry = serializers.BooleanField(required=False, help_text="Also while it runs; true by default")
    email_domains = serializers.ListField(child=serializers.CharField(max_length=100), max_length=50, required=False)
    team_size = serializers.IntegerField(min_value=1, max_value=MOST_TEAM, required=False, help_text="1: no teams")


class SharingInput(serializers.Serializer):
    """When others see portfolios and trades, and whether there is a chat."""

    portfolios = serializers.ChoiceField(list(PORTFOLIOS), required=False, help_text="`after` the end by default")
    delay_minutes = serializers.IntegerField(min_value=1, max_value=MOST_DELAY, required=False)
    comments = serializers.BooleanField(required=False)


class SponsorInput(serializers.Serializer):
    """Who supports a contest."""

    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=200, required=False, help_text="Begins with https://")


class PrizeInput(serializers.Serializer):
    """What each of the places `first` to `last` gets: an amount or a share of the pool, and a badge."""

    first = serializers.IntegerField(min_value=1)
    last = serializers.IntegerField(min_value=1, required=False)
    amount_minor = serializers.IntegerField(min_value=0, required=False)
    share_bp = serializers.IntegerField(min_value=0, max_value=10_000, required=False, help_text="Basis points")
    badge = serializers.CharField(max_length=40, required=False, allow_blank=True)


class StakesInput(serializers.Serializer):
    """Fee and prizes; amounts in minor units of `currency`."""

    currency = serializers.CharField(max_length=3)
    fee_minor = serializers.IntegerField(min_value=0, required=False)
    house_bp = serializers.IntegerField(min_value=0, max_value=10_000, required=False, help_text="Of each fee")
    added_minor = serializers.IntegerField(min_value=0, required=False, help_text="Put into the pool by the house")
    sponsor = serializers.CharField(max_length=80, required=False, allow_blank=True)
    prizes = PrizeInput(many=True, required=False)
    dispute_hours = serializers.IntegerField(min_value=0, max_value=720, required=False)


class ContestInput(serializers.Serializer):
    """A new contest. `schedule` publishes it at once; without `starts_at` an operator starts it."""

    slug = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    visibility = serializers.ChoiceField(["public", "private"], default="public")
    invite_code = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    capacity = serializers.IntegerField(default=1000)
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    initial_balance = serializers.CharField(max_length=24, required=False)
    currency = serializers.CharField(max_length=3, default="USD")
    allowed_symbols = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=MAX_SYMBOLS,
        required=False,
        default=list,
        help_text="Symbols, or universes such as sector:technology; empty: all of the market's",
    )
    scoring = serializers.ChoiceField(list(WORDS), default=VALUE)
    sharing = SharingInput(required=False)
    sponsors = SponsorInput(many=True, required=False)
    constraints = ConstraintsInput(required=False)
    stakes = StakesInput(required=False)
    admission = AdmissionInput(required=False)
    agents = serializers.ListField(
        child=serializers.SlugField(max_length=40), max_length=MAX_AGENTS, required=False, default=list
    )
    agent_interval_minutes = serializers.IntegerField(required=False)
    is_featured = serializers.BooleanField(default=False)
    auto_renew = serializers.BooleanField(default=False)
    market = MarketInput()
    schedule = serializers.BooleanField(default=False)

    def to_spec(self) -> ContestSpec:
        """The validated input as a spec; raises Invalid for what makes no sense together."""
        data = dict(self.validated_data)
        data.pop("schedule")
        currency = data.pop("currency").upper()
        balance = Money.of(data.pop("initial_balance", settings.DEFAULT_BALANCE), currency)
        if data["visibility"] == "private" and not data["invite_code"]:
            raise Invalid("invite_code_needed", "A private contest needs an invite code.", {"field": "invite_code"})
        market = {name: _plain(value) for name, value in data.pop("market").items()}
        limits = Constraints.from_json(data.pop("constraints", {}))
        data["admission"] = Admission.from_json(_bare(data.pop("admission", {})))
        data["sharing"] = Sharing.from_json(_bare(data.pop("sharing", {})))
        data["sponsors"] = tuple(_bare(data.pop("sponsors", [])))
        data["stakes"] = Stakes.from_json(_bare(data.pop("stakes", {})))
        data.setdefault("agent_interval_minutes", settings.TRADING_INTERVAL_MINUTES)
        data["allowed_symbols"] = tuple(data["allowed_symbols"])
        data["agents"] = tuple(data["agents"])
        return ContestSpec(market=market, initial_balance=balance, constraints=limits, **data)


def _bare(value: Any) -> Any:
    """What was validated as plain dicts and lists."""
    if isinstance(value, dict):
        return {name: _bare(item) for name, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """JSON data: dates and decimals as text."""
    return value if isinstance(value, bool | int | str | list) else str(value)


class EditInput(serializers.Serializer):
    """What may still change of a contest; what is left out stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    sponsors = SponsorInput(many=True, required=False)
    capacity = serializers.IntegerField(required=False)
    starts_at = serializers.DateTimeField(required=False, allow_null=True)
    ends_at = serializers.DateTimeField(required=False, allow_null=True)


def edit_read(data: Any) -> dict[str, Any]:
    """The changes that were sent; other fields pass as they are, to be refused by name."""
    serializer = EditInput(data=data)
    serializer.is_valid(raise_exception=True)
    other = {str(name): None for name in data if name not in serializer.fields}
    return {**_bare(dict(serializer.validated_data)), **other}


class BroadcastInput(serializers.Serializer):
    """A message to everyone in a contest."""

    body = serializers.CharField(max_length=1000)


class JoinInput(serializers.Serializer):
    """The invite code, when the contest is private."""

    invite_code = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")


class MoveInput(serializers.Serializer):
    """Why, for the audit trail."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ListInput(serializers.Serializer):
    """Which contests: one status, or several separated by commas."""

    status = serializers.RegexField(r"^[a-z,]{1,80}$", required=False)


class LeaderboardInput(serializers.Serializer):
    """Which stretch of the standings. `around`: `me` or an account id; then `page` does not matter.

    `only`: `people`, `agents`, `friends` (whom one follows, and oneself), or `country:IN`. Ranks stay those among all.
    """

    only = serializers.RegexField(ONLY, required=False)

    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    pageSize = serializers.IntegerField(min_value=1, max_value=200, default=50)  # noqa: N815
    around = serializers.RegexField(r"^(me|[0-9]{1,18})$", required=False)
