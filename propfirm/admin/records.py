"""What belongs to accounts and is made elsewhere, to be looked at: resets, certificates, referrals."""

from __future__ import annotations

from django.contrib import admin

from core.money import Money
from propfirm.admin.common import FirmAdmin
from propfirm.models import PropCertificate, PropReset, Referral


@admin.register(PropReset)
class PropResetAdmin(FirmAdmin):
    list_display = ("id", "account", "status", "payment", "phase", "created_at")
    list_filter = ("status",)
    list_select_related = ("account", "payment", "phase")
    search_fields = ("=account__number", "=account__owner__email", "=payment__public_id")
    ordering = ("-id",)


@admin.register(PropCertificate)
class PropCertificateAdmin(FirmAdmin):
    list_display = ("code", "kind", "account", "created_at")
    list_filter = ("kind",)
    list_select_related = ("account",)
    search_fields = ("=code", "=account__number", "=account__owner__email")
    ordering = ("-id",)


@admin.register(Referral)
class ReferralAdmin(FirmAdmin):
    list_display = ("id", "affiliate", "account", "commission", "status", "due_at", "created_at")
    list_filter = ("status", "currency")
    list_select_related = ("affiliate", "account")
    search_fields = ("=affiliate__code", "=account__number")
    ordering = ("-id",)

    @admin.display(description="commission", ordering="commission_minor")
    def commission(self, row: Referral) -> str:
        return str(Money(row.commission_minor, row.currency))
