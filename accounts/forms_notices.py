"""The form of what people want to be told."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.domain.catalogue import CHANNELS, listed
from accounts.forms import ServiceForm
from accounts.models import NotificationSettings
from accounts.selectors.notices import Wishes
from accounts.services.notice_choices import MAX_RANK_STEP

_TIME = {"type": "time", "step": "300"}


class WishesForm(ServiceForm):
    """Quiet hours, digest, rank step; and a box for each kind and channel that is not fixed."""

    quiet_from = forms.TimeField(
        label="From", required=False, widget=forms.TimeInput(format="%H:%M", attrs=_TIME), input_formats=["%H:%M"]
    )
    quiet_until = forms.TimeField(
        label="Until", required=False, widget=forms.TimeInput(format="%H:%M", attrs=_TIME), input_formats=["%H:%M"]
    )
    digest = forms.ChoiceField(label="Mail that can wait", choices=NotificationSettings.Digest.choices)
    rank_step = forms.IntegerField(
        label="Tell me when my rank moves by",
        min_value=1,
        max_value=MAX_RANK_STEP,
        help_text="Places. You are told at most once in ten minutes for each contest.",
    )

    @classmethod
    def of(cls, wishes: Wishes, data: Any = None) -> WishesForm:
        """The form with what stands now."""
        names = ("quiet_from", "quiet_until", "digest", "rank_step")
        return cls(data, initial={name: getattr(wishes, name) for name in names})

    def choices(self) -> dict[tuple[str, str], bool]:
        """The boxes: a browser sends those that are ticked, so the others are off."""
        return {
            (kind.key, channel): f"{kind.key}.{channel}" in self.data
            for kinds in listed().values()
            for kind in kinds
            for channel in CHANNELS
            if not kind.is_fixed(channel)
        }
