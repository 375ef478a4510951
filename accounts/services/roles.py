"""Roles: one word on the user, one group of Django with the rights that the word stands for."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from accounts.domain.roles import ADMIN, RIGHTS, STAFF, Rights
from accounts.locks import user_lock
from accounts.models import User
from accounts.services.reasons import reason_require
from accounts.services.signins import signins_end_all_in_tx
from core.errors import Forbidden, Invalid
from core.services import audit


def role_set(*, actor: User | None, user_id: int, role: str, reason: str, ip: str | None = None) -> User:
    """Give a user another role, with its group's rights, and sign them out everywhere so that nothing old stays open.

    Only an administrator may; None is the system. Raises Forbidden: `forbidden`, `not_yourself`; Invalid
    `role_unknown`. The role that the user has already changes nothing.
    """
    reason = reason_require(reason)
    if role not in User.Role.values:
        raise Invalid("role_unknown", f"A role is one of: {', '.join(User.Role.values)}.")
    if actor is not None and not actor.is_superuser and actor.role != User.Role.ADMIN:
        raise Forbidden("forbidden", "Only an administrator may change roles.")
    if actor is not None and actor.pk == user_id:
        raise Forbidden("not_yourself", "You cannot change your own role.")
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        if user.kind == User.Kind.AGENT and role != User.Role.TRADER:
            raise Invalid("role_unknown", "An agent trades and has no other role.")
        before = _shape(user)
        user.role = role
        user.is_staff = role in STAFF
        user.is_superuser = False
        _join_group(user)
        if _shape(user) == before:
            return user
        user.token_version += 1
        user.save(update_fields=["role", "is_staff", "is_superuser", "token_version"])
        signins_end_all_in_tx(user_id=user.pk, because="role_changed")
        audit.record(
            actor=actor,
            action="user_role_changed",
            subject_type="user",
            subject_id=user.pk,
            before=before,
            after=_shape(user),
            reason=reason,
            ip=ip,
        )
    return user


def roles_sync() -> dict[str, int]:
    """Write the groups with the rights of `accounts.domain.roles`, and put everyone into the group of their role.

    Returns the number of rights of each group. Running it again changes nothing.
    """
    counts = {}
    with transaction.atomic(durable=True):
        for role in RIGHTS:
            group, _ = Group.objects.select_for_update().get_or_create(name=role)
            wanted = set(_permissions(role))
            group.permissions.set(wanted)
            counts[role] = len(wanted)
        for user in User.objects.filter(role__in=STAFF).select_for_update(no_key=True).order_by("pk"):
            _join_group(user)
    return counts


def _permissions(role: str) -> list[Permission]:
    everything = Permission.objects.select_related("content_type")
    if role == ADMIN:
        return list(everything)
    rights: Rights = RIGHTS[role]
    return [
        permission
        for permission in everything
        if (name := f"{permission.content_type.app_label}.{permission.content_type.model}")
        and (
            (permission.codename.startswith("view_") and name in rights.view | rights.change)
            or (permission.codename.startswith("change_") and name in rights.change)
        )
    ]


def _join_group(user: User) -> None:
    names = [user.role] if user.role in STAFF else []
    mine = list(user.groups.filter(name__in=RIGHTS).values_list("name", flat=True))
    if mine != names:
        user.groups.remove(*Group.objects.filter(name__in=RIGHTS))
        user.groups.add(*[Group.objects.get_or_create(name=name)[0] for name in names])


def _shape(user: User) -> dict[str, object]:
    return {"role": user.role, "is_staff": user.is_staff, "is_superuser": user.is_superuser}
