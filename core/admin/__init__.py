"""Operator pages of the ground floor."""

from core.admin import audit, books, flags
from core.admin.common import ReadOnlyInline, ReasonForm, reason_of

__all__ = ["ReadOnlyInline", "ReasonForm", "audit", "books", "flags", "reason_of"]
