"""Roles and what they may do."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from accounts.domain.roles import RIGHTS
from accounts.models import SignIn, User
from accounts.services.roles import role_set, roles_sync
from accounts.tests.factories import UserFactory
from core.errors import Forbidden, Invalid
from core.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_rights_name_models_that_there_are():
    for rights in RIGHTS.values():
        for name in rights.view | rights.change:
            apps.get_model(name)


def test_a_role_is_a_group_with_its_rights():
    boss, user = UserFactory(role="admin", is_staff=True), UserFactory()
    call_command("sync_roles")
    for role in ("moderator", "finance", "admin", "trader"):
        role_set(actor=boss, user_id=user.pk, role=role, reason="because")
        user = User.objects.get(pk=user.pk)
        assert list(user.groups.values_list("name", flat=True)) == ([] if role == "trader" else [role])
        assert user.is_staff is (role != "trader")
        assert not user.is_superuser
        assert user.has_perm("accounts.change_user") is (role in ("moderator", "admin"))
        assert user.has_perm("core.view_journal") is (role in ("finance", "admin"))
        assert user.has_perm("core.change_systemflag") is (role == "admin")
    assert AuditEntry.objects.filter(action="user_role_changed").count() == 4


def test_running_it_again_changes_nothing():
    boss = UserFactory(role="moderator", is_staff=True)
    first = roles_sync()
    assert roles_sync() == first
    assert list(boss.groups.values_list("name", flat=True)) == ["moderator"]
    assert Group.objects.count() == len(RIGHTS)


def test_only_an_administrator_changes_roles_and_never_their_own():
    moderator, boss, user = UserFactory(role="moderator"), UserFactory(role="admin"), UserFactory()
    for actor, who, role in ((moderator, user, "admin"), (user, user, "admin"), (boss, boss, "trader")):
        with pytest.raises(Forbidden):
            role_set(actor=actor, user_id=who.pk, role=role, reason="r")
    with pytest.raises(Invalid):
        role_set(actor=boss, user_id=user.pk, role="king", reason="r")
    with pytest.raises(Invalid):
        role_set(actor=boss, user_id=user.pk, role="finance", reason=" ")
    agent = User.objects.create_user("bot@agents.arena", kind="agent")
    with pytest.raises(Invalid):
        role_set(actor=boss, user_id=agent.pk, role="admin", reason="r")


def test_another_role_ends_what_was_open(client):
    boss, user = UserFactory(role="admin"), UserFactory()
    client.force_login(user)
    client.get("/contests")
    role_set(actor=boss, user_id=user.pk, role="moderator", reason="hired")
    assert not SignIn.objects.filter(user=user, ended_at__isnull=True).exists()
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize("role", ["moderator", "finance", "admin"])
def test_each_role_sees_its_own_pages_of_the_admin_and_no_other(client, role):
    user = UserFactory(role=role, is_staff=True)
    roles_sync()
    client.force_login(user)
    index = client.get("/admin/")
    assert index.status_code == 200
    rights = RIGHTS[role]
    for model in admin.site._registry:
        name = f"{model._meta.app_label}.{model._meta.model_name}"
        answer = client.get(reverse(f"admin:{name.replace('.', '_')}_changelist"))
        may = role == "admin" or name in rights.view | rights.change
        assert answer.status_code == (200 if may else 403), name
        assert (f"/admin/{name.replace('.', '/')}/" in index.content.decode()) is may, name
