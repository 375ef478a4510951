"""Everything that people can be told: one list, from which pages, preferences, mail and push are made. Pure.

`title` and `body` are format strings over the notification's params. Params hold ids, names and figures as text; never
what identifies another person beyond the public name.
"""

from dataclasses import dataclass

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


CATALOGUE: dict[str, EventKind] = {
    kind.key: kind
    for kind in (
        EventKind("contest_started", "Contests", "A contest of yours starts", "{contest} has started",
                  "Trading is open. Your account is ready.", (IN_APP, EMAIL)),
        EventKind("contest_ended", "Contests", "A contest of yours ends", "{contest} has ended",
                  "You came {rank} of {participants} with {value}.", (IN_APP, EMAIL)),
        EventKind("contest_cancelled", "Contests", "A contest of yours is cancelled", "{contest} was cancelled",
                  "{reason}", (IN_APP, EMAIL)),
        EventKind("rank_changed", "Contests", "Your rank moves", "You are now {rank} in {contest}",
                  "Before it was {before}.", (IN_APP,)),
        EventKind("prize_won", "Contests", "You win a prize", "You won {prize} in {contest}", "", (IN_APP, EMAIL)),
        EventKind("order_filled", "Trading", "An order fills", "{side} {quantity} {symbol} at {price}",
                  "Account {account}.", (IN_APP,)),
        EventKind("order_cancelled", "Trading", "An order is cancelled for you", "{symbol}: an order was cancelled",
                  "{reason}", (IN_APP,)),
        EventKind("margin_call", "Trading", "Margin call", "Margin call on {account}",
                  "{message}", (IN_APP, EMAIL, PUSH), is_urgent=True),
        EventKind("limit_warning", "Trading", "You come near a limit", "{account}: {percent}% of {limit} used",
                  "{message}", (IN_APP, PUSH), is_urgent=True),
        EventKind("limit_reached", "Trading", "A limit is reached", "{account}: {limit} reached",
                  "{message}", (IN_APP, EMAIL, PUSH), is_urgent=True),
        EventKind("verdict", "Trading", "A rule decides about your account", "{account}: {verdict}",
                  "{message}", (IN_APP, EMAIL), is_urgent=True),
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
    )
}  # fmt: skip
