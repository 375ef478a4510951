"""Places in a contest beside those taken: who waits for one, and teams that share one."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from contests.models.core import Contest, Participant


class Waiting(models.Model):
    """A person in the queue of a full contest, in the order of ids. `offered`: a place is kept for them until then."""

    class Status(models.TextChoices):
        """`joined`, `left` and `expired` are its ends."""

        WAITING = "waiting"
        OFFERED = "offered"
        JOINED = "joined"
        LEFT = "left"
        EXPIRED = "expired"

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="waiting")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    offered_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "waiting"
        indexes = [models.Index(fields=["contest", "status", "id"], name="contest_waiting")]
        constraints = [
            models.UniqueConstraint(
                fields=["contest", "user"],
                condition=models.Q(status__in=["waiting", "offered"]),
                name="contest_waiting_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="offered") | models.Q(offered_until__isnull=False),
                name="contest_offer_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} for {self.contest_id}: {self.status}"


class Team(models.Model):
    """People who trade one account together. The captain entered for them, owns the account, and takes the prize."""

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="teams")
    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="team")
    name = models.CharField(max_length=40)
    code = models.CharField(max_length=32, help_text="Who has it may join while there is room")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contest", "name"], name="team_name_once")]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """A person of a team besides its captain; who has left has `left_at`."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="members")
    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    joined_at = models.DateTimeField(db_default=Now())
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-id"], name="team_member_user")]
        constraints = [
            models.UniqueConstraint(
                fields=["contest", "user"], condition=models.Q(left_at__isnull=True), name="team_member_once"
            )
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} of {self.team_id}"
