"""What the ribbon says of prices: where they come from, how late they are, and whether the feed is well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from marketdata.models import FeedEvent
from marketdata.selectors.live import feed_health

SWITCH_SHOWN = timedelta(minutes=15)
SILENT_SECONDS = 60
GOOD_STATES = frozenset({"running"})
NAMES = {
    "polygon": "Polygon.io",
    "alpaca": "Alpaca",
    "finnhub": "Finnhub",
    "alpha_vantage": "Alpha Vantage",
    "replay": "stored history played as if it were now",
    "simulated": "the simulated exchange",
}
SHORT = {"replay": "Replay", "simulated": "Simulated"}
DELAYS = {"alpha_vantage": 15}


@dataclass(frozen=True, slots=True)
class Ribbon:
    """`kind` is one of LIVE, DELAYED 15 MIN, REPLAY, SIMULATED, CLOSING PRICES; `text` names the source."""

    kind: str
    text: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class Banner:
    """Something about the feed that whoever reads prices should know."""

    tone: str
    text: str


def source_name(provider: str, *, short: bool = False) -> str:
    """A vendor's name as pages say it."""
    if short and provider in SHORT:
        return SHORT[provider]
    return NAMES.get(provider, provider.replace("_", " ").capitalize())


def source_kind(provider: str, *, is_simulated: bool = False) -> str:
    """What kind of prices a vendor's are; without one they are a day's close."""
    if provider == "simulated" or (is_simulated and provider):
        return "SIMULATED"
    if provider == "replay":
        return "REPLAY"
    if not provider:
        return "CLOSING PRICES"
    delay = DELAYS.get(provider, 0)
    return f"DELAYED {delay} MIN" if delay else "LIVE"


def ribbons(providers: Sequence[tuple[str, bool]]) -> list[Ribbon]:
    """One ribbon for each kind among (provider, is simulated) of the prices shown, the liveliest first."""
    found: dict[str, Ribbon] = {}
    for provider, is_simulated in sorted(set(providers), key=lambda item: (not item[0], item)):
        kind = source_kind(provider, is_simulated=is_simulated)
        if provider:
            text = source_name(provider)
        else:
            text = "generated history" if is_simulated else "stored history"
            kind = "SIMULATED" if is_simulated else kind
        if kind not in found:
            found[kind] = Ribbon(kind, text, bool(provider))
        elif text not in found[kind].text:
            found[kind] = Ribbon(kind, f"{found[kind].text}, {text}", found[kind].is_live or bool(provider))
    return list(found.values())


def banner(*, shows_live: bool, trades_now: bool) -> Banner | None:
    """What to say of the feed: that it is down or silent, or that it changed its source not long ago.

    `shows_live`: the page has prices of the feed; `trades_now`: an exchange of theirs is open. Nothing to say else.
    """
    if not shows_live:
        return None
    health, now = feed_health(), datetime.now(tz=UTC)
    if health is None or health.state not in GOOD_STATES:
        heard = health.last_message if health is not None else None
        since = f" since {_clock(heard)}" if heard else ""
        return Banner("down", f"The feed is down{since}. The prices are the last known; each says its age.")
    if trades_now and (health.last_message is None or (now - health.last_message).total_seconds() > SILENT_SECONDS):
        since = f"since {_clock(health.last_message)}" if health.last_message else "yet"
        return Banner("warn", f"Nothing heard from {source_name(health.provider)} {since}.")
    event = FeedEvent.objects.filter(kind=FeedEvent.Kind.SWITCH, at__gte=now - SWITCH_SHOWN).first()
    if event is None:
        return None
    before = str(event.details.get("from") or "")
    words = f" from {source_name(before)}" if before else ""
    return Banner("warn", f"The feed switched{words} to {source_name(event.provider)} at {_clock(event.at)}.")


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"
