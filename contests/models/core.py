"""Contests, who takes part, and the standings that were recorded.

Statuses move only as contests.domain.states allows, through contests.services.contests.
"""

from django.conf import settings
from django.db import models
from django.db.models import Value
from django.db.models.functions import Now

from contests.domain.states import ContestStatus
from marketdata.models import Market
from trading.models import Account, AccountGroup


class Contest(models.Model):
    """One run of a contest: a market, a group of accounts with equal capital, a window and rules.

    Runs of one arena share `series`; each run is a contest of its own, with its own market and accounts.
    """

    class Visibility(models.TextChoices):
        """A private contest is joined with its invite code and not listed."""

        PUBLIC = "public"
        PRIVATE = "private"

    class Status(models.TextChoices):
        """See contests.domain.states for the moves."""

        DRAFT = ContestStatus.DRAFT.value
        SCHEDULED = ContestStatus.SCHEDULED.value
        ACTIVE = ContestStatus.ACTIVE.value
        PAUSED = ContestStatus.PAUSED.value
        ENDED = ContestStatus.ENDED.value
        SETTLED = ContestStatus.SETTLED.value
        CANCELLED = ContestStatus.CANCELLED.value

    class Scoring(models.TextChoices):
        """By what participants are ranked."""

        VALUE = "value"
        RETURN = "return"
        CALMAR = "calmar"
        SORTINO = "sortino"
        DRAWDOWN = "drawdown"

    slug = models.SlugField(max_length=80, unique=True)
    series = models.SlugField(max_length=60, help_text="Runs of one arena share it")
    run_number = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    visibility = models.CharField(max_length=8, choices=Visibility.choices, default=Visibility.PUBLIC)
    invite_code = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    group = models.OneToOneField(AccountGroup, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    initial_balance_minor = models.BigIntegerField()
    capacity = models.PositiveIntegerField(default=1000)
    starts_at = models.DateTimeField(null=True, blank=True, help_text="Wall time; empty means started by an operator")
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="Wall time; empty means when the market's slice ends"
    )
    allowed_symbols = models.JSONField(default=list, blank=True, help_text="Empty means every symbol of the market")
    constraints = models.JSONField(
        default=dict, blank=True, help_text="max_position_pct, max_trades_per_day, commission_bps"
    )
    agents = models.JSONField(default=list, blank=True, help_text="Keys of the agents that take part")
    agent_interval_minutes = models.PositiveIntegerField(help_text="Market time between two turns of the agents")
    stakes = models.JSONField(
        default=dict, blank=True, db_default=Value({}, models.JSONField()), help_text="contests.domain.stakes.Stakes"
    )
    scoring = models.CharField(
        max_length=10,
        choices=Scoring.choices,
        default=Scoring.VALUE,
        db_default=Scoring.VALUE,
        help_text="What ranks: see contests.domain.scoring",
    )
    sharing = models.JSONField(
        default=dict, blank=True, db_default=Value({}, models.JSONField()), help_text="contests.domain.sharing"
    )
    sponsors = models.JSONField(
        default=list, blank=True, db_default=Value([], models.JSONField()), help_text="[{name, url}]"
    )
    template = models.ForeignKey(
        "contests.ContestTemplate", null=True, blank=True, on_delete=models.PROTECT, related_name="contests"
    )
    is_featured = models.BooleanField(default=False)
    auto_renew = models.BooleanField(
        default=False, help_text="A house arena: the next run is scheduled when this one ends"
    )
    definition = models.JSONField(help_text="Everything that decides the result; see contests.domain.definition")
    definition_hash = models.CharField(max_length=64)
    closing_at = models.DateTimeField(
        null=True, blank=True, help_text="When its ending began; trading is shut from then on"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    admission = models.JSONField(
        default=dict, blank=True, db_default=Value({}, models.JSONField()), help_text="contests.domain.admission"
    )
    proof = models.JSONField(
        default=dict, blank=True, db_default=Value({}, models.JSONField()), help_text="See contests.services.proof"
    )
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When its prizes were owed to the winners")
    people_version = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Grows when who takes part changes otherwise than by joining"
    )
    final_hash = models.CharField(max_length=64, blank=True, help_text="sha256 over the final standings")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "starts_at"], name="contest_due"),
            models.Index(fields=["market"], name="contest_market"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "run_number"], name="contest_run_once"),
            models.CheckConstraint(condition=models.Q(initial_balance_minor__gt=0), name="contest_balance_positive"),
            models.CheckConstraint(
                condition=models.Q(visibility="public") | ~models.Q(invite_code=""), name="contest_private_has_code"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True)
                | models.Q(starts_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="contest_window",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Participant(models.Model):
    """A user in a contest, with the one account it trades there."""

    class Status(models.TextChoices):
        """Only who is active is ranked. Withdrawn: before the start, or the fee went back; else by a moderator."""

        ACTIVE = "active"
        WITHDRAWN = "withdrawn"
        EXCLUDED = "excluded"
        DISQUALIFIED = "barred", "Disqualified"

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="participants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, help_text="person or agent, as it was when joining")
    display_name = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE, db_default=Status.ACTIVE)
    joined_at = models.DateTimeField(db_default=Now())
    final_rank = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty while running, and for who never traded"
    )
    final_value_minor = models.BigIntegerField(null=True, blank=True)
    final_cash_minor = models.BigIntegerField(null=True, blank=True)
    final_trades = models.IntegerField(null=True, blank=True)
    final_score = models.BigIntegerField(null=True, blank=True, help_text="What ranked it; see contests.domain.scoring")
    resets = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="How often it began anew")

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="participant_user"),
            # Every tick asks who is out; of a hundred thousand that is hardly anyone.
            models.Index(fields=["contest"], condition=~models.Q(status="active"), name="participant_out"),
        ]
        constraints = [models.UniqueConstraint(fields=["contest", "user"], name="participant_once")]

    def __str__(self) -> str:
        return f"{self.display_name} in {self.contest_id}"


class Entry(models.Model):
    """A place that is held while its fee is being paid, and what became of it and of the fee."""

    class Status(models.TextChoices):
        """`returning`: its fee is to be given back; `returned`: the refund has been asked for."""

        HELD = "held"
        TAKEN = "taken"
        RELEASED = "released"
        RETURNING = "returning"
        RETURNED = "returned"

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="entries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField("payments.Payment", on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.HELD)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["contest", "status"], name="contest_entries"),
            models.Index(fields=["id"], condition=models.Q(status="returning"), name="contest_entry_returning"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["contest", "user"], condition=models.Q(status__in=["held", "taken"]), name="contest_entry_once"
            )
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} in {self.contest_id}: {self.status}"


class Award(models.Model):
    """What a participant has won: money that is owed from then on, a badge, or both. Append-only."""

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="awards")
    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="award")
    place = models.PositiveIntegerField(help_text="Among people: agents take no prize")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    badge = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contest", "place"], name="award_once")]

    def __str__(self) -> str:
        return f"{self.place} of {self.contest_id}"


class StandingSnapshot(models.Model):
    """Standings as they stood after a market day, and at the end. Append-only."""

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="snapshots")
    day_index = models.IntegerField(help_text="Market day, from 0")
    tick = models.IntegerField()
    market_at = models.DateTimeField()
    is_final = models.BooleanField(default=False)
    total = models.PositiveIntegerField(help_text="Participants, ranked or not")
    rows = models.JSONField(help_text="[rank, account_id, value_minor, cash_minor, trades], best first; the top 1000")
    packed = models.BinaryField(null=True, help_text="Everyone: contests.domain.packing, [account, rank, value]")
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["contest_id", "tick"]
        constraints = [
            models.UniqueConstraint(fields=["contest", "day_index", "is_final"], name="standing_snapshot_once")
        ]

    def __str__(self) -> str:
        return f"{self.contest_id} day {self.day_index}"
