"""The books, the outbox, idempotency records and the audit trail.

Ledger rows are append-only and zero-sum per journal and currency; PostgreSQL triggers hold both (core/sql/ledger.sql).
"""

from django.db import models
from django.db.models.functions import Now


class LedgerAccount(models.Model):
    """One account of one book. Balance = sum of its postings (integer minor units, signed)."""

    class Book(models.TextChoices):
        """`real` is payments, fees and payouts; `virtual` is trading cash."""

        REAL = "real"
        VIRTUAL = "virtual"

    class Kind(models.TextChoices):
        """What the account stands for in the chart of accounts."""

        CASH = "cash"
        CAPITAL = "capital"
        CLEARING = "clearing"
        FEES = "fees"
        CUSTOMER = "customer"
        DEFERRED = "deferred"
        PRIZE_POOL = "prize_pool"
        PAYABLE = "payable"
        REVENUE = "revenue"
        DISPUTE = "dispute"
        TAX = "tax"
        BANK = "bank"
        SUSPENSE = "suspense"
        COSTS = "costs"

    book = models.CharField(max_length=8, choices=Book.choices)
    code = models.CharField(max_length=80, help_text="e.g. account:42:cash, market:1:clearing")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "code", "currency"], name="ledger_account_code"),
            models.CheckConstraint(condition=models.Q(book__in=["real", "virtual"]), name="ledger_account_book"),
        ]

    def __str__(self) -> str:
        return f"{self.book}:{self.code}:{self.currency}"


class Journal(models.Model):
    """One balanced entry. `reference` names its cause and is unique, so a cause is posted once."""

    book = models.CharField(max_length=8, choices=LedgerAccount.Book.choices)
    kind = models.CharField(max_length=24)
    reference = models.CharField(max_length=80, unique=True)
    memo = models.CharField(max_length=200, blank=True)
    market_at = models.DateTimeField(null=True, blank=True, help_text="Market time, when a market caused it")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class Posting(models.Model):
    """One leg of a journal: signed integer minor units of `currency`."""

    journal = models.ForeignKey(Journal, on_delete=models.PROTECT, related_name="postings")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="postings")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(amount_minor=0), name="posting_not_zero")]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class Seal(models.Model):
    """A link of the hash chain over journals: sha256(previous hash + canonical text of the sealed journals)."""

    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    journals = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"seal {self.pk} {self.hash[:12]}"


class SealedJournal(models.Model):
    """Which seal covers a journal; a journal is sealed once."""

    journal = models.OneToOneField(Journal, on_delete=models.PROTECT, primary_key=True, related_name="+")
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="items")

    def __str__(self) -> str:
        return f"journal {self.journal_id} in seal {self.seal_id}"


class OutboxEvent(models.Model):
    """A fact to tell, written in the transaction that made it true. Ordered per `aggregate`, told at least once."""

    class Status(models.TextChoices):
        """`dead` is set aside after the last retry, for an operator."""

        PENDING = "pending"
        DONE = "done"
        DEAD = "dead"

    topic = models.CharField(max_length=64)
    aggregate = models.CharField(max_length=64)
    payload = models.JSONField()
    status = models.CharField(max_length=8, choices=Status.choices, db_default=Status.PENDING, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(db_default=0, default=0)
    next_at = models.DateTimeField(db_default=Now())
    error = models.TextField(db_default="", default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["aggregate", "id"], condition=models.Q(status="pending"), name="outbox_pending"),
            models.Index(fields=["created_at"], name="outbox_created"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.aggregate} #{self.pk}"


class OutboxReceipt(models.Model):
    """A handler has had its effect for an event; written in the same transaction as the effect."""

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="receipts")
    handler = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="outbox_receipt_once")]

    def __str__(self) -> str:
        return f"{self.handler} #{self.event_id}"


class IdempotencyRecord(models.Model):
    """The first answer to a (scope, key). Same key and body -> this answer; same key, other body -> 409."""

    scope = models.CharField(max_length=80)
    key = models.CharField(max_length=128)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    response = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"


class AuditEntry(models.Model):
    """A sensitive act: who, what, to whom, before and after, why, from where. Append-only."""

    actor_id = models.BigIntegerField(null=True, blank=True, help_text="User id; empty for the system")
    actor_label = models.CharField(max_length=120)
    action = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="audit_subject"),
            models.Index(fields=["action", "created_at"], name="audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_type}:{self.subject_id}"


class SystemFlag(models.Model):
    """A switch of the whole platform, on from the moment it is set. Every change is in the audit trail."""

    class Key(models.TextChoices):
        """What can be switched."""

        MAINTENANCE = "maintenance", "Maintenance: nothing is written"
        TRADING_HALT = "trading_halt", "Trading halt: no new orders, resting ones wait"
        SIGNUPS_CLOSED = "signups_closed", "Sign-ups closed"

    key = models.CharField(max_length=24, primary_key=True, choices=Key.choices)
    is_on = models.BooleanField(default=False)
    message = models.CharField(max_length=200, blank=True, help_text="Shown on every page while it is on")
    until = models.DateTimeField(null=True, blank=True, help_text="When it is expected to end; it ends by itself then")
    changed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.key}: {'on' if self.is_on else 'off'}"
