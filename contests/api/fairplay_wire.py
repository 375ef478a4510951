"""Shapes of fair play on the wire."""

from __future__ import annotations

from rest_framework import serializers

from contests.domain.fairplay_words import KINDS, STATUSES
from contests.services.sanctions import MOST_BODY, MOST_REASON


class PlaceOutput(serializers.Serializer):
    """A participant."""

    account_id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="person or agent")
    status = serializers.CharField(help_text="active, withdrawn, excluded, barred")


class FindingOutput(serializers.Serializer):
    """Evidence of one detector about one participant, or two. A lead, never a verdict."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text=", ".join(KINDS))
    status = serializers.CharField(help_text=", ".join(STATUSES))
    score = serializers.IntegerField(help_text="0 to 100: how far from what chance explains")
    participant = PlaceOutput()
    other = PlaceOutput(allow_null=True)
    words = serializers.ListField(child=serializers.CharField(), help_text="The evidence in sentences")
    evidence = serializers.DictField(help_text="Its figures, and the orders that they come from")
    note = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AppealOutput(serializers.Serializer):
    """What a person said to a sanction, and the answer."""

    id = serializers.IntegerField()
    sanction_id = serializers.IntegerField()
    name = serializers.CharField()
    sanction_kind = serializers.CharField()
    sanction_reason = serializers.CharField()
    body = serializers.CharField()
    status = serializers.CharField(help_text="open, granted, refused")
    answer = serializers.CharField()
    created_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


class SanctionOutput(serializers.Serializer):
    """What a moderator has decided, with the reason."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="warn, exclude, disqualify, reinstate")
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    may_appeal = serializers.BooleanField()
    appeal = AppealOutput(allow_null=True)


class FindingsInput(serializers.Serializer):
    """Which findings."""

    kind = serializers.ChoiceField(list(KINDS), required=False)
    status = serializers.ChoiceField(list(STATUSES), required=False)


class AppealsInput(serializers.Serializer):
    """Which appeals."""

    status = serializers.ChoiceField(["open", "granted", "refused"], required=False)


class UpholdInput(serializers.Serializer):
    """What follows from a finding, for whom, and why."""

    kind = serializers.ChoiceField(["warn", "exclude", "disqualify"])
    whom = serializers.ChoiceField(["participant", "other", "both"], default="participant")
    reason = serializers.CharField(max_length=MOST_REASON)


class NoteInput(serializers.Serializer):
    """Why a finding is harmless."""

    note = serializers.CharField(max_length=MOST_REASON)


class SanctionInput(serializers.Serializer):
    """A decision about whoever has an account in the contest."""

    account_id = serializers.IntegerField(min_value=1, max_value=2**62)
    kind = serializers.ChoiceField(["warn", "exclude", "disqualify", "reinstate"])
    reason = serializers.CharField(max_length=MOST_REASON)


class AppealInput(serializers.Serializer):
    """What you say to it."""

    body = serializers.CharField(max_length=MOST_BODY)


class AnswerInput(serializers.Serializer):
    """The answer to an appeal."""

    granted = serializers.BooleanField()
    answer = serializers.CharField(max_length=MOST_REASON)
