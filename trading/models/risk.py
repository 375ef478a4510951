"""People's own limits."""

from django.conf import settings
from django.db import models
from django.db.models import JSONField, Value
from django.db.models.functions import Now


class RiskSettings(models.Model):
    """A person's own limits (trading.domain.limits.Limits) and kill switch, for all of their accounts."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    limits = models.JSONField(default=dict, db_default=Value({}, JSONField()))
    tolerance = models.CharField(max_length=12, blank=True, db_default="", default="")
    updated_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"limits of {self.owner_id}"
