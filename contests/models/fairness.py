"""Fair play: what detectors have found, what moderators decided, and what those concerned say to it."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from contests.models.core import Contest, Participant


class Finding(models.Model):
    """Evidence of one detector about one participant, or two. A lead for moderators, never a verdict."""

    class Kind(models.TextChoices):
        """See contests.domain.fairplay for what each looks at."""

        MIRRORED = "mirrored"
        OPPOSITE = "opposite"
        SHARED_IDENTITY = "shared_identity"
        STALE_PRICES = "stale_prices"
        ILLIQUID = "illiquid"

    class Status(models.TextChoices):
        """Open ones are the moderators' queue."""

        OPEN = "open"
        UPHELD = "upheld"
        DISMISSED = "dismissed"

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="findings")
    other = models.ForeignKey(Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    score = models.PositiveSmallIntegerField(help_text="0 to 100: how far from what chance explains")
    evidence = models.JSONField(help_text="Figures, and the orders and fills that they come from")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN)
    note = models.CharField(max_length=500, blank=True, help_text="Why a moderator decided so")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-score", "-id"]
        indexes = [models.Index(fields=["status", "-score", "-id"], name="finding_queue")]
        constraints = [
            models.UniqueConstraint(
                fields=["contest", "kind", "participant", "other"], nulls_distinct=False, name="finding_once"
            ),
            models.CheckConstraint(condition=models.Q(score__lte=100), name="finding_score"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.participant_id}: {self.score}"


class Sanction(models.Model):
    """What a moderator has decided about a participant, with the reason given to them. Append-only.

    `warn` changes nothing; `exclude` takes them out of the ranking, who may trade on; `disqualify` locks their account
    too; `reinstate` undoes both.
    """

    class Kind(models.TextChoices):
        """The latest but a warning says where the participant stands."""

        WARN = "warn"
        EXCLUDE = "exclude"
        DISQUALIFY = "disqualify"
        REINSTATE = "reinstate"

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="sanctions")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=500)
    finding = models.ForeignKey(Finding, null=True, blank=True, on_delete=models.PROTECT, related_name="sanctions")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.participant_id}"


class Appeal(models.Model):
    """What a participant says to a sanction, once, and what another moderator answered."""

    class Status(models.TextChoices):
        """Open ones are in the moderators' queue."""

        OPEN = "open"
        GRANTED = "granted"
        REFUSED = "refused"

    sanction = models.OneToOneField(Sanction, on_delete=models.PROTECT, related_name="appeal")
    body = models.CharField(max_length=2000)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    answer = models.CharField(max_length=500, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["status", "id"], name="appeal_queue")]

    def __str__(self) -> str:
        return f"appeal {self.pk}: {self.status}"
