"""The operator's form for a new contest. What makes sense is decided by the services."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings

from contests.domain.admission import Admission
from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec
from contests.domain.prize_words import prizes_read
from contests.domain.scoring import VALUE, WORDS
from contests.domain.sharing import AFTER, DEFAULT_DELAY, Sharing
from contests.domain.stakes import Stakes
from core.errors import DomainError
from core.money import Money

# Where the form asks for a field of the order by another name.
_FIELDS = {"fee_minor": "entry_fee", "house_bp": "house_pct", "added_minor": "added"}


def names(raw: str) -> tuple[str, ...]:
    """A comma or space separated list, in order, each once."""
    return tuple(dict.fromkeys(part for part in raw.replace(",", " ").split() if part))


def sponsors_read(raw: str) -> tuple[dict[str, str], ...]:
    """Lines of "name | address" as sponsors; an address may be missing."""
    lines = [line.partition("|") for line in raw.splitlines() if line.strip()]
    return tuple({"name": name.strip(), **({"url": url.strip()} if url.strip() else {})} for name, _, url in lines)


class ContestForm(forms.Form):
    """One contest with a market of its own."""

    name = forms.CharField(max_length=120)
    slug = forms.SlugField(label="Address", max_length=60, help_text="Lower-case letters, digits and dashes.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), max_length=500)
    kind = forms.ChoiceField(
        label="Prices",
        choices=[("replay", "A slice of loaded history"), ("live", "Live"), ("simulated", "The simulated exchange")],
        initial="replay",
        required=False,
    )
    exchange = forms.CharField(
        required=False, max_length=12, help_text="For live prices: whose sessions the market keeps, such as US or SIMX."
    )
    ends_at = forms.DateTimeField(
        label="Ends at, UTC",
        required=False,
        help_text="Needed with live prices. History ends by itself.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    start = forms.DateField(
        label="First day of history", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    end = forms.DateField(label="Last day of history", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    seconds_per_tick = forms.DecimalField(
        label="Seconds a print", initial="2", help_text="Wall time from one print to the next."
    )
    prints = forms.IntegerField(
        label="Prints a day", initial=14, min_value=4, max_value=79, help_text="14 is one every half hour."
    )
    symbols = forms.CharField(help_text="Symbols whose history is loaded, with commas between them.")
    mask = forms.BooleanField(
        label="Hide symbols, dates and price levels", required=False, help_text="So that nobody trades from memory."
    )
    seed = forms.IntegerField(min_value=0, initial=0, help_text="Decides the aliases and the agents' chance.")
    currency = forms.CharField(max_length=3, initial="USD")
    initial_balance = forms.DecimalField(label="Starting balance", max_digits=16, initial=settings.DEFAULT_BALANCE)
    capacity = forms.IntegerField(label="Places", min_value=1, initial=1000)
    max_position_pct = forms.DecimalField(
        label="Most in one symbol, %", required=False, help_text="Empty means no limit."
    )
    max_trades_per_day = forms.IntegerField(
        label="Trades a day", required=False, min_value=1, help_text="Empty means no limit."
    )
    min_trades = forms.IntegerField(
        label="Trades it takes to be ranked", required=False, min_value=1, help_text="Empty means one."
    )
    commission_bps = forms.DecimalField(
        label="Commission, basis points", required=False, help_text="Of each trade's value. Empty means none."
    )
    closing_minutes = forms.IntegerField(
        label="Last minutes without opening",
        required=False,
        min_value=1,
        help_text="Of market time: only closing is allowed then. Empty means none.",
    )
    resets = forms.IntegerField(
        label="Resets",
        required=False,
        min_value=1,
        max_value=20,
        help_text="How often one may begin anew with the starting balance. Empty means never.",
    )
    allowed_symbols = forms.CharField(
        label="Only these symbols",
        required=False,
        max_length=2000,
        help_text="Or a universe, such as sector:technology. Empty: all of the market's.",
    )
    scoring = forms.ChoiceField(
        label="Ranked by",
        required=False,
        initial="value",
        choices=[(kind, words) for kind, words in WORDS.items()],
    )
    portfolios = forms.ChoiceField(
        label="Others see portfolios",
        required=False,
        initial="after",
        choices=[("after", "After the end"), ("delayed", "With a delay"), ("live", "At once")],
    )
    delay_minutes = forms.IntegerField(label="Delay, minutes", required=False, min_value=1, initial=15)
    comments = forms.BooleanField(label="With a chat", required=False, initial=True)
    team_size = forms.IntegerField(
        label="People in a team", required=False, min_value=1, max_value=10, help_text="Empty or 1: no teams."
    )
    leverage = forms.DecimalField(
        required=False, min_value=1, max_value=100, help_text="Empty or 1: what is bought is paid in full."
    )
    short_selling = forms.BooleanField(label="Allow short selling", required=False)
    fee_schedule = forms.CharField(
        required=False, max_length=80, help_text="us, in, or none. Empty: the commission above."
    )
    entry_fee = forms.DecimalField(required=False, min_value=0, max_digits=12, help_text="Empty: free.")
    stake_currency = forms.CharField(
        label="Currency of fee and prizes", required=False, max_length=3, help_text="Empty: that of the balance."
    )
    house_pct = forms.DecimalField(
        label="House's share of each fee, %", required=False, min_value=0, max_value=100, decimal_places=2
    )
    added = forms.DecimalField(
        label="Put into the pool", required=False, min_value=0, max_digits=14, help_text="By the house or a sponsor."
    )
    sponsor = forms.CharField(required=False, max_length=80)
    sponsors = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="A line each: a name, and after a bar an https address, if there is one.",
    )
    prizes = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text='A line each: "1: 50%" of the pool, "2-3: 100.00" each, "4-10: Finisher" for a badge.',
    )
    dispute_hours = forms.IntegerField(
        label="Hours between the end and the prizes", required=False, min_value=0, max_value=720, initial=24
    )
    agents = forms.CharField(required=False, help_text="Keys of the agents that take part, with commas between them.")
    agent_interval_minutes = forms.IntegerField(
        label="Minutes of market time between the agents' turns",
        min_value=1,
        initial=settings.TRADING_INTERVAL_MINUTES,
    )
    starts_at = forms.DateTimeField(
        label="Starts at, UTC",
        required=False,
        help_text="Empty means at once.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    visibility = forms.ChoiceField(
        choices=[("public", "Public"), ("private", "Private: by invite code")], required=False
    )
    email_domains = forms.CharField(
        label="Only addresses at",
        required=False,
        max_length=500,
        help_text="Such as example.com. Empty: everyone.",
    )
    late_entry = forms.BooleanField(label="May be entered while it runs", required=False, initial=True)
    invite_code = forms.CharField(
        max_length=64, required=False, help_text="For a private contest. Empty means one is made."
    )
    is_featured = forms.BooleanField(label="Show it on the front page", required=False)

    wide_fields = ("description", "symbols", "agents", "prizes", "allowed_symbols", "sponsors")
    # The steps of the form: what they are called, and which fields they ask.
    steps = (
        ("What it is", ("name", "slug", "description", "sponsors", "visibility", "invite_code", "is_featured")),
        ("Prices and time", ("kind", "symbols", "start", "end", "prints", "seconds_per_tick", "exchange", "starts_at",
                             "ends_at", "mask", "seed")),
        ("Rules", ("currency", "initial_balance", "scoring", "min_trades", "allowed_symbols", "max_position_pct",
                   "max_trades_per_day", "closing_minutes", "resets", "commission_bps", "fee_schedule", "leverage",
                   "short_selling")),
        ("Who takes part", ("capacity", "team_size", "email_domains", "agents", "agent_interval_minutes", "portfolios",
                            "delay_minutes", "late_entry", "comments")),
        ("Fee and prizes", ("entry_fee", "stake_currency", "house_pct", "added", "sponsor", "dispute_hours", "prizes")),
    )  # fmt: skip

    @property
    def fields_by_step(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields of each step, for the page."""
        return [(title, [self[name] for name in fields]) for title, fields in self.steps]

    def spec(self, *, now: datetime) -> ContestSpec:
        """The filled form as an order for a contest. Raises DomainError where a value makes no sense."""
        data: dict[str, Any] = self.cleaned_data
        limits = {
            name: str(data[name])
            for name in ("max_position_pct", "commission_bps", "leverage", "fee_schedule")
            if data[name] not in (None, "")
        }
        counts = ("max_trades_per_day", "min_trades", "closing_minutes", "resets")
        whole = {**{name: data[name] for name in counts}, "short_selling": data["short_selling"]}
        return ContestSpec(
            slug=data["slug"],
            name=data["name"],
            description=data["description"],
            market=self._market(),
            initial_balance=Money.of(data["initial_balance"], data["currency"].upper()),
            capacity=data["capacity"],
            constraints=Constraints.from_json({**limits, **whole}),
            agents=names(data["agents"]),
            agent_interval_minutes=data["agent_interval_minutes"],
            starts_at=(data["starts_at"] or now).astimezone(UTC),
            ends_at=None if data["ends_at"] is None else data["ends_at"].astimezone(UTC),
            visibility=data["visibility"] or "public",
            invite_code=data["invite_code"] or secrets.token_urlsafe(9),
            is_featured=data["is_featured"],
            stakes=self._stakes(),
            admission=Admission.from_json({
                "late_entry": data["late_entry"],
                "email_domains": list(names(data["email_domains"])),
                "team_size": data["team_size"] or 1,
            }),
            allowed_symbols=names(data["allowed_symbols"]),
            scoring=data["scoring"] or VALUE,
            sharing=Sharing.from_json({
                "portfolios": data["portfolios"] or AFTER,
                "delay_minutes": data["delay_minutes"] or DEFAULT_DELAY,
                "comments": data["comments"],
            }),
            sponsors=sponsors_read(data["sponsors"]),
        )  # fmt: skip

    def _stakes(self) -> Stakes:
        data: dict[str, Any] = self.cleaned_data
        currency = (data["stake_currency"] or data["currency"]).upper()
        hours = data["dispute_hours"]
        return Stakes.from_json({
            "currency": currency,
            "fee_minor": Money.of(data["entry_fee"] or 0, currency).minor,
            "house_bp": int((data["house_pct"] or 0) * 100),
            "added_minor": Money.of(data["added"] or 0, currency).minor,
            "sponsor": data["sponsor"],
            "prizes": prizes_read(data["prizes"], currency),
            "dispute_hours": 24 if hours is None else hours,
        })  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """What the chosen kind of prices needs is there."""
        data = super().clean() or {}
        is_replay = (data.get("kind") or "replay") == "replay"
        for name in ("start", "end") if is_replay else ("exchange", "ends_at"):
            if name not in self.errors and not data.get(name):
                self.add_error(name, "This is needed with the prices that you chose.")
        return data

    def _market(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        common: dict[str, Any] = {
            "symbols": [symbol.upper() for symbol in names(data["symbols"])],
            "seconds_per_tick": str(data["seconds_per_tick"]),
            "seed": data["seed"],
        }
        kind = data["kind"] or "replay"
        if kind != "replay":
            return {"kind": kind, "exchange": data["exchange"].upper(), **common}
        return {
            "start": data["start"].isoformat(),
            "end": data["end"].isoformat(),
            "prints": data["prints"],
            "mask": data["mask"],
            **common,
        }

    def refuse(self, error: DomainError) -> None:
        """Show a refusal at the field it is about."""
        field = _FIELDS.get(name := str(error.details.get("field", "")), name)
        known: Iterable[str] = self.fields
        self.add_error(field if field in known else None, error.message)
