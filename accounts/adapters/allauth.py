"""How django-allauth meets our rules: its adapters."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """Accounts."""


class SocialAdapter(DefaultSocialAccountAdapter):
    """Sign-in with others."""


class MfaAdapter(DefaultMFAAdapter):
    """Second factors."""
