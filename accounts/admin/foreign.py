"""Pages that packages bring along and that are taken away: they read and write past the services and their audit."""

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

# Addresses count as proved by a link, groups follow from roles, and tokens are nobody's to read.
for model in (EmailAddress, SocialAccount, SocialApp, SocialToken, Group, BlacklistedToken, OutstandingToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
