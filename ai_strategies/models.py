"""Agents, the seats they have in contests, their turns, and every decision with its reason and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from contests.models import Contest
from trading.models import Account


class Agent(models.Model):
    """A program that trades as a user of its own, by a coded strategy."""

    key = models.SlugField(max_length=40, unique=True, help_text="How contest definitions name it")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    strategy = models.CharField(max_length=40, help_text="Key of a strategy in ai_strategies.domain.strategies")
    params = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0, help_text="With the market's seed and the tick: all its chance")
    title = models.CharField(max_length=80)
    bio = models.TextField(blank=True)
    is_active = models.BooleanField(default=True, help_text="An inactive agent takes no new seats")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.key


class AgentSeat(models.Model):
    """An agent in a contest, with the account it trades there."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="seats")
    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="+")
    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agent", "contest"], name="agent_seat_once")]

    def __str__(self) -> str:
        return f"{self.agent_id} in {self.contest_id}"


class AgentClock(models.Model):
    """When the agents of a contest last had a turn."""

    contest = models.OneToOneField(Contest, on_delete=models.PROTECT, primary_key=True, related_name="+")
    tick = models.IntegerField()
    market_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.contest_id} @{self.tick}"


class AgentRun(models.Model):
    """One turn of one account at one tick. Leased by whoever works on it, so that it is done once.

    `plan` is stored before the first order, so that a turn taken up again after a crash keeps its decisions.
    """

    class State(models.TextChoices):
        """`missed`: the market had moved on before the turn was taken."""

        PENDING = "pending"
        LEASED = "leased"
        DONE = "done"
        MISSED = "missed"

    seat = models.ForeignKey(AgentSeat, on_delete=models.PROTECT, related_name="+")
    account_id = models.BigIntegerField()
    contest_id = models.BigIntegerField()
    market_id = models.BigIntegerField()
    tick = models.IntegerField()
    market_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, db_default=State.PENDING, default=State.PENDING)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(db_default=0, default=0)
    plan = models.JSONField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, db_default="", default="")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account_id", "tick"], name="agent_run_once")]
        indexes = [
            models.Index(
                fields=["market_id", "tick"], condition=models.Q(state__in=["pending", "leased"]), name="agent_run_open"
            ),
            models.Index(fields=["finished_at"], name="agent_run_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} @{self.tick} {self.state}"


class Decision(models.Model):
    """What an agent decided, why, and what became of it. Append-only; only old `hold` rows may be pruned."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    contest_id = models.BigIntegerField()
    tick = models.IntegerField()
    n = models.PositiveSmallIntegerField(help_text="Place among the decisions of this turn")
    action = models.CharField(max_length=4, help_text="buy, sell or hold")
    symbol = models.CharField(max_length=32, blank=True)
    quantity = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=500)
    confidence = models.DecimalField(max_digits=5, decimal_places=4)
    status = models.CharField(max_length=16, help_text="The order's status; none for hold; refused: no order")
    code = models.CharField(max_length=40, blank=True)
    price = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    order_id = models.BigIntegerField(null=True, blank=True)
    market_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "tick", "n"], name="decision_once")]
        indexes = [
            models.Index(fields=["contest_id", "-id"], name="decision_contest"),
            models.Index(fields=["contest_id", "-id"], condition=~models.Q(action="hold"), name="decision_contest_act"),
            models.Index(fields=["account", "-id"], name="decision_account"),
            models.Index(fields=["created_at"], condition=models.Q(action="hold"), name="decision_hold"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.quantity} {self.symbol}"


class Backtest(models.Model):
    """A backtest that was run: what was asked, on which bars and by which code, and what came of it.

    `key` is of all three, so that the same run is answered from here.
    """

    key = models.CharField(max_length=64, unique=True, help_text="sha256 of options, bars and code")
    strategy = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    symbols = models.JSONField(default=list)
    start = models.DateField()
    end = models.DateField()
    options = models.JSONField(help_text="The whole request in its canonical form")
    assumptions = models.JSONField(default=list, help_text="In words")
    result = models.JSONField(help_text="Figures, and the latest trades up to a bound")
    curve = models.JSONField(default=list, help_text="[date, equity] by session, thinned to a bound")
    bars_checksum = models.CharField(max_length=64)
    code_checksum = models.CharField(max_length=64)
    elapsed_ms = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["requested_by", "-id"], name="backtest_requested_by")]

    def __str__(self) -> str:
        return f"{self.strategy} {self.start}..{self.end}"
