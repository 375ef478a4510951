"""Operator pages of legal texts, consents and profiles."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse

from accounts.adapters.markdown import markdown_html
from accounts.models import Consent, LegalText, Profile
from accounts.services.consents import MAX_BODY, text_publish
from accounts.services.onboarding import where_reset
from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from core.throttling import address


class TextForm(forms.Form):
    """The next version of a text."""

    kind = forms.ChoiceField(choices=LegalText.Kind.choices)
    title = forms.CharField(max_length=120)
    changes = forms.CharField(max_length=300, help_text="What is new, in a sentence: everyone is told it.")
    body = forms.CharField(max_length=MAX_BODY, widget=forms.Textarea(attrs={"rows": 30, "cols": 100}))
    reason = forms.CharField(max_length=300)


@admin.register(LegalText)
class LegalTextAdmin(ReadOnlyAdmin):
    list_display = ("kind", "version", "edition", "title", "published_at")
    list_filter = ("kind",)
    ordering = ("-edition",)
    fields = ("kind", "version", "edition", "title", "changes", "published_at", "wording")
    readonly_fields = ("wording",)

    @admin.display(description="Wording")
    def wording(self, text: LegalText) -> str:
        return markdown_html(text.body)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("accounts.add_legaltext"))

    def get_urls(self) -> list[Any]:
        return [
            path("add/", self.admin_site.admin_view(self.publish), name="accounts_legaltext_add"),
            *super().get_urls(),
        ]

    def publish(self, request: HttpRequest) -> HttpResponse:
        """Publish a new version: everyone is asked again."""
        if not self.has_add_permission(request):
            return HttpResponse(status=403)
        form = TextForm(request.POST or None, initial=self._newest(request.GET.get("kind", "terms")))
        if request.method == "POST" and form.is_valid():
            try:
                text = text_publish(actor=request.user, ip=address(request), **form.cleaned_data)  # type: ignore[arg-type]
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                self.message_user(request, f"{text.title}, version {text.version}, is in force. Everyone is asked.")
                return redirect(reverse("admin:accounts_legaltext_changelist"))
        context = {**self.admin_site.each_context(request), "title": "Publish a new version", "form": form,
                   "opts": self.model._meta}  # fmt: skip
        return render(request, "admin/accounts/publish_text.html", context)

    @staticmethod
    def _newest(kind: str) -> dict[str, str]:
        text = LegalText.objects.filter(kind=kind).order_by("-version").first()
        return {"kind": kind} if text is None else {"kind": kind, "title": text.title, "body": text.body}


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "text", "ip", "accepted_at")
    list_filter = ("text__kind",)
    list_select_related = ("user", "text")
    search_fields = ("=user__id",)
    ordering = ("-id",)


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    list_display = ("user", "country", "region", "experience", "risk_tolerance", "is_public", "onboarded_at")
    list_filter = ("experience", "risk_tolerance", "is_public")
    list_select_related = ("user",)
    search_fields = ("=user__id", "=user__handle", "=country")
    ordering = ("-pk",)
    fields = (
        *("user", "bio", "country", "region", "experience", "risk_tolerance", "time_zone", "currency", "is_public"),
        *("onboarded_at", "created_at", "updated_at"),
    )
    action_form = ReasonForm
    actions = ("reset_residence",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser or request.user.has_perm("accounts.change_user"))

    @admin.action(description="Ask again where they live (give a reason)", permissions=["operate"])
    def reset_residence(self, request: HttpRequest, queryset: QuerySet[Profile]) -> None:
        for user_id in queryset.values_list("pk", flat=True)[:50]:
            try:
                where_reset(actor=request.user, user_id=user_id, reason=reason_of(request), ip=address(request))  # type: ignore[arg-type]
            except DomainError as error:
                self.message_user(request, f"User {user_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"User {user_id} is asked again.", messages.SUCCESS)
