"""Nothing about a person is forgotten: each model that refers to people is in their copy, or left out with a reason."""

import pytest
from django.apps import apps
from django.db import models

from accounts.models import User
from accounts.ports import Obstacle, PersonalData, Table, deletion_obstacle, personal_data, register_personal_data
from accounts.services.export_words import readme

# Columns that hold the id of a user without being a foreign key.
IDS = {"actor_id", "user_id", "owner_id", "created_by_id", "requested_by_id"}
# What belongs to one person, so that whatever refers to it is about that person as well.
OWNED = (
    "accounts.User", "accounts.Profile", "accounts.IdentityCheck", "accounts.Notification", "account.EmailAddress",
    "socialaccount.SocialAccount", "token_blacklist.OutstandingToken", "trading.Account", "trading.Order",
    "marketdata.Watchlist", "contests.Participant",
)  # fmt: skip


def tables() -> list[Table]:
    return [table for share in personal_data() for table in share.tables]


def left_out() -> dict[str, str]:
    return {name: why for share in personal_data() for name, why in share.left_out.items()}


def refers(model: type[models.Model]) -> bool:
    owned = {apps.get_model(label) for label in OWNED}
    return any(
        (column.is_relation and column.related_model in owned) or (not column.is_relation and column.attname in IDS)
        for column in model._meta.concrete_fields
    )


def test_every_model_that_refers_to_people_is_in_the_copy_or_left_out_with_a_reason():
    covered = {table.model for table in tables()}
    silent = [
        model._meta.label
        for model in apps.get_models(include_auto_created=True)
        if refers(model) and model not in covered and model._meta.label not in left_out()
    ]
    assert silent == []


def test_the_walk_finds_what_it_looks_for():
    """A walk that sees nothing would pass for ever."""
    found = {model._meta.label for model in apps.get_models(include_auto_created=True) if refers(model)}
    assert {"accounts.SignIn", "trading.Fill", "contests.Participant", "core.AuditEntry", "mfa.Authenticator"} <= found
    assert {"accounts.User_groups", "account.EmailConfirmation", "trading.OrderTransition"} <= found


def test_what_is_left_out_is_there_to_leave_out():
    for name, why in left_out().items():
        assert apps.get_model(name)
        assert why
    for table in tables():
        assert set(table.leave_out) <= {column.attname for column in table.model._meta.concrete_fields}, table.name


def test_no_column_of_a_copy_names_somebody_else():
    """The only user a row may name is the one it is about."""
    for table in tables():
        users = {column.attname for column in table.model._meta.concrete_fields if column.related_model is User}
        users |= {column.attname for column in table.model._meta.concrete_fields if column.attname in IDS}
        whose = table.whose if isinstance(table.whose, str) else ""
        assert users & set(table.shown) <= {whose}, table.name


def test_names_of_tables_are_unique_and_each_says_what_it_is():
    names = [table.name for table in tables()]
    assert len(names) == len(set(names))
    assert all(table.about.endswith(".") for table in tables())


@pytest.mark.django_db
def test_every_table_can_be_read():
    for table in tables():
        assert list(table.rows(0)) == []
        assert table.count(0) == 0


def test_one_share_an_app():
    share = personal_data()[0]
    register_personal_data(share)
    with pytest.raises(ValueError, match="two registrations"):
        register_personal_data(PersonalData(app=share.app))


def test_an_app_can_keep_a_person_until_something_is_settled(monkeypatch):
    from accounts import ports

    monkeypatch.setattr(ports, "_checks", {})
    assert deletion_obstacle(1) is None
    ports.register_deletion_check("a", lambda user_id: None)
    ports.register_deletion_check("b", lambda user_id: Obstacle("payout_open", "Wait.") if user_id == 1 else None)
    assert deletion_obstacle(2) is None
    assert deletion_obstacle(1) == Obstacle("payout_open", "Wait.")
    with pytest.raises(ValueError, match="two checks"):
        ports.register_deletion_check("a", lambda user_id: None)


def test_the_readme_names_every_table_and_everything_that_is_missing():
    from datetime import UTC, datetime

    text = readme(personal_data(), {"fills": 12_345}, ["files/avatar.webp"], at=datetime(2026, 1, 2, tzinfo=UTC))
    assert "fills (12,345): What was traded" in text
    assert "files/avatar.webp" in text
    assert "accounts_made" not in text
    for table in tables():
        assert f"  {table.name} (" in text
        for column in table.leave_out:
            assert f"{table.name}.{column}: " in text
    for name in left_out():
        assert name in text
