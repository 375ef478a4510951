"""Who may use the routes of trading, markets, contests, agents and the platform itself; and what there is."""

from collections.abc import Callable
from datetime import UTC, datetime

from accounts.models import User
from ai_strategies.models import Agent
from ai_strategies.tests import factories as agents
from contests.models import Contest, Participant
from contests.services.joins import contest_join
from marketdata.models import Instrument, Watchlist
from marketdata.services.watchlists import item_add, watchlist_create
from marketdata.tests.factories import advance
from tests.authorization import contests, payments, propfirm
from trading.domain import rules as rule_engine
from trading.models import Account, Order, RuleSet, Verdict
from trading.services.rules import rule_set_store, rules_assign_in_tx
from trading.tests import factories as trading
from trading.tests.ruled import document

_ACCOUNT = "accounts/<int:account_id>"
# An agent's account is public; a person's is their own and the operators'. For anyone else it is not there.
_SHOWN = ("", "/positions", "/positions/<str:symbol>", "/transactions", "/activities", "/orders", "/equity",
          "/fees/schedule", "/portfolio", "/performance", "/trades")  # fmt: skip
_UDF = ("config", "symbols", "symbol_info", "search", "history", "marks", "timescale_marks", "time", "quotes")

_TRADING: dict[tuple[str, str], str] = {
    ("GET", "api/v1/accounts"): "public",
    **{("GET", f"api/v1/{_ACCOUNT}{name}"): "shown" for name in _SHOWN},
    ("DELETE", f"api/v1/{_ACCOUNT}/positions"): "owner",
    ("DELETE", f"api/v1/{_ACCOUNT}/positions/<str:symbol>"): "owner",
    ("DELETE", f"api/v1/{_ACCOUNT}/orders"): "owner",
    ("GET", f"api/v1/{_ACCOUNT}/statement"): "records",
    ("GET", f"api/v1/{_ACCOUNT}/rules"): "records",
    ("GET", f"api/v1/{_ACCOUNT}/verdicts"): "records",
    ("GET", "api/v1/verdicts/<int:verdict_id>/evidence"): "records",
    ("POST", "api/v1/orders"): "self",
    ("POST", "api/v1/orders/preview"): "self",
    ("POST", "api/v1/orders/bulk"): "self",
    ("GET", "api/v1/orders/<int:order_id>"): "records",
    ("GET", "api/v1/orders/<int:order_id>/transitions"): "records",
    ("PATCH", "api/v1/orders/<int:order_id>"): "owner",
    # An operator may cancel anyone's order, and change none.
    ("DELETE", "api/v1/orders/<int:order_id>"): "records",
    ("POST", "api/v1/trading/execute"): "self",
    ("GET", "api/v1/paper-trading/trades"): "self",
    ("POST", "api/v1/paper-trading/trades"): "self",
    ("GET", "api/v1/paper-trading/trades/<int:trade_id>"): "owner",
    ("POST", "api/v1/paper-trading/trades/<int:trade_id>/close"): "owner",
    ("POST", "api/v1/paper-trading/trades/<int:trade_id>/cancel"): "owner",
    ("GET", "api/v1/risk/settings"): "self",
    ("PUT", "api/v1/risk/settings"): "self",
    ("POST", "api/v1/risk/kill-switch"): "self",
    ("DELETE", "api/v1/risk/kill-switch"): "self",
    ("GET", "account"): "self",
    ("GET", "accounts"): "self",
    **{("GET", f"{_ACCOUNT}{name}"): "shown" for name in ("", "/analytics", "/figures", "/positions", "/orders/open")},
    ("GET", f"{_ACCOUNT}/trades"): "shown",
    ("GET", f"{_ACCOUNT}/statement"): "records",
    **{("POST", f"{_ACCOUNT}/orders{name}"): "owner" for name in ("", "/preview", "/size", "/cancel")},
    ("GET", f"{_ACCOUNT}/positions/<str:symbol>/manage"): "owner",
    ("POST", f"{_ACCOUNT}/positions/<str:symbol>/close"): "owner",
    ("POST", f"{_ACCOUNT}/positions/<str:symbol>/protect"): "owner",
    ("GET", "risk"): "self",
    ("POST", "risk"): "self",
    ("GET", "accounts/<int:account_id>/plan"): "owner",
    ("GET", "practice"): "self",
    ("POST", "practice"): "self",
    ("POST", "practice/again"): "self",
    ("GET", "api/v1/practice"): "self",
    ("POST", "api/v1/practice"): "cleared",
    ("POST", "api/v1/practice/reset"): "self",
    ("POST", "risk/kill"): "self",
    ("POST", "risk/release"): "self",
    ("GET", "orders/<int:order_id>"): "shown",
    ("GET", "orders/<int:order_id>/trail"): "shown",
    ("GET", "orders/<int:order_id>/amend"): "owner",
    ("POST", "orders/<int:order_id>/replace"): "owner",
    ("POST", "orders/<int:order_id>/cancel"): "records",
}
_MARKETS: dict[tuple[str, str], str] = {
    **{("GET", f"api/v1/stocks/{name}"): "open" for name in ("prices", "metrics")},
    **{("GET", f"api/v1/stocks/<str:ticker>/{name}"): "open" for name in ("history", "quote")},
    **{("GET", f"api/v1/udf/{name}"): "open" for name in _UDF},
    ("GET", "api/v1/markets"): "open",
    ("GET", "api/v1/markets/<slug:slug>"): "open",
    ("GET", "api/v1/market-status"): "open",
    ("GET", "api/v1/core/assets"): "open",
    ("GET", "api/v1/assets/<str:asset>"): "open",
    ("GET", "api/v1/assets/<str:asset>/candles_v2"): "open",
    ("GET", "api/v1/core/watchlists"): "self",
    ("POST", "api/v1/core/watchlists"): "self",
    **{(method, "api/v1/core/watchlists/<int:watchlist_id>"): "owner" for method in ("GET", "PATCH", "DELETE")},
    **{(method, "api/v1/core/watchlists/<int:watchlist_id>/items"): "owner" for method in ("POST", "PUT")},
    ("DELETE", "api/v1/core/watchlists/<int:watchlist_id>/items/<int:instrument_id>"): "owner",
    **{("GET", name): "public" for name in ("markets", "markets/pulse", "markets/quotes", "search", "search/suggest")},
    ("GET", "markets/<int:market_id>/candles/<str:symbol>"): "public",
    ("GET", "symbols/<str:symbol>"): "public",
    ("GET", "symbols/<str:symbol>/news"): "public",
    ("GET", "watchlists"): "self",
    ("POST", "watchlists"): "self",
    ("GET", "watchlists/<int:watchlist_id>"): "owner",
    **{("POST", f"watchlists/<int:watchlist_id>/{name}"): "owner"
       for name in ("rename", "delete", "add", "remove", "move")},
}  # fmt: skip
_CONTESTS: dict[tuple[str, str], str] = {
    ("GET", "api/v1/contests"): "public",
    ("POST", "api/v1/contests"): "moderator",
    ("GET", "api/v1/contests/<slug:slug>"): "public",
    ("POST", "api/v1/contests/<slug:slug>/join"): "cleared",
    ("POST", "api/v1/contests/<slug:slug>/withdraw"): "self",
    **{("GET", f"api/v1/contests/<slug:slug>/{name}"): "public"
       for name in ("status", "leaderboard", "decisions", "result")},
    **{("POST", f"api/v1/contests/<slug:slug>/{name}"): "moderator"
       for name in ("schedule", "start", "pause", "resume", "cancel", "end")},
    ("GET", "api/v1/competition/status"): "public",
    **{("POST", f"api/v1/competition/{name}"): "moderator" for name in ("start", "pause", "resume")},
    ("GET", "api/v1/agents"): "public",
    ("GET", "api/v1/agents/<int:agent_id>"): "public",
    ("GET", "api/v1/trading/strategy/<int:account_id>"): "public",
    ("GET", "api/v1/trading/strategies/<int:account_id>"): "public",
    ("GET", "contests"): "public",
    ("GET", "contests/new"): "moderator",
    ("POST", "contests/new"): "moderator",
    ("GET", "contests/<slug:slug>"): "public",
    ("GET", "contests/<slug:slug>/standing"): "self",
    ("GET", "contests/<slug:slug>/standings.csv"): "public",
    ("POST", "contests/<slug:slug>/join"): "self",
    ("POST", "contests/<slug:slug>/withdraw"): "self",
    ("GET", "agents/<int:agent_id>"): "public",
}  # fmt: skip
_PLATFORM: dict[tuple[str, str], str] = {
    ("GET", ""): "public",
    ("GET", "healthz"): "public",
    ("GET", "readyz"): "public",
    ("GET", "stream-token"): "public",
    ("GET", "api/v1/stream-token"): "public",
    **{("GET", f"api/{name}"): "public" for name in ("schema", "schema/", "docs", "docs/")},
}
ROUTES: dict[tuple[str, str], str] = {**_TRADING, **_MARKETS, **_CONTESTS, **_PLATFORM}

# Where an API key of the scope `trade` may write; no key writes anywhere else.
KEY_WRITES: frozenset[tuple[str, str]] = frozenset(
    {
        *((method, route) for method, route in _TRADING | _MARKETS if method != "GET" and route.startswith("api/")),
        ("POST", "api/v1/contests/<slug:slug>/join"),
        ("POST", "api/v1/contests/<slug:slug>/withdraw"),
    }
    | contests.KEY_WRITES
) - {("PUT", "api/v1/risk/settings")}

# What a route needs to have something to show: the marks of what it asks about.
QUERIES: dict[str, str] = {
    **dict.fromkeys(("api/schema", "api/schema/"), "format=json"),
    "api/v1/stream-token": "channels=market:1",
    "stream-token": "channels=market:1",
    "api/v1/udf/symbols": "symbol=AAA",
    "api/v1/udf/symbol_info": "group=replay",
    "api/v1/udf/search": "query=A",
    "api/v1/udf/quotes": "symbols=AAA",
    "api/v1/udf/history": "symbol=AAA&resolution=1D&from=0&to=2000000000",
    "api/v1/udf/marks": "symbol=AAA&resolution=1D&from=0&to=2000000000",
    "api/v1/udf/timescale_marks": "symbol=AAA&resolution=1D&from=0&to=2000000000",
    "search": "q=A",
    "search/suggest": "q=A",
    "markets/quotes": "symbols=AAA",
}


# What a write needs to get past the check of its form to the one of rights.
BODIES: dict[tuple[str, str], dict[str, object]] = {
    **payments.BODIES,
    **contests.BODIES,
    **propfirm.BODIES,
    ("PATCH", "api/v1/core/watchlists/<int:watchlist_id>"): {"name": "Renamed"},
    ("POST", "api/v1/core/watchlists/<int:watchlist_id>/items"): {"asset": "AAA"},
    ("PUT", "api/v1/core/watchlists/<int:watchlist_id>/items"): {"items": []},
    ("POST", "watchlists/<int:watchlist_id>/rename"): {"name": "Renamed"},
    **{("POST", f"watchlists/<int:watchlist_id>/{name}"): {"symbol": "AAA"} for name in ("add", "remove", "move")},
}
# What anyone opens who may open the administration at all.
ADMIN_OF_ALL = frozenset({"admin/", "admin/jsi18n/"})
# Whose rows an administrator may add or delete there; everything else is written by services only.
_BEAT = {f"django_celery_beat.{name}schedule" for name in ("clocked", "crontab", "solar", "interval")}
DELETED = frozenset(_BEAT | {"django_celery_beat.periodictask"})
ADDED = DELETED | {"accounts.legaltext", "trading.ruleset", "propfirm.propplan", "propfirm.affiliate",
                   "propfirm.economicevent"} | {
    f"marketdata.{name}"
    for name in ("exchange", "sessionphase", "ticksizerule", "pricebandrule", "marketpolicy", "exchangesession",
                 "exchangeholiday", "exchangehalt")
}  # fmt: skip
# 404 here says that one has nothing of the kind oneself.
ABSENT = (
    payments.ABSENT
    | contests.ABSENT
    | propfirm.ABSENT
    | frozenset(
        {
            ("DELETE", "api/v1/me/privacy/deletion"),
            *((method, "practice") for method in ("GET", "POST")),
            ("POST", "practice/again"),
            *(("POST", f"{start}contests/<slug:slug>/withdraw") for start in ("", "api/v1/")),
            ("GET", "api/v1/practice"),
            ("POST", "api/v1/practice/reset"),
            ("GET", "settings/security/authenticator/remove"),
            ("POST", "settings/security/authenticator/remove"),
            ("GET", "settings/security/recovery-codes/download"),
        }
    )
)
# Whoever is signed in is signed out by it.
SIGNS_OUT = frozenset({("POST", "settings/sessions/end-all")})


def furnish(owner: User) -> None:
    """A contest with an agent, where the owner holds a share, has a resting order and a verdict; and a watchlist."""
    view = agents.arena(agents.agent("momentum"), is_featured=True)
    who = trading.actor(owner)
    account_id = contest_join(actor=who, contest_id=view.id, invite_code="")
    advance(view.market_id)
    trading.place(who, account_id, "buy", 2)
    advance(view.market_id)
    assert trading.place(who, account_id, "buy", 1, limit="90").status == "accepted"
    kept = watchlist_create(actor=owner, name="Kept")
    item_add(actor=owner, watchlist_id=kept.id, instrument_id=_instrument(owner))
    rules = rule_set_store(document=document({"kind": "stop_required"}))
    rules_assign_in_tx(account_id=account_id, rule_set_id=rules.pk)
    _verdict(account_id, rules)


def _verdict(account_id: int, row: RuleSet) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    read = rule_engine.RuleSet.from_json(row.document)
    state = rule_engine.start(read, initial_minor=1_000, at=at)
    found = rule_engine.phase_result(read, state, rule_engine.Observation(at, 1_000, 1_000))
    Verdict.objects.create(
        account_id=account_id, rule_set=row, rule_key=found.rule_key, kind=found.kind, code=found.code,
        message=found.message, evidence=found.evidence, inputs_hash=found.evidence["inputs_hash"], market_at=at,
    )  # fmt: skip


def _account(owner: User) -> int:
    return Account.objects.get(owner=owner).pk


def _orders(owner: User) -> list[int]:
    return list(Order.objects.filter(account__owner=owner).order_by("id").values_list("pk", flat=True))


def _contest(owner: User) -> Contest:
    return Participant.objects.select_related("contest__market").get(account__owner=owner).contest


def _instrument(owner: User) -> int:
    return Instrument.objects.get(symbol="AAA").pk


def _agent_account(owner: User) -> int:
    return Account.objects.get(owner__kind="agent").pk


ARGS: dict[str, Callable[[User], object]] = {
    "<int:account_id>": _account,
    "<int:order_id>": lambda owner: _orders(owner)[-1],
    "<int:trade_id>": lambda owner: _orders(owner)[0],
    "<int:verdict_id>": lambda owner: Verdict.objects.get(account__owner=owner).pk,
    "<int:watchlist_id>": lambda owner: Watchlist.objects.get(owner=owner).pk,
    "<int:instrument_id>": _instrument,
    "<int:agent_id>": lambda owner: Agent.objects.get().pk,
    "<int:market_id>": lambda owner: _contest(owner).market_id,
    "<slug:slug>": lambda owner: _contest(owner).slug,
    **dict.fromkeys(("<str:symbol>", "<str:ticker>", "<str:asset>"), lambda owner: "AAA"),
}
# Where the same argument means something else.
PLACES: dict[str, dict[str, Callable[[User], object]]] = {
    **payments.PLACES,
    **propfirm.PLACES,
    "api/v1/markets/<slug:slug>": {"<slug:slug>": lambda owner: _contest(owner).market.slug},
    "api/v1/trading/strategy/<int:account_id>": {"<int:account_id>": _agent_account},
    "api/v1/trading/strategies/<int:account_id>": {"<int:account_id>": _agent_account},
}
