"""Accounts of the firm: the list with its live risk, and one account with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.money import to_major
from payments.services.payouts import is_finance
from propfirm.admin.common import FirmAdmin, user_of
from propfirm.admin.search import HELP, accounts_found
from propfirm.admin.verdicts import checked, verdict_rows
from propfirm.domain import states
from propfirm.models import Affiliate, PropAccount, PropDispute, PropFinding, PropPayout, PropPhase, PropPlan, Referral
from propfirm.selectors.accounts import account_detail, accounts_query, activities_query, cards, verdicts_of
from propfirm.selectors.overview import breaches, day_begin
from propfirm.selectors.risk import RiskView, risk_order, risks_of, with_room
from propfirm.services import closing
from propfirm.services.fee_refunds import fee_refund_again
from trading.domain.types import Actor

MAX_AT_ONCE = 20
SHOWN = 50


class RiskChangeList(ChangeList):
    """A page of accounts with the risk of each; sorted by it, the page is in exact order."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """Look at the risk of the rows of this page only."""
        super().get_results(request)
        rows = list(self.result_list)
        if self._by_risk():
            per_page = max(len(rows), self.list_per_page)
            wanted = risk_order(self.queryset, self.page_num * per_page)
            ids = wanted[(self.page_num - 1) * per_page : self.page_num * per_page]
            known = {row.pk: row for row in self.queryset.filter(pk__in=ids)}
            ranked = [known[pk] for pk in ids if pk in known]
            rows = ranked + [row for row in rows if row.pk not in known][: len(rows) - len(ranked)]
        risks = risks_of([row.trading_id for row in rows if row.status in states.LIVE])
        for row in rows:
            row.risk = risks.get(row.trading_id)
        self.result_list = rows

    def _by_risk(self) -> bool:
        columns = self.get_ordering_field_columns()
        place = list(self.list_display).index("room_left") if "room_left" in self.list_display else None
        return place is not None and next(iter(columns.items()), None) == (place, "asc")


class BreachedFilter(admin.SimpleListFilter):
    """Accounts that a rule ended or paused today."""

    title = "breached"
    parameter_name = "breached"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("today", "Today (UTC)")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> QuerySet[PropAccount]:
        if self.value() != "today":
            return queryset
        trading = breaches(day_begin()).values("account_id")
        return queryset.filter(Exists(PropPhase.objects.filter(account=OuterRef("pk"), trading_account_id__in=trading)))


class PlanFilter(admin.SimpleListFilter):
    """By a plan's code, whatever the version."""

    title = "plan"
    parameter_name = "plan"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = PropPlan.objects.exclude(status=PropPlan.Status.DRAFT).order_by("code")
        return [(code, code) for code in rows.values_list("code", flat=True).distinct()[:200]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> QuerySet[PropAccount]:
        return queryset.filter(plan__code=self.value()) if self.value() else queryset


class PhaseFilter(admin.SimpleListFilter):
    """By where an account is on its way."""

    title = "phase"
    parameter_name = "phase"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "First step"), ("2", "Second step"), ("3", "Third step"), ("funded", "Funded")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> QuerySet[PropAccount]:
        value = self.value()
        if value not in ("1", "2", "3", "funded"):
            return queryset
        funded = Exists(PropPhase.objects.filter(account=OuterRef("pk"), kind=states.FUNDED_KIND))
        if value == "funded":
            return queryset.filter(funded)
        return queryset.filter(~funded, phase_index=int(value) - 1)


def _figure(minor: int | None, currency: str, *, signed: bool = False) -> SafeString:
    """An amount that stands under others: right-aligned, with its currency."""
    if minor is None:
        return format_html('<span class="figure">{}</span>', "-")
    amount = to_major(minor, currency)
    text = f"{amount:+,f}" if signed and amount else f"{amount:,f}"
    return format_html('<span class="figure">{} {}</span>', text.replace("-", "\N{MINUS SIGN}"), currency)


@admin.register(PropAccount)
class PropAccountAdmin(FirmAdmin):
    list_display = (
        "number",
        "state",
        "phase",
        "equity",
        "profit",
        "room_left",
        "room_share",
        "owner",
        "plan",
        "created_at",
    )
    list_filter = ("status", PlanFilter, PhaseFilter, BreachedFilter)
    search_fields = ("number",)
    search_help_text = HELP
    action_form = ReasonForm
    actions = ("stop", "go_on", "judge_now", "close", "fee_again")
    change_list_template = "admin/propfirm/account_list.html"

    class Media:
        css = {"all": ("css/operators.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[PropAccount]:
        return with_room(accounts_query())

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RiskChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PropAccount], search_term: str
    ) -> tuple[QuerySet[PropAccount], bool]:
        return accounts_found(queryset, search_term), False

    def get_urls(self) -> list[URLPattern]:
        page = path("breaches/", self.admin_site.admin_view(self.breaches), name="propfirm_propaccount_breaches")
        return [page, *super().get_urls()]

    @admin.display(description="phase")
    def phase(self, row: PropAccount) -> str:
        return vars(row)["phase_name"] or "-"

    @admin.display(description="status", ordering="status")
    def state(self, row: PropAccount) -> str:
        return cards([row])[0].label

    @admin.display(description="equity", ordering="equity")
    def equity(self, row: PropAccount) -> SafeString:
        return _figure(vars(row)["equity"], row.plan.currency)

    @admin.display(description="P&L")
    def profit(self, row: PropAccount) -> SafeString:
        risk = _risk(row)
        return _figure(None if risk is None else risk.profit_minor, row.plan.currency, signed=True)

    @admin.display(description="to the nearest floor", ordering=F("room").asc(nulls_last=True))
    def room_left(self, row: PropAccount) -> SafeString:
        risk = _risk(row)
        floor = None if risk is None else risk.floor
        return _figure(None if floor is None else floor.room_minor, row.plan.currency)

    @admin.display(description="of the start")
    def room_share(self, row: PropAccount) -> SafeString:
        risk = _risk(row)
        share = None if risk is None else risk.room_percent
        return format_html('<span class="figure">{}</span>', "-" if share is None else f"{share} %")

    @admin.action(description="Stop: lock until it may go on (give a reason)", permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> None:
        self._each(request, queryset, closing.account_stop, "is stopped")

    @admin.action(description="Let go on what an operator stopped (give a reason)", permissions=["operate"])
    def go_on(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> None:
        self._each(request, queryset, closing.account_go_on, "may trade again")

    @admin.action(description="Judge now at the prices in force (give a reason)", permissions=["operate"])
    def judge_now(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> None:
        self._each(request, queryset, closing.account_judge_now, "was judged")

    @admin.action(description="Close without a breach (give a reason; it is told)", permissions=["operate"])
    def close(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> None:
        self._each(request, queryset, closing.account_close, "is closed")

    @admin.action(description="Give a fee back that could not be (give a reason)", permissions=["pay"])
    def fee_again(self, request: HttpRequest, queryset: QuerySet[PropAccount]) -> None:
        self._each(request, queryset, fee_refund_again, "gets its fee back")

    def has_pay_permission(self, request: HttpRequest) -> bool:
        """Whether the person is of finance."""
        return is_finance(user_of(request))

    def _each(self, request: HttpRequest, queryset: QuerySet[PropAccount], act: Callable[..., Any], done: str) -> None:
        for pk, number in queryset.order_by("pk").values_list("pk", "number")[:MAX_AT_ONCE]:
            self._act(request, pk, number, act, done, reason_of(request))

    def _act(self, request: HttpRequest, pk: int, number: str, act: Callable[..., Any], done: str, reason: str) -> None:
        try:
            came = act(actor=user_of(request), account_id=pk, reason=reason)
        except DomainError as error:
            self.message_user(request, f"{number}: {error.message}", messages.ERROR)
            return
        if isinstance(came, list):
            done += ": " + ("; ".join(verdict.message for verdict in came) or "nothing new")
        elif came is False:
            done = "was locked for good already"
        self.message_user(request, f"{number} {done}.", messages.SUCCESS)

    def act(self, request: HttpRequest, row: PropAccount, do: str, reason: str) -> None:
        acts: dict[str, tuple[Callable[..., Any], str]] = {
            "stop": (closing.account_stop, "is stopped"),
            "go_on": (closing.account_go_on, "may trade again"),
            "judge_now": (closing.account_judge_now, "was judged"),
            "close": (closing.account_close, "is closed"),
        }
        if do in acts:
            self._act(request, row.pk, row.number, *acts[do], reason)

    def show(self, request: HttpRequest, row: PropAccount) -> HttpResponse:
        """Everything of an account. `?verify=1` computes its verdicts again."""
        viewer = Actor(user_id=user_of(request).pk, is_staff=True, label="")
        detail = account_detail(row.number, viewer)
        verdicts = verdict_rows(verdicts_of(row.pk)[:SHOWN])
        context = {
            "row": row,
            "detail": detail,
            "risk": risks_of([detail.phase.trading_account_id]).get(detail.phase.trading_account_id)
            if detail.phase
            else None,
            "verdicts": checked(verdicts) if request.GET.get("verify") else verdicts,
            "is_checked": bool(request.GET.get("verify")),
            "activities": activities_query(row.pk).select_related("actor")[:SHOWN],
            "payouts": PropPayout.objects.filter(account=row).select_related("reviewed_by", "approved_by", "payout"),
            "disputes": PropDispute.objects.filter(account=row).order_by("-pk"),
            "findings": PropFinding.objects.filter(Q(left=row) | Q(right=row)).select_related("left", "right"),
            "referral": Referral.objects.filter(account=row).select_related("affiliate").first(),
            "resets": row.bought_resets.select_related("payment").order_by("-pk"),
            "certificates": row.certificates.order_by("pk"),
            "is_stopped": detail.lock_reason.startswith(closing.HELD),
            "affiliate": Affiliate.objects.filter(pk=row.affiliate_id or 0).first(),
        }
        return self.page(request, "account", row.number, context)

    def breaches(self, request: HttpRequest) -> HttpResponse:
        """Verdicts of today that ended or paused accounts. `?verify=1` computes those shown again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        since = day_begin()
        kinds = request.GET.getlist("kind")
        rows = breaches(since).filter(**({"kind__in": kinds} if kinds else {}))
        total, is_checked = rows.count(), bool(request.GET.get("verify"))
        found = verdict_rows(rows[:SHOWN])
        context = {
            "since": since,
            "total": total,
            "verdicts": checked(found) if is_checked else found,
            "is_checked": is_checked,
            "kinds": [(kind, kind in kinds) for kind in ("fail", "expired", "soft")],
        }
        return self.page(request, "breaches", "Breaches today", context)


def _risk(row: PropAccount) -> RiskView | None:
    found: RiskView | None = getattr(row, "risk", None)
    return found
