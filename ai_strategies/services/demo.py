"""A living demo: invented companies, agents, people and contests, so that the first page opened has something on it.

Everything can be repeated: what is there is left as it is.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.services.consents import texts_publish
from accounts.services.emails import email_mark_verified
from accounts.services.onboarding import person_set_up
from accounts.services.users import user_create
from ai_strategies.services.agents import agent_create
from ai_strategies.services.demo_cast import AGENTS, ARENA_SYMBOLS, MARGIN_SYMBOLS, PEOPLE
from contests import selectors as contest_selectors
from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec
from contests.selectors import ContestView
from contests.services.closing import contest_end
from contests.services.contests import contest_create, contest_start
from contests.services.joins import contest_join
from core.money import Money
from marketdata import selectors as market_selectors
from marketdata.domain.universe import COMPANIES
from marketdata.models import Instrument
from marketdata.services.demo import demo_history_generate, demo_is_loaded
from marketdata.services.setup import market_data_setup, pool_ensure, vendors_configured
from marketdata.services.ticks import market_hold, market_step
from trading.domain.types import Actor, OrderRequest
from trading.services.orders import order_place

ARENA, SPRINT, WEEK, MARGIN, FLOOR = "the-arena", "blind-sprint", "opening-week", "long-and-short", "live-floor"
FLOOR_SYMBOLS, FLOOR_DAYS = 12, 7
WARM_TICKS = 56
SYSTEM = Actor(user_id=None, is_staff=True, label="seed_demo")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SignIn:
    """A demo user with the password made for this installation."""

    role: str
    email: str
    password: str


def signins_path() -> Path:
    """Where the demo's passwords are kept; readable by the owner only."""
    return Path(settings.DATA_DIR) / "demo-signins.json"


def demo_seed(*, say: Say) -> None:
    """Make whatever of the demo is not there yet."""
    if not demo_is_loaded():
        say("generating the simulated history")
        demo_history_generate()
    market_data_setup(today=datetime.now(tz=UTC).date(), say=say)
    signins_write(signins_keep())
    for number, cast in enumerate(AGENTS, start=1):
        agent_create(actor=None, seed=number * 7919, **cast)
    if contest_selectors.contest_by_slug(WEEK) is None:
        say("playing a small contest to its end")
        _week()
    if not contest_selectors.series_exists(ARENA):
        say("starting The Arena")
        _arena()
    if not contest_selectors.series_exists(MARGIN):
        say("starting Long and Short")
        _play(_create(_margin_spec()), ticks=WARM_TICKS)
    if contest_selectors.contest_by_slug(SPRINT) is None:
        _create(_sprint_spec())
    if not contest_selectors.series_exists(FLOOR):
        say("opening the Live Floor")
        _floor(say)


def signins_keep() -> list[SignIn]:
    """The demo users with their passwords: those of the file, new ones for users that it does not know."""
    path = signins_path()
    known = {item["email"]: item["password"] for item in json.loads(path.read_text())} if path.exists() else {}
    return [SignIn(role, email, known.get(email) or secrets.token_urlsafe(12)) for role, email, _ in PEOPLE]


def signins_write(signins: list[SignIn]) -> None:
    """Store the passwords first, then make the users that are not there: a crash between leaves nobody locked out."""
    path = signins_path()
    known = {item["email"] for item in json.loads(path.read_text())} if path.exists() else set()
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump([{"role": s.role, "email": s.email, "password": s.password} for s in signins], file, indent=2)
    scratch.replace(path)
    for signin, (_, _, name) in zip(signins, PEOPLE, strict=True):
        user = User.objects.filter(email=signin.email).first()
        if user is None and signin.role == "operator":
            User.objects.create_superuser(signin.email, signin.password, display_name=name)
        elif user is None:
            user = user_create(email=signin.email, password=signin.password, display_name=name)
            email_mark_verified(user_id=user.pk, because="made for the demo")
        elif signin.email not in known:
            # The file was lost: without a new password nobody could sign in to the demo any more.
            user.set_password(signin.password)
            user.save(update_fields=["password"])
    people_ready()


def people_ready() -> None:
    """The demo's people have answered every question and accepted every text: they can trade at once."""
    texts_publish()
    for user_id in User.objects.filter(email__in=[email for _, email, _ in PEOPLE]).values_list("pk", flat=True):
        person_set_up(user_id=user_id, because="seed_demo")


def _create(spec: ContestSpec) -> ContestView:
    return contest_create(actor=SYSTEM, spec=spec, schedule=True)


def _spec(slug: str, name: str, description: str, market: dict[str, Any], **fields: Any) -> ContestSpec:
    balance = Money.of(settings.DEFAULT_BALANCE, "USD")
    values: dict[str, Any] = {"agent_interval_minutes": 120, "agents": tuple(cast["key"] for cast in AGENTS)}
    return ContestSpec(
        slug=slug, name=name, description=description, market=market, initial_balance=balance, **{**values, **fields}
    )


def _arena() -> None:
    """The house arena: several years, a print every half hour of the session, a new run whenever one ends."""
    market: dict[str, Any] = {"start": "2021-01-04", "end": "2024-12-31", "symbols": list(ARENA_SYMBOLS), "seed": 1}
    market |= {"seconds_per_tick": "2", "prints": 14, "warmup_days": 260, "spread_bps": "4"}
    arena = _create(
        _spec(
            ARENA,
            "The Arena",
            "People against agents, around the clock, on replayed prices. Everyone starts with the same capital and "
            "gets the same data, the same spread and the same rules. When the slice ends, the next run begins.",
            market,
            starts_at=datetime.now(tz=UTC),
            is_featured=True,
            auto_renew=True,
            capacity=10_000,
            constraints=Constraints.from_json({"max_position_pct": "40"}),
        )
    )
    _play(arena, ticks=WARM_TICKS, before=lambda: _people_trade(arena))


def _people_trade(arena: ContestView) -> None:
    """Two of the demo's people buy something, so that the agents have company. The trader is left to you."""
    picks = iter((("NOVQ", "VITQ", "HOLQ"), ("SLQS", "BRYO")))
    for role, email, name in PEOPLE:
        if role != "extra":
            continue
        user = User.objects.get(email=email)
        actor = Actor(user_id=user.pk, label=name)
        account_id = contest_join(actor=actor, contest_id=arena.id)
        for symbol in next(picks):
            quote = market_selectors.quote_get(arena.market_id, symbol)
            if quote is not None:
                request = OrderRequest(symbol, "buy", Decimal(int(200_000 / quote.ask)), source="demo")
                order_place(
                    actor=actor, account_id=account_id, request=request, idempotency_key=f"demo:{account_id}:{symbol}"
                )


def _sprint_spec() -> ContestSpec:
    """Scheduled: masked names and dates, so that nobody knows what comes."""
    market: dict[str, Any] = {
        "start": "2018-03-05",
        "end": "2018-08-31",
        "symbols": [company.symbol for company in COMPANIES],
    }
    market |= {"seconds_per_tick": "2", "prints": 14, "warmup_days": 260, "spread_bps": "4", "mask": True, "seed": 20}
    starts = datetime.now(tz=UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=4)
    return _spec(
        SPRINT,
        "Blind Sprint",
        "Half a year in an hour. Symbols and dates are masked: what counts is what you read in the prices.",
        market,
        starts_at=starts,
        capacity=500,
    )


def _floor(say: Say) -> None:
    """Running: prices as they come. Of the pool's real shares with a vendor's key, else of the simulated exchange."""
    pool = pool_ensure(say=say) if vendors_configured() else []
    if pool:
        text = "Real shares at live prices, in the exchange's hours, against agents under the same rules."
        market: dict[str, Any] = {"kind": "live", "exchange": "US", "symbols": [row.symbol for row in pool]}
    else:
        text = (
            "Prices as they come, around the clock, from an exchange of invented companies. Set a vendor's key and the "
            "next one is about real shares."
        )
        listed = Instrument.objects.filter(exchange="SIMX", is_simulated=True, is_active=True).order_by("id")
        market = {"kind": "simulated", "exchange": "SIMX", "symbols": [row.symbol for row in listed[:FLOOR_SYMBOLS]]}
    now = datetime.now(tz=UTC)
    floor = _create(
        _spec(
            FLOOR,
            "Live Floor",
            text,
            market,
            starts_at=now,
            ends_at=now + timedelta(days=FLOOR_DAYS),
            auto_renew=True,
            capacity=10_000,
            is_featured=bool(pool),
            agent_interval_minutes=settings.TRADING_INTERVAL_MINUTES,
            constraints=Constraints.from_json({"max_position_pct": "40"}),
        )
    )
    contest_start(actor=SYSTEM, contest_id=floor.id, reason="demo")


def _margin_spec() -> ContestSpec:
    """Running: margin accounts, charges, and prices as traded; two shares split in its second and third week."""
    market: dict[str, Any] = {"start": "2021-04-16", "end": "2022-04-14", "symbols": list(MARGIN_SYMBOLS), "seed": 3}
    market |= {"seconds_per_tick": "2", "prints": 14, "warmup_days": 260, "spread_bps": "4", "basis": "traded"}
    return _spec(
        MARGIN,
        "Long and Short",
        "Sell short, trade with twice your capital, pay what a US broker would charge you, and get the dividends and "
        "splits of what you hold. A loan has to be carried: too little equity left closes positions for you.",
        market,
        starts_at=datetime.now(tz=UTC),
        auto_renew=True,
        capacity=10_000,
        agents=tuple(cast["key"] for cast in AGENTS if cast["strategy"] != "sma_crossover"),
        constraints=Constraints.from_json(
            {"leverage": "2", "short_selling": True, "fee_schedule": "us:share=0.005,min=1,max_pct=1"}
        ),
    )


def _week() -> None:
    """A small contest that is over: what a final leaderboard looks like."""
    market: dict[str, Any] = {"start": "2020-06-01", "end": "2020-06-12", "symbols": list(ARENA_SYMBOLS[:6]), "seed": 2}
    market |= {"seconds_per_tick": "2", "prints": 14, "warmup_days": 260, "spread_bps": "4"}
    agents = tuple(cast["key"] for cast in AGENTS if cast["strategy"] != "sma_crossover")
    week = _create(
        _spec(WEEK, "Opening Week", "Ten market days among the agents, played to the end.", market, agents=agents)
    )
    _play(week, ticks=1000)
    contest_end(contest_id=week.id, reason="its slice is over")


def _play(contest: ContestView, *, ticks: int, before: Callable[[], None] | None = None) -> None:
    """Start a contest and play its first ticks at once; `before` is called after the first."""
    with market_hold(market_id=contest.market_id):
        contest_start(actor=SYSTEM, contest_id=contest.id, reason="demo")
        market_step(market_id=contest.market_id, ticks=1)
        if before is not None:
            before()
        market_step(market_id=contest.market_id, ticks=ticks - 1)


def demo_is_seeded() -> bool:
    """Whether the demo is complete, at the price of a few small queries."""
    series = (ARENA, MARGIN, FLOOR)
    there = signins_path().exists() and all(contest_selectors.series_exists(name) for name in series)
    return there and contest_selectors.contest_by_slug(SPRINT) is not None
