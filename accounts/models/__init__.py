"""What is stored about people and agents, by topic."""

from accounts.models.consent import Consent, LegalText
from accounts.models.handles import HandleClaim
from accounts.models.identity import IdentityCheck, IdentityDocument, document_path
from accounts.models.keys import ApiKey
from accounts.models.leads import AbuseLead, DeviceSighting
from accounts.models.notices import (
    Notification,
    NotificationDelivery,
    NotificationPreference,
    NotificationSettings,
    PushSubscription,
)
from accounts.models.privacy import DataExport, DeletionRequest
from accounts.models.profile import Profile, avatar_path
from accounts.models.signins import SignIn
from accounts.models.users import CLEARED_ALWAYS, User, UserManager

__all__ = [
    "CLEARED_ALWAYS",
    "AbuseLead",
    "ApiKey",
    "Consent",
    "DataExport",
    "DeletionRequest",
    "DeviceSighting",
    "HandleClaim",
    "IdentityCheck",
    "IdentityDocument",
    "LegalText",
    "Notification",
    "NotificationDelivery",
    "NotificationPreference",
    "NotificationSettings",
    "Profile",
    "PushSubscription",
    "SignIn",
    "User",
    "UserManager",
    "avatar_path",
    "document_path",
]
