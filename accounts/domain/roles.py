"""What each role may do in the administration: the least that its work needs. Pure.

`view` and `change` name models as `app.model`; `change` is what the pages of that model ask for before an action.
A trader has no right there, an administrator all.
"""

from dataclasses import dataclass

TRADER, MODERATOR, FINANCE, ADMIN = "trader", "moderator", "finance", "admin"
STAFF = (MODERATOR, FINANCE, ADMIN)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role may look at, and where it may act."""

    view: frozenset[str] = frozenset()
    change: frozenset[str] = frozenset()


_PEOPLE = {"accounts.user", "accounts.signin", "accounts.apikey", "accounts.consent", "accounts.legaltext"}
_TRADING = {
    "trading.account",
    "trading.accountgroup",
    "trading.order",
    "trading.ordertransition",
    "trading.fill",
    "trading.position",
    "trading.floorstep",
    "trading.verdict",
    "trading.ruleset",
    "trading.risksettings",
    "trading.margincall",
    "trading.adjustment",
}
_CONTESTS = {
    f"contests.{name}"
    for name in (
        *("contest", "participant", "standingsnapshot", "finding", "sanction", "appeal", "comment", "waiting"),
        *("team", "contesttemplate", "broadcast", "certificate"),
    )
}
_FIRM = {
    f"propfirm.{name}"
    for name in (
        *("propaccount", "propplan", "proppayout", "propdispute", "propfinding", "propcertificate", "propreset"),
        *("affiliate", "referral", "economicevent"),
    )
}
_MARKET = {"marketdata.market", "marketdata.instrument", "marketdata.exchange", "marketdata.exchangehalt"}
_MONEY = {
    f"payments.{name}"
    for name in (
        *("payment", "refund", "dispute", "invoice", "subscription", "plangrant", "planversion", "planprice"),
        *("coupon", "taxrate", "payout", "payoutbatch", "payee", "blockedparty", "webhookdelivery"),
        *("reconciliationrun", "difference", "balancemovement"),
    )
}
_MONEY_ACTS = {
    f"payments.{name}"
    for name in (
        *("payment", "refund", "plangrant", "coupon", "taxrate", "payout", "payoutbatch", "payee", "blockedparty"),
        *("webhookdelivery", "reconciliationrun", "difference"),
    )
}

RIGHTS: dict[str, Rights] = {
    TRADER: Rights(),
    MODERATOR: Rights(
        view=frozenset(
            _PEOPLE
            | _TRADING
            | _CONTESTS
            | _FIRM
            | _MARKET
            | {"accounts.identitycheck", "accounts.identitydocument", "accounts.abuselead", "accounts.devicesighting"}
            | {"accounts.notification", "core.auditentry"}
        ),
        change=frozenset(
            {"accounts.user", "accounts.signin", "accounts.identitycheck", "accounts.abuselead", "contests.contest"}
            | {"propfirm.propaccount", "propfirm.propdispute", "propfirm.propfinding"}
        ),
    ),
    FINANCE: Rights(
        view=frozenset(
            {"accounts.user", "accounts.identitycheck", "core.ledgeraccount", "core.journal", "core.posting"}
            | {"core.seal", "core.auditentry"}
            | _TRADING
            | _CONTESTS
            | _FIRM
            | _MONEY
        ),
        change=frozenset(_MONEY_ACTS | {"propfirm.proppayout"}),
    ),
    ADMIN: Rights(),  # all of them
}
