"""People and agents. One row is one identity that can own trading accounts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models.profile import Profile

# The clearance of those whom no text asks: agents, which belong to the platform.
CLEARED_ALWAYS = 2_147_483_647


class UserManager(BaseUserManager["User"]):
    """Creates users; email addresses are stored lower-case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user with an empty profile; without a password none can sign in as it."""
        if fields.get("kind") == User.Kind.AGENT:
            fields.setdefault("clearance", CLEARED_ALWAYS)
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        if user.kind == User.Kind.PERSON:
            Profile.objects.using(self._db).create(user=user)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make an administrator. It takes the server's console, which proves enough: no link is mailed."""
        from allauth.account.models import EmailAddress

        fields.setdefault("display_name", "Administrator")
        user = self.create_user(email, password, is_staff=True, is_superuser=True, role=User.Role.ADMIN, **fields)
        EmailAddress.objects.using(self._db).create(user=user, email=user.email, primary=True, verified=True)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Look a user up by email, ignoring case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person or an agent. Suspended users are refused everywhere."""

    class Kind(models.TextChoices):
        """Who acts: a person, or a program under the same rules."""

        PERSON = "person"
        AGENT = "agent"

    class Role(models.TextChoices):
        """What the user may do on the operator side."""

        TRADER = "trader"
        MODERATOR = "moderator"
        FINANCE = "finance"
        ADMIN = "admin"

    class Status(models.TextChoices):
        """`suspended` blocks sign-in, tokens, streams and orders."""

        ACTIVE = "active"
        SUSPENDED = "suspended"

    email = models.EmailField(unique=True)
    display_name = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PERSON)
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.TRADER)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    suspended_reason = models.CharField(max_length=300, blank=True)
    suspended_until = models.DateTimeField(null=True, blank=True, help_text="Empty: until someone reinstates the user")
    handle = models.CharField(max_length=20, null=True, blank=True, unique=True, help_text="Lower-case; in addresses")
    clearance = models.IntegerField(
        default=0,
        db_default=0,
        help_text="The edition of the texts at which the user may trade and buy; 0: not set up; -1: region blocked",
    )
    anonymised_at = models.DateTimeField(null=True, blank=True, help_text="When what identifies the person was erased")
    token_version = models.PositiveIntegerField(default=0, help_text="Raised to revoke every token at once")
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ci")]

    def __str__(self) -> str:
        return self.display_name or self.email

    @property
    def is_operator(self) -> bool:
        """Whether the user runs the platform: a moderator or an administrator."""
        return self.role in (self.Role.MODERATOR, self.Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        """Whether the user is an administrator."""
        return self.role == self.Role.ADMIN
