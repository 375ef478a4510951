"""What accounts holds about a person: the tables of a copy, and how they are emptied when the person goes."""

from collections.abc import Iterator

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
from django.db.models.fields.files import FieldFile
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import models
from accounts.domain.privacy import DELETED_NAME, pseudonym_email
from accounts.models import User
from accounts.ports import PersonalData, Table
from core.models import AuditEntry
from core.services import outbox

_SECRET = "A secret: whoever reads it could act for you."  # noqa: S105
_INTERNAL = "Of use inside the platform only."
_OTHERS = "It would tell of somebody else."

Groups: type[Model] = User.groups.through
Permissions: type[Model] = User.user_permissions.through


def _audit_about(user_id: int) -> Q:
    return Q(subject_type="user", subject_id=str(user_id))


TABLES = (
    Table(
        "user", "Your account on the platform.", User, "pk",
        leave_out={"password": _SECRET, "token_version": _INTERNAL},
    ),
    Table(
        "profile", "Your profile and the answers you gave when you set it up.", models.Profile, "user_id",
        leave_out={"avatar": "The picture itself is among the files."},
    ),
    Table("handles", "The handles that you have or had.", models.HandleClaim, "user_id"),
    Table("email_addresses", "Your email addresses.", EmailAddress, "user_id"),
    Table("connected_accounts", "Accounts elsewhere that you sign in with, and what they told us.", SocialAccount,
          "user_id"),
    Table(
        "second_factors", "Authenticator apps, passkeys, recovery codes: that you have them, and when they were used.",
        Authenticator, "user_id", leave_out={"data": _SECRET},
    ),
    Table(
        "sign_ins", "Where and how you signed in.", models.SignIn, "user_id",
        leave_out={"session_key": _SECRET, "device": "A keyed hash that means nothing outside the platform."},
    ),
    Table("tokens", "Refresh tokens that were given out to you.", OutstandingToken, "user_id",
          columns=("id", "created_at", "expires_at")),
    Table("api_keys", "Your API keys, without what makes them work.", models.ApiKey, "user_id",
          leave_out={"digest": _SECRET}),
    Table(
        "consents", "The texts that you agreed to: which version, when, and from where.", models.Consent, "user_id",
        columns=("id", "text__kind", "text__version", "text__title", "ip", "user_agent", "accepted_at"),
    ),
    Table("notifications", "What you were told.", models.Notification, "user_id"),
    Table("notification_deliveries", "How that went out by mail and push.", models.NotificationDelivery,
          "notification__user_id"),
    Table("notification_choices", "What you want to be told.", models.NotificationPreference, "user_id"),
    Table("notification_settings", "Your quiet hours and digest.", models.NotificationSettings, "user_id"),
    Table("push_subscriptions", "Browsers that take push messages for you.", models.PushSubscription, "user_id",
          leave_out={"p256dh": _SECRET, "auth": _SECRET}),
    Table(
        "identity_checks", "Your identity checks.", models.IdentityCheck, "user_id",
        leave_out={
            "assessed_by_id": _OTHERS, "decided_by_id": _OTHERS, "assessment": "A note among reviewers.",
            "recommends_approval": "A note among reviewers.",
        },
    ),
    Table(
        "identity_documents", "The documents of those checks.", models.IdentityDocument, "check_of__user_id",
        leave_out={"file": "The documents themselves are among the files."},
    ),
    Table("data_exports", "Copies of your data that you asked for.", models.DataExport, "user_id",
          leave_out={"file": _INTERNAL}),
    Table("deletion_requests", "Deletions that you asked for.", models.DeletionRequest, "user_id"),
    Table(
        "devices_and_addresses", "That you were seen with a device or from an address; a hash of it is kept.",
        models.DeviceSighting, "user_id", leave_out={"digest": "It would tell who shares it."},
    ),
    Table(
        "leads", "Groups of accounts that share something, of which yours is one, for moderators to look at.",
        models.AbuseLead, "users", columns=("id", "kind", "score", "status", "created_at", "updated_at"),
    ),
    Table("groups", "The roles that you hold.", Groups, "user_id", columns=("id", "group__name")),
    Table("permissions", "Rights that you hold beside them.", Permissions, "user_id",
          columns=("id", "permission__codename")),
    Table(
        "audit_by_you", "Sensitive acts that you did.", AuditEntry, "actor_id",
        leave_out={"before": _OTHERS, "after": _OTHERS, "reason": _OTHERS},
    ),
    Table(
        "audit_about_you", "Sensitive acts on your account, whoever did them.", AuditEntry, _audit_about,
        leave_out={"actor_id": _OTHERS, "actor_label": _OTHERS, "ip": _OTHERS, "request_id": _INTERNAL},
    ),
    Table(
        "administration", "What you did in the administration.", LogEntry, "user_id",
        columns=("id", "action_time", "content_type__model", "object_id", "action_flag"),
    ),
)  # fmt: skip

LEFT_OUT = {
    "account.EmailConfirmation": "Keys of links that were mailed; none is stored here.",
    "socialaccount.SocialToken": _SECRET,
    "token_blacklist.BlacklistedToken": "Which tokens were used up: the tokens are there.",
    "accounts.AbuseLead_users": "The leads that name you are there; who else they name is not yours to see.",
}


def _files(user_id: int) -> Iterator[tuple[str, FieldFile]]:
    profile = models.Profile.objects.filter(pk=user_id).exclude(avatar="").first()
    if profile is not None:
        yield "files/avatar.webp", profile.avatar
    documents = models.IdentityDocument.objects.filter(check_of__user_id=user_id, purged_at__isnull=True)
    for document in documents.exclude(file="").order_by("pk"):
        ending = _ENDINGS.get(document.content_type, "bin")
        yield f"files/identity/{document.check_of_id}-{document.pk}-{document.kind}.{ending}", document.file


_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "application/pdf": "pdf"}


def _erase(user_id: int) -> None:
    """Take out of accounts what identifies a person whose row is locked; consents and the audit trail stay."""
    _files_drop(user_id)
    _identity_blank(user_id)
    models.Profile.objects.filter(pk=user_id).update(**_blank_profile())
    models.HandleClaim.objects.filter(user_id=user_id, released_at__isnull=True).update(released_at=timezone.now())
    models.Consent.objects.filter(user_id=user_id).update(ip=None, user_agent="")
    models.DataExport.objects.filter(user_id=user_id, status__in=("requested", "building")).update(status="failed")
    models.DataExport.objects.filter(user_id=user_id, status="ready").update(status="expired", file="")
    BlacklistedToken.objects.filter(token__user_id=user_id).delete()
    for kept in _REMOVED:
        kept._base_manager.filter(user_id=user_id).delete()
    seen = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user_id))
    seen.update(object_repr=f"user {user_id}")
    _user_blank(user_id)


_REMOVED: tuple[type[Model], ...] = (
    EmailAddress,
    SocialAccount,
    Authenticator,
    OutstandingToken,
    models.SignIn,
    models.ApiKey,
    models.Notification,
    models.NotificationPreference,
    models.NotificationSettings,
    models.PushSubscription,
    models.DeviceSighting,
    Groups,
    Permissions,
)


def _files_drop(user_id: int) -> None:
    """Have every file of the person deleted once the transaction commits."""
    private = list(
        models.IdentityDocument.objects.filter(check_of__user_id=user_id)
        .exclude(file="")
        .values_list("file", flat=True)
    )
    private += models.DataExport.objects.filter(user_id=user_id).exclude(file="").values_list("file", flat=True)
    public = list(models.Profile.objects.filter(pk=user_id).exclude(avatar="").values_list("avatar", flat=True))
    for storage, names in (("private", private), ("default", public)):
        if names:
            payload = {"storage": storage, "names": names}
            outbox.emit(topic="accounts.files_unwanted", aggregate=f"files:{user_id}", payload=payload)


def _identity_blank(user_id: int) -> None:
    now = timezone.now()
    documents = models.IdentityDocument.objects.filter(check_of__user_id=user_id)
    documents.exclude(file="").update(file="", purged_at=now)
    checks = models.IdentityCheck.objects.filter(user_id=user_id)
    checks.update(legal_name="", country="", assessment="", reason="")
    checks.filter(status__in=("draft", "submitted", "assessed", "approved")).update(status="expired", expires_at=now)


def _blank_profile() -> dict[str, object]:
    """Every column of a profile as a new person has it."""
    kept = {"user", "created_at", "updated_at"}
    columns = (column for column in models.Profile._meta.concrete_fields if column.name not in kept)
    return {column.name: column.get_default() for column in columns}


def _user_blank(user_id: int) -> None:
    user = User.objects.get(pk=user_id)
    user.email, user.display_name, user.handle = pseudonym_email(user_id), DELETED_NAME, None
    user.set_unusable_password()
    user.role, user.is_staff, user.is_superuser, user.is_active = User.Role.TRADER, False, False, False
    user.suspended_reason, user.last_login, user.clearance = "", None, 0
    user.token_version += 1
    user.anonymised_at = timezone.now()
    user.save()


DATA = PersonalData(app="accounts", tables=TABLES, left_out=LEFT_OUT, erase=_erase, files=_files)
