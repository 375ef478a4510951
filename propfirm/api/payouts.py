"""Payouts of profit: eligibility, asking, taking back, and what was paid."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from core.api import errors
from core.money import major_text
from core.pagination import PagePagination
from payments.api.common import IDEMPOTENCY, key_of, user_of
from payments.forms import amount_minor
from propfirm.api.common import actor_of
from propfirm.selectors.accounts import account_row, own_account_row
from propfirm.selectors.payouts import PropPayoutView, payout_views, payouts_of, payouts_query
from propfirm.services.payout_lines import PayoutStanding, payout_lines
from propfirm.services.payouts import payout_cancel, payout_request

_MONEY = ("gross", "trader", "firm", "refund")


class PropPayoutIn(serializers.Serializer):
    """How much, before the split."""

    amount = serializers.CharField(
        max_length=24, required=False, allow_null=True, allow_blank=True, default=None,
        help_text="Decimal string in the account's currency; null: as much as can be",
    )  # fmt: skip


class PropPayoutStepOut(serializers.Serializer):
    """A step of a payout."""

    status = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    note = serializers.CharField()
    at = serializers.DateTimeField()


class PropPayoutOut(serializers.Serializer):
    """A payout of profit. Amounts are decimal strings in `currency`; gross = trader + firm."""

    public_id = serializers.UUIDField()
    number = serializers.CharField(help_text="Of the account")
    currency = serializers.CharField()
    gross = serializers.CharField()
    trader = serializers.CharField(help_text="The share that is paid")
    firm = serializers.CharField()
    refund = serializers.CharField(help_text="Of the fee, given back with it")
    split_percent = serializers.CharField()
    status = serializers.ChoiceField(choices=["requested", "reviewed", "approved", "rejected", "cancelled"])
    reason = serializers.CharField(help_text="Why it was not approved")
    verdict_id = serializers.IntegerField(help_text="The eligibility, with its evidence")
    payout_id = serializers.UUIDField(allow_null=True, help_text="The payout of money, once it is approved")
    payout_status = serializers.CharField(help_text="How that stands; empty before")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    steps = PropPayoutStepOut(many=True)


class PropPayoutLineOut(serializers.Serializer):
    """One thing that must hold."""

    text = serializers.CharField()
    is_met = serializers.BooleanField()
    url = serializers.CharField(help_text="Where to put it right; may be empty")


class PropPurseOut(serializers.Serializer):
    """What a payout would come to now, as decimal strings."""

    profit = serializers.CharField()
    kept = serializers.CharField(help_text="Profit that stays in the account")
    cap = serializers.CharField(allow_null=True)
    available = serializers.CharField()
    gross = serializers.CharField()
    trader = serializers.CharField()
    firm = serializers.CharField()
    refund = serializers.CharField()
    lost = serializers.CharField(help_text="Profit that leaves with it and is paid to nobody, where a payout resets")
    split_percent = serializers.CharField()


class PropEligibilityOut(serializers.Serializer):
    """Whether profit can be paid out now, and why not."""

    is_eligible = serializers.BooleanField()
    currency = serializers.CharField()
    opens_at = serializers.DateTimeField(allow_null=True, help_text="Market time of the next payout, where it is known")
    lines = PropPayoutLineOut(many=True)
    purse = PropPurseOut(allow_null=True)


def payout_data(found: PropPayoutView) -> dict[str, Any]:
    """A payout on the wire."""
    money = {name: major_text(getattr(found, f"{name}_minor"), found.currency) for name in _MONEY}
    return PropPayoutOut({
        **money,
        "public_id": found.public_id, "number": found.number, "currency": found.currency,
        "split_percent": str(found.split_percent), "status": found.status, "reason": found.reason,
        "verdict_id": found.verdict_id, "payout_id": found.paid_id, "payout_status": found.paid_status,
        "created_at": found.created_at, "decided_at": found.decided_at, "steps": found.steps,
    }).data  # fmt: skip


def eligibility_data(found: PayoutStanding) -> dict[str, Any]:
    """An eligibility on the wire."""
    purse: dict[str, str | None] | None = None
    if found.purse is not None:
        names = ("profit", "kept", "available", "lost", *_MONEY)
        purse = {name: major_text(getattr(found.purse, f"{name}_minor"), found.currency) for name in names}
        cap = found.purse.cap_minor
        purse["cap"] = None if cap is None else major_text(cap, found.currency)
        purse["split_percent"] = str(found.purse.split_percent)
    whole = {"is_eligible": found.is_eligible, "currency": found.currency, "opens_at": found.opens_at,
             "lines": found.lines, "purse": purse}  # fmt: skip
    return PropEligibilityOut(whole).data


class PropPayoutListView(APIView):
    """Payouts of one account."""

    pagination_class = PagePagination

    @extend_schema(operation_id="prop_payouts_of_account",
                   responses={200: PropPayoutOut(many=True), **errors(401, 404)})  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        """All payouts of an account, the newest first (its owner, operators)."""
        account = account_row(number, actor_of(user_of(request)))
        paginator = self.pagination_class()
        rows = paginator.paginate_queryset(payouts_query(account.pk), request, view=self) or []
        return paginator.get_paginated_response([payout_data(view) for view in payout_views(rows)])

    @extend_schema(operation_id="prop_payout_request", request=PropPayoutIn, parameters=[IDEMPOTENCY],
                   responses={201: PropPayoutOut, **errors(400, 401, 403, 404, 409, 422)})  # fmt: skip
    def post(self, request: Request, number: str) -> Response:
        """Ask for profit; the account is locked until two people have decided. 422 says what is missing."""
        who = actor_of(user_of(request))
        account = own_account_row(number, who)
        made = payout_request(
            actor=who,
            number=number,
            amount_minor=amount_minor(valid(PropPayoutIn, request)["amount"] or "", account.plan.currency),
            idempotency_key=key_of(request),
        )
        return Response(payout_data(payout_views([made])[0]), status=201)


class PropEligibilityView(APIView):
    """Whether profit can be paid out."""

    @extend_schema(operation_id="prop_payout_eligibility",
                   responses={200: PropEligibilityOut, **errors(401, 404)})  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        """Every condition of a payout, whether it holds now, and what it would come to. Nothing is kept."""
        return Response(eligibility_data(payout_lines(account_row(number, actor_of(user_of(request))))))


class PropPayoutCancelView(APIView):
    """Taking back."""

    @extend_schema(operation_id="prop_payout_cancel", request=None,
                   responses={200: PropPayoutOut, **errors(401, 404, 409)})  # fmt: skip
    def post(self, request: Request, number: str, public_id: str) -> Response:
        """Take a payout back, until it is decided; the account trades on."""
        own_account_row(number, actor_of(user_of(request)))
        done = payout_cancel(actor=actor_of(user_of(request)), public_id=public_id)
        return Response(payout_data(payout_views([done])[0]))


class PropPayoutsOwnView(APIView):
    """One's own payouts."""

    pagination_class = PagePagination

    @extend_schema(operation_id="prop_payouts",
                   responses={200: PropPayoutOut(many=True), **errors(401)})  # fmt: skip
    def get(self, request: Request) -> Response:
        """Payouts of all of one's accounts, the newest first."""
        paginator = self.pagination_class()
        rows = paginator.paginate_queryset(payouts_of(user_of(request).pk), request, view=self) or []
        return paginator.get_paginated_response([payout_data(view) for view in payout_views(rows)])


_ACCOUNT = "prop-firm/accounts/<str:number>/payouts"
urlpatterns = [
    path("prop-firm/payouts", PropPayoutsOwnView.as_view(), name="api-prop-payouts"),
    path(_ACCOUNT, PropPayoutListView.as_view(), name="api-prop-account-payouts"),
    path(f"{_ACCOUNT}/eligibility", PropEligibilityView.as_view(), name="api-prop-payout-eligibility"),
    path(f"{_ACCOUNT}/<uuid:public_id>/cancel", PropPayoutCancelView.as_view(), name="api-prop-payout-cancel"),
]
