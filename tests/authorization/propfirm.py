"""Who may use the routes of the firm: plans and certificates are everyone's, an account is its owner's."""

from collections.abc import Callable

from accounts.models import User
from propfirm.models import PropAccount, PropPlan
from propfirm.services.certificates import certificate_make_in_tx
from propfirm.tests import factories as make

_API = "api/v1/prop-firm"
_ACCOUNT = f"{_API}/accounts/<slug:number>"
_PAGE = "prop-firm/accounts/<slug:number>"
_MONEY = "prop-firm/accounts/<str:number>"
ROUTES: dict[tuple[str, str], str] = {
    ("GET", "prop-firm"): "public",
    ("GET", "prop-firm/plans/<slug:code>"): "public",
    ("GET", "prop-firm/plans/<slug:code>/odds"): "public",
    ("GET", "prop-firm/certificates/<slug:code>"): "public",
    ("GET", "prop-firm/certificates/<slug:code>.pdf"): "public",
    ("GET", "prop-firm/accounts"): "self",
    ("GET", "prop-firm/affiliate"): "self",
    ("GET", _PAGE): "records",
    ("GET", f"{_PAGE}/live"): "records",
    ("GET", "prop-firm/accounts/of/<int:trading_id>"): "records",
    ("POST", f"{_PAGE}/retry"): "owner",
    ("POST", f"{_PAGE}/disputes"): "owner",
    ("GET", f"{_MONEY}/payouts"): "records",
    ("POST", f"{_MONEY}/payouts/request"): "owner",
    ("POST", f"{_MONEY}/payouts/<uuid:public_id>/cancel"): "owner",
    ("POST", f"{_MONEY}/withdraw"): "owner",
    ("GET", "verdicts/<int:verdict_id>/evidence.json"): "records",
    ("GET", "verdicts/<int:verdict_id>/evidence.pdf"): "records",
    **{("GET", f"{_API}/{name}"): "public"
       for name in ("plans", "plans/<int:plan_id>", "plans/<slug:code>")},
    ("POST", f"{_API}/plans/<slug:code>/odds"): "public",
    ("GET", f"{_API}/certificates/<slug:code>"): "public",
    ("POST", f"{_API}/checkout/create_session"): "self",
    ("POST", f"{_API}/checkout/verify_payment"): "self",
    ("GET", f"{_API}/accounts"): "self",
    ("GET", f"{_API}/payouts"): "self",
    ("GET", _ACCOUNT): "records",
    **{("GET", f"{_ACCOUNT}/{name}"): "records"
       for name in ("activities", "violations", "statistics", "objectives", "equity", "floors", "rules", "disputes")},
    ("POST", f"{_ACCOUNT}/refresh_balance"): "records",
    **{("POST", f"{_ACCOUNT}/{name}"): "owner" for name in ("reset", "retry", "disputes")},
    ("GET", f"{_API}/accounts/<str:number>/payouts"): "records",
    ("GET", f"{_API}/accounts/<str:number>/payouts/eligibility"): "records",
    ("POST", f"{_API}/accounts/<str:number>/payouts"): "owner",
    ("POST", f"{_API}/accounts/<str:number>/payouts/<uuid:public_id>/cancel"): "owner",
    ("POST", "sign-out/looking"): "public",
    ("GET", "api/v1/core/assets/<str:asset>/candles_v2"): "open",
}  # fmt: skip
# What there is only for an affiliate, for who asked for a payout, or for who names a payment of theirs.
ABSENT = frozenset(
    {
        ("GET", "prop-firm/affiliate"),
        ("POST", f"{_API}/checkout/create_session"),
        ("POST", f"{_API}/checkout/verify_payment"),
        ("POST", f"{_MONEY}/payouts/<uuid:public_id>/cancel"),
        ("POST", f"{_API}/accounts/<str:number>/payouts/<uuid:public_id>/cancel"),
        *(("GET", f"prop-firm/certificates/<slug:code>{tail}") for tail in ("", ".pdf")),
        ("GET", f"{_API}/certificates/<slug:code>"),
    }
)
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", f"{_ACCOUNT}/disputes"): {"verdict_id": 1, "body": "It was not as it seemed."},
    ("POST", f"{_API}/checkout/create_session"): {"plan": "nowhere"},
    ("POST", f"{_API}/plans/<slug:code>/odds"): {"preset": "nonsense"},
}


def _account(owner: User) -> PropAccount:
    found = PropAccount.objects.filter(owner=owner).first()
    return found or make.prop_account(make.plan(make.market({"PROP": [make.FLAT] * 3})), owner)[0]


def _plan(owner: User) -> PropPlan:
    return _account(owner).plan


def _certificate(owner: User) -> str:
    account = _account(owner)
    return certificate_make_in_tx(account, "passed", phase=make.phase_of(account)).code


ARGS: dict[str, Callable[[User], object]] = {
    "<slug:number>": lambda owner: _account(owner).number,
    "<int:plan_id>": lambda owner: _plan(owner).pk,
    "<int:trading_id>": lambda owner: make.phase_of(_account(owner)).trading_account_id,
}
_NUMBER = {"<str:number>": ARGS["<slug:number>"]}
_CODE = {"<slug:code>": lambda owner: _plan(owner).code}
PLACES: dict[str, dict[str, Callable[[User], object]]] = {
    **{route: _NUMBER for _, route in ROUTES if "<str:number>" in route},
    **{route: _CODE for _, route in ROUTES if "plans/<slug:code>" in route},
    **{route: {"<slug:code>": _certificate} for _, route in ROUTES if "certificates/<slug:code>" in route},
}
