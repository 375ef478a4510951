"""Factories for people."""

from typing import Any

import factory
from allauth.account.models import EmailAddress

from accounts.models import CLEARED_ALWAYS, User

PASSWORD = "correct-horse-battery"


def verify(user: User) -> User:
    """Give a user a verified address, as everyone has who has signed up and opened the mail."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


class UserFactory(factory.django.DjangoModelFactory):
    """Someone who may trade. `clearance=0` makes a newcomer, `verified=False` one who has not opened the mail."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    display_name = factory.Sequence(lambda n: f"Person {n}")
    clearance = CLEARED_ALWAYS

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        email, password = kwargs.pop("email"), kwargs.pop("password", PASSWORD)
        is_verified = kwargs.pop("verified", True)
        user = model_class.objects.create_user(email, password, **kwargs)
        return verify(user) if is_verified else user
