"""Rule sets in the admin: added, read in plain words, never changed. Rules of accounts and verdicts are read-only."""
# ruff: noqa: ARG002, D102 - the hooks are Django's, and so are their arguments.

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html_join

from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from trading.domain.rules import RuleSet as Rules
from trading.domain.rules import rule_set_words
from trading.domain.types import Actor
from trading.models import AccountRules, FloorStep, RuleSet, Verdict
from trading.services.rules import rule_set_store


class RuleSetForm(forms.ModelForm):
    """A rule set's document; name, version and currency are in it."""

    class Meta:
        model = RuleSet
        fields = ("document",)

    def clean_document(self) -> Any:
        """The document, read as the rules read it: each problem with its place."""
        document = self.cleaned_data["document"]
        try:
            read = Rules.from_json(document)
        except DomainError as error:
            problems = error.details.get("problems", [])
            raise ValidationError([f"{item['path'] or 'document'}: {item['message']}" for item in problems]) from error
        if RuleSet.objects.filter(name=read.name, version=read.version).exists():
            raise ValidationError(f"{read.name} has a version {read.version} already. Give the next one.")
        return document


@admin.register(RuleSet)
class RuleSetAdmin(admin.ModelAdmin):
    """Versions of rule sets. One is added, and never changed or deleted."""

    form = RuleSetForm
    list_display = ("name", "version", "currency", "hash", "created_at")
    search_fields = ("name", "hash")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("document",) if obj is None else ("name", "version", "currency", "in_words", "document", "hash")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="In words")
    def in_words(self, row: RuleSet) -> str:
        lines = ((line,) for line in rule_set_words(Rules.from_json(row.document)))
        return format_html_join("\n", "<p>{}</p>", lines)

    def save_model(self, request: HttpRequest, obj: RuleSet, form: Any, change: bool) -> None:
        user: Any = request.user
        stored = rule_set_store(document=obj.document, actor=Actor(user_id=user.pk, is_staff=True))
        obj.pk, obj.name, obj.version, obj.hash = stored.pk, stored.name, stored.version, stored.hash


@admin.register(AccountRules)
class AccountRulesAdmin(ReadOnlyAdmin):
    """Which rules an account keeps, and their state."""

    list_display = ("account", "rule_set", "status", "must_flatten", "started_at", "updated_at")
    list_filter = ("status",)
    list_select_related = ("account", "rule_set")
    search_fields = ("account__label", "account__id")


@admin.register(FloorStep)
class FloorStepAdmin(ReadOnlyAdmin):
    """Where floors of accounts lay from when on."""

    list_display = ("account", "rule_key", "market_at", "reference_minor", "floor_minor")
    list_select_related = ("account",)
    search_fields = ("account__label", "account__id")
    ordering = ("-id",)


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    """What the rules found, with its evidence."""

    list_display = ("id", "account", "kind", "rule_key", "code", "market_at", "created_at")
    list_filter = ("kind", "code")
    list_select_related = ("account",)
    search_fields = ("account__label", "inputs_hash")
