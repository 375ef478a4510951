"""Operator pages of the ground floor."""

from core.admin import audit, books, flags
from core.admin.common import ReadOnlyInline, ReasonForm, act_on, reason_of

__all__ = ["ReadOnlyInline", "ReasonForm", "act_on", "audit", "books", "flags", "reason_of"]
