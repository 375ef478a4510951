"""What people say in contests, and whom they follow."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from contests.models.core import Contest


class Comment(models.Model):
    """A message in the chat of a contest. A hidden one is kept for moderators."""

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    body = models.CharField(max_length=500)
    hidden_at = models.DateTimeField(null=True, blank=True)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    hidden_reason = models.CharField(max_length=200, blank=True)
    reports_count = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["contest", "-id"], name="comment_newest"),
            models.Index(
                fields=["-reports_count", "-id"],
                condition=models.Q(reports_count__gt=0, hidden_at__isnull=True),
                name="comment_reported",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author_id}: {self.body[:40]}"


class CommentReport(models.Model):
    """Somebody asks the moderators to look at a message; once a person and message. Append-only."""

    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, related_name="reports")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comment", "reporter"], name="comment_report_once")]

    def __str__(self) -> str:
        return f"{self.comment_id} by {self.reporter_id}"


class Mute(models.Model):
    """Who may not write in a contest's chat until a moment (empty: for good)."""

    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="mutes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contest", "user"], name="mute_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.contest_id}"


class Follow(models.Model):
    """One person follows another trader, a person or an agent."""

    follower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    followed = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["followed", "id"], name="follow_followers")]
        constraints = [
            models.UniqueConstraint(fields=["follower", "followed"], name="follow_once"),
            models.CheckConstraint(condition=~models.Q(follower=models.F("followed")), name="follow_others"),
        ]

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followed_id}"
