"""Affiliates: made, and stopped or let go on with a reason."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from core.admin import ReasonForm
from core.errors import DomainError, Invalid
from propfirm.admin.common import FirmAdmin, user_of
from propfirm.forms_admin import AffiliateForm
from propfirm.models import Affiliate, Referral
from propfirm.services.affiliates import affiliate_make, affiliate_set_active


@admin.register(Affiliate)
class AffiliateAdmin(FirmAdmin):
    list_display = ("code", "user", "commission", "discount", "is_active", "brought", "earned", "created_at")
    list_filter = ("is_active",)
    list_select_related = ("user",)
    search_fields = ("=code", "=user__email", "=user__id")
    ordering = ("code",)
    action_form = ReasonForm
    actions = ("deactivate", "activate")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_operate_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Affiliate]:
        earned = Count("referrals", filter=Q(referrals__status=Referral.Status.EARNED))
        rows: QuerySet[Affiliate] = super().get_queryset(request)
        return rows.annotate(all_brought=Count("referrals"), all_earned=earned)

    @admin.display(description="commission, %", ordering="commission_bp")
    def commission(self, row: Affiliate) -> str:
        return f"{row.commission_bp / 100:g}"

    @admin.display(description="buyer saves, %", ordering="discount_bp")
    def discount(self, row: Affiliate) -> str:
        return f"{row.discount_bp / 100:g}"

    @admin.display(description="brought", ordering=F("all_brought").asc())
    def brought(self, row: Affiliate) -> int:
        return int(vars(row)["all_brought"])

    @admin.display(description="earned", ordering=F("all_earned").asc())
    def earned(self, row: Affiliate) -> int:
        return int(vars(row)["all_earned"])

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that makes one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AffiliateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                row = affiliate_make(actor=user_of(request), **form.cleaned_data)
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                self.message_user(request, f"{row} may bring buyers.", messages.SUCCESS)
                return redirect("admin:propfirm_affiliate_changelist")
        return self.page(request, "form", "New affiliate", {"form": form}, status=422 if form.is_bound else 200)

    @admin.action(description="Its code works no more (give a reason)", permissions=["operate"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Affiliate]) -> None:
        self.each(request, queryset, partial(self._set, request, False), "works no more.")

    @admin.action(description="Its code works again (give a reason)", permissions=["operate"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Affiliate]) -> None:
        self.each(request, queryset, partial(self._set, request, True), "works.")

    def _set(self, request: HttpRequest, is_active: bool, pk: int, reason: str) -> None:
        if not reason:
            raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
        affiliate_set_active(actor=user_of(request), affiliate_id=pk, is_active=is_active, reason=reason)
