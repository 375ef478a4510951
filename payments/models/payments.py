"""Money that comes in: payments, what is given back of them, what is disputed, and the papers about it."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Customer(models.Model):
    """A person as a provider knows them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=16)
    ref = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "provider"], name="customer_once"),
            models.UniqueConstraint(fields=["provider", "ref"], name="customer_ref_once"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} at {self.provider}"


class Payment(models.Model):
    """What somebody pays for one thing, once; a renewal of a subscription is a payment of its own.

    Amounts are minor units of `currency`, fixed when it begins. `granted_at` and `revoked_at` say when what was bought
    was handed over and taken back: once each.
    """

    class Status(models.TextChoices):
        """See payments.domain.states."""

        INITIATED = "initiated", "Started"
        REQUIRES_ACTION = "requires_action", "Waiting for you"
        PROCESSING = "processing", "Being processed"
        SUCCEEDED = "succeeded", "Paid"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"
        REFUNDED = "refunded", "Refunded"
        DISPUTED = "disputed", "Disputed"

    public_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=24, help_text="What is bought: a registered kind")
    reference = models.CharField(max_length=80, help_text="Which one: a price, a contest, a challenge")
    params = models.JSONField(default=dict, blank=True)
    title = models.CharField(max_length=120)
    interval = models.CharField(max_length=8, blank=True, help_text="Of a subscription")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.INITIATED)
    currency = models.CharField(max_length=3)
    subtotal_minor = models.PositiveBigIntegerField()
    discount_minor = models.PositiveBigIntegerField(default=0)
    tax_minor = models.PositiveBigIntegerField(default=0)
    total_minor = models.PositiveBigIntegerField()
    tax_name = models.CharField(max_length=24, blank=True)
    tax_bp = models.PositiveIntegerField(default=0)
    tax_country = models.CharField(max_length=2, blank=True)
    shares = models.JSONField(default=list, help_text="[account, kind, weight]: where the net price goes in the books")
    captured_minor = models.PositiveBigIntegerField(default=0, help_text="Has come in, as booked")
    refunded_minor = models.PositiveBigIntegerField(default=0, help_text="Has gone back, as booked")
    lost_minor = models.PositiveBigIntegerField(default=0, help_text="Lost in disputes, as booked")
    allocated_minor = models.PositiveBigIntegerField(
        default=0, help_text="Booked to the shares; the rest is the person's"
    )
    deferred_minor = models.PositiveBigIntegerField(default=0, help_text="Of a plan: not earned yet, as booked")
    recognised_minor = models.PositiveBigIntegerField(default=0, help_text="Of a plan: earned, as booked")
    provider = models.CharField(max_length=16, help_text="Empty when nothing is to be paid", blank=True)
    checkout_ref = models.CharField(max_length=120, blank=True)
    charge_ref = models.CharField(max_length=120, blank=True)
    invoice_ref = models.CharField(max_length=120, blank=True)
    subscription = models.ForeignKey(
        "payments.Subscription", on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )
    url = models.URLField(max_length=2000, blank=True, help_text="Where to pay")
    expires_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=40, blank=True, help_text="Why it was not granted though money came in")
    failure_code = models.CharField(max_length=60, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    granted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True, help_text="When its place was given up")
    succeeded_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the provider was last asked")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(
                    total_minor=models.F("subtotal_minor") - models.F("discount_minor") + models.F("tax_minor")
                ),
                name="payment_adds_up",
            ),
            models.CheckConstraint(
                condition=models.Q(captured_minor__gte=models.F("refunded_minor") + models.F("lost_minor")),
                name="payment_gives_back_no_more_than_came",
            ),
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True) | models.Q(granted_at__isnull=False),
                name="payment_revoked_after_grant",
            ),
            *(
                models.UniqueConstraint(
                    fields=["provider", field], condition=~models.Q(**{field: ""}), name=f"payment_{field}_once"
                )
                for field in ("checkout_ref", "charge_ref", "invoice_ref")
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="payment_of_user"),
            models.Index(fields=["kind", "reference"], name="payment_of_thing"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(status__in=["initiated", "requires_action", "processing", "failed"]),
                name="payment_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.status}"


class PaymentStep(models.Model):
    """A step of a payment, for its timeline."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="steps")
    status = models.CharField(max_length=16)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"payment {self.payment_id}: {self.status}"


class Refund(models.Model):
    """Money that goes back. The row is there before the provider is asked; `public_id` is the key it is asked with."""

    class Status(models.TextChoices):
        """`requested`: the provider has not answered yet."""

        REQUESTED = "requested", "Being sent"
        PENDING = "pending", "On its way"
        SUCCEEDED = "succeeded", "Refunded"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.REQUESTED)
    reason = models.CharField(max_length=300)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ref = models.CharField(max_length=120, blank=True)
    booked_minor = models.PositiveBigIntegerField(default=0, help_text="Out of the books; 0 again when it failed")
    bookings = models.PositiveSmallIntegerField(default=0, help_text="How many journals, for their references")
    failure = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_of_something"),
            models.UniqueConstraint(fields=["payment", "ref"], condition=~models.Q(ref=""), name="refund_ref_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=models.Q(status="requested"), name="refund_to_send")
        ]

    def __str__(self) -> str:
        return f"refund of payment {self.payment_id}: {self.status}"


class Dispute(models.Model):
    """A charge that the customer contests at their bank."""

    class Status(models.TextChoices):
        """As in payments.domain.ports.DisputeState."""

        OPEN = "open", "Needs an answer"
        UNDER_REVIEW = "under_review", "Under review"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    ref = models.CharField(max_length=120)
    status = models.CharField(max_length=16, choices=Status.choices)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=80, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    held_minor = models.PositiveBigIntegerField(default=0, help_text="Held back by the provider, as booked")
    lost_minor = models.PositiveBigIntegerField(default=0, help_text="Lost for good, as booked")
    bookings = models.PositiveSmallIntegerField(default=0, help_text="How many journals, for their references")
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the provider was last asked by itself")
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["payment", "ref"], name="dispute_once")
        ]

    def __str__(self) -> str:
        return f"dispute {self.ref}: {self.status}"


class Invoice(models.Model):
    """A paper with a number of an unbroken series: an invoice of a payment, or a credit note of a refund."""

    class Kind(models.TextChoices):
        """What it is."""

        INVOICE = "invoice", "Invoice"
        CREDIT_NOTE = "credit_note", "Credit note"

    number = models.CharField(max_length=24, unique=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="invoices")
    refund = models.OneToOneField(Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="credit_note")
    currency = models.CharField(max_length=3)
    net_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    document = models.JSONField(help_text="What stands on it, as it was when it was made")
    issued_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["payment"], condition=models.Q(kind="invoice"), name="invoice_once")
        ]

    def __str__(self) -> str:
        return self.number
