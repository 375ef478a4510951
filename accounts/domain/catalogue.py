"""Everything that people can be told: one list, from which pages, preferences, mail and push are made. Pure.

`title` and `body` are format strings over the notification's params. Params hold ids, names and figures as text; never
what identifies another person beyond the public name.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_TITLE, MAX_BODY = 120, 500
IN_APP, EMAIL, PUSH = "in_app", "email", "push"
CHANNELS = (IN_APP, EMAIL, PUSH)


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of notification: its words, which channels are on by default, and what a person may change."""

    key: str
    group: str
    label: str
    title: str
    body: str = ""
    defaults: tuple[str, ...] = (IN_APP,)
    is_mandatory: bool = False  # of security and of law: by every default channel, whatever the person chose
    is_urgent: bool = False  # ignores quiet hours and the digest
    is_listed: bool = True  # whether people see it among what they may choose

    def is_fixed(self, channel: str) -> bool:
        """Whether nobody may switch this channel off, because security or the law asks for it."""
        return self.is_mandatory and channel in self.defaults

    def goes_by(self, channel: str, choice: bool | None) -> bool:
        """Whether it goes out by a channel, given the person's choice (None without one)."""
        if self.is_fixed(channel) or choice is None:
            return channel in self.defaults
        return choice


CATALOGUE: dict[str, EventKind] = {
    kind.key: kind
    for kind in (
        EventKind("contest_started", "Contests", "A contest of yours starts", "{contest} has started",
                  "Trading is open. Your account is ready.", (IN_APP, EMAIL)),
        EventKind("contest_ended", "Contests", "A contest of yours ends", "{contest} has ended",
                  "{result}", (IN_APP, EMAIL)),
        EventKind("contest_cancelled", "Contests", "A contest of yours is cancelled", "{contest} was cancelled",
                  "{reason}", (IN_APP, EMAIL)),
        EventKind("contest_place", "Contests", "A place in a full contest is yours", "{contest}: {what}",
                  "{message}", (IN_APP, EMAIL), is_urgent=True),
        EventKind("contest_message", "Contests", "An organiser writes to a contest of yours", "{contest}: a message",
                  "{message}", (IN_APP, EMAIL)),
        EventKind("rank_changed", "Contests", "Your rank moves", "You are now {rank} in {contest}",
                  "Before, you were {before}.", (IN_APP,)),
        EventKind("fair_play", "Contests", "A moderator decides about you", "{what} in {contest}", "{reason}",
                  (IN_APP, EMAIL), is_mandatory=True),
        EventKind("appeal_answered", "Contests", "An appeal of yours is answered", "Your appeal in {contest}: {status}",
                  "{message}", (IN_APP, EMAIL), is_mandatory=True),
        EventKind("fair_play_queue", "Contests", "Findings wait for a moderator", "{contest}: {what}",
                  "Look at them in the fair play queue.", is_listed=False),
        EventKind("prize_won", "Contests", "You win a prize", "You won {prize} in {contest}", "", (IN_APP, EMAIL)),
        EventKind("order_filled", "Trading", "An order fills", "{what}", "{account}. {details}", (IN_APP,)),
        EventKind("order_cancelled", "Trading", "An order is cancelled for you", "{what}", "{account}. {details}",
                  (IN_APP,)),
        EventKind("margin_call", "Trading", "Margin call", "Margin call on {account}",
                  "{message}", (IN_APP, EMAIL, PUSH), is_urgent=True),
        EventKind("limit_warning", "Trading", "You come near a limit", "{account}: {percent}% of {limit} used",
                  "{message}", (IN_APP, PUSH), is_urgent=True),
        EventKind("limit_reached", "Trading", "A limit is reached", "{account}: {limit} reached",
                  "{message}", (IN_APP, EMAIL, PUSH), is_urgent=True),
        EventKind("verdict", "Trading", "A rule decides about your account", "{account}: {verdict}",
                  "{message}", (IN_APP, EMAIL), is_urgent=True),
        EventKind("prop_account", "Prop firm", "An evaluation or funded account of yours moves on", "{number} {what}",
                  "{message}", (IN_APP, EMAIL), is_urgent=True),
        EventKind("prop_payout", "Prop firm", "A payout of profit moves", "{number}: {what}", "{message}",
                  (IN_APP, EMAIL)),
        EventKind("prop_dispute", "Prop firm", "A dispute of yours is answered", "{number}: {what}", "{message}",
                  (IN_APP, EMAIL), is_mandatory=True),
        EventKind("payout", "Money", "A payout moves", "Your payout of {amount} is {status}", "{message}",
                  (IN_APP, EMAIL)),
        EventKind("payment", "Money", "A payment moves", "Your payment of {amount} is {status}", "{message}",
                  (IN_APP, EMAIL)),
        EventKind("sign_in_new_device", "Security", "Sign-in from a new device", "New sign-in: {device}",
                  "From {place}, {method}. If this was not you, end that session and change your password.",
                  (IN_APP, EMAIL), is_mandatory=True, is_urgent=True),
        EventKind("security_changed", "Security", "Your password, second factor or keys change", "{what}",
                  "If this was not you, end all sessions and change your password.",
                  (IN_APP, EMAIL), is_mandatory=True, is_urgent=True),
        EventKind("consent_due", "Account", "Our terms change", "Our terms have changed",
                  "{changes} Read and accept them to go on trading.", (IN_APP, EMAIL), is_mandatory=True),
        EventKind("identity_decided", "Account", "Your identity check is decided", "Identity check: {status}",
                  "{reason}", (IN_APP, EMAIL), is_mandatory=True),
        EventKind("account_suspended", "Account", "Your account is suspended or reinstated", "{what}", "{reason}",
                  (IN_APP, EMAIL), is_mandatory=True, is_urgent=True),
        EventKind("export_ready", "Account", "A copy of your data is ready", "Your data is ready to download",
                  "The link works until {until}.", (IN_APP, EMAIL), is_mandatory=True),
        EventKind("deletion", "Account", "Your account is to be deleted", "{what}", "{message}",
                  (IN_APP, EMAIL), is_mandatory=True, is_urgent=True),
        EventKind("test", "Account", "A test", "This is a test", "You asked for it in your settings. It works.",
                  CHANNELS, is_urgent=True, is_listed=False),
    )
}  # fmt: skip

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(kind.group for kind in CATALOGUE.values()))


def listed() -> dict[str, list[EventKind]]:
    """What people may choose about, by group."""
    return {group: [kind for kind in CATALOGUE.values() if kind.group == group and kind.is_listed] for group in GROUPS}


def words_of(kind: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """The title and the body of a notification. Raises KeyError for an unknown kind or a param that is missing.

    Params stand as they are given, on one line, without control characters.
    """
    event = CATALOGUE[kind]
    values = {name: clean(str(value)) for name, value in params.items()}
    title, body = event.title.format_map(values), event.body.format_map(values)
    return shorten(" ".join(title.split()), MAX_TITLE), shorten(" ".join(body.split()), MAX_BODY)


def clean(text: str) -> str:
    """A param on one line, without control and direction characters."""
    return "".join(
        " " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C"
    )


def shorten(text: str, most: int) -> str:
    """A text of at most so many characters; what was cut ends in an ellipsis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
