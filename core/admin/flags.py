"""The platform's switches."""

from typing import Any, cast

from django.contrib import admin, messages
from django.forms import CharField, ModelForm, SplitDateTimeField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.errors import DomainError
from core.models import SystemFlag
from core.services.flags import flag_set
from core.throttling import address


class FlagForm(ModelForm):
    """A switch, with why."""

    reason = CharField(max_length=300, help_text="Kept in the audit trail.")

    class Meta:
        model = SystemFlag
        fields = ("is_on", "message", "until")
        field_classes = {"until": SplitDateTimeField}


@admin.register(SystemFlag)
class SystemFlagAdmin(admin.ModelAdmin):
    list_display = ("key", "is_on", "message", "until", "changed_at")
    form = FlagForm
    fields = ("is_on", "message", "until", "reason")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # Every switch is there to be turned, also before anyone has turned it.
        SystemFlag.objects.bulk_create([SystemFlag(key=key) for key in SystemFlag.Key.values], ignore_conflicts=True)
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = request.user
        return bool(user.is_superuser or user.has_perm("core.change_systemflag"))

    def save_model(self, request: HttpRequest, obj: SystemFlag, form: Any, change: bool) -> None:
        flag_set(
            actor=request.user,
            key=obj.key,
            is_on=form.cleaned_data["is_on"],
            message=form.cleaned_data["message"],
            until=form.cleaned_data["until"],
            reason=form.cleaned_data["reason"],
            ip=address(request),
        )

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The audit trail has it."""

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().change_view(request, object_id, *args, **kwargs)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:core_systemflag_change", args=[object_id]))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Django wraps saving in a transaction of its own; ours is durable and must be the outermost.
        if request.method == "POST":
            return cast(HttpResponse, self._changeform_view(request, *args, **kwargs))  # type: ignore[attr-defined]
        return super().changeform_view(request, *args, **kwargs)
