"""What a contest keeps and sends: templates it comes from, scores in the making, messages, certificates."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from contests.models.core import Contest, Participant


class ContestTemplate(models.Model):
    """A definition to make contests from: by hand, or by itself at each time of a cadence."""

    class Cadence(models.TextChoices):
        """How often it makes one; `none` waits to be asked."""

        NONE = "none"
        HOURLY = "hourly"
        DAILY = "daily"
        WEEKDAYS = "weekdays"
        WEEKLY = "weekly"
        MONTHLY = "monthly"

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=120)
    blurb = models.CharField(max_length=200, blank=True, help_text="What it is like, in a sentence")
    document = models.JSONField(help_text="As contests.domain.templates writes it")
    cadence = models.CharField(max_length=8, choices=Cadence.choices, default=Cadence.NONE)
    zone = models.CharField(max_length=40, default="UTC", help_text="Where its start has the same time all year")
    next_at = models.DateTimeField(null=True, blank=True, help_text="Start of the next contest that it makes by itself")
    is_arena = models.BooleanField(default=False, help_text="Anyone may start one of their own: the replay arena")
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cadence="none") | models.Q(next_at__isnull=False), name="template_has_next"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ScoreState(models.Model):
    """What a score that looks back needs of every account, as it stood after a market day. Append-only.

    `columns`: [rows, n] of int64, as contests.domain.scoring.Course packs them.
    """

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="+")
    day_index = models.IntegerField()
    tick = models.IntegerField()
    columns = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contest", "day_index"], name="score_state_once")]

    def __str__(self) -> str:
        return f"{self.contest_id} day {self.day_index}"


class Broadcast(models.Model):
    """A message of a contest's organiser to everyone in it. Append-only."""

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="broadcasts")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    body = models.CharField(max_length=1000)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.contest_id}: {self.body[:40]}"


class Certificate(models.Model):
    """What shows to anyone that somebody came where they came. `code` stands in its address. Append-only."""

    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="certificate")
    code = models.CharField(max_length=24, unique=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.code
