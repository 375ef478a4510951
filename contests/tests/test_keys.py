"""An operator's API key is a trader's."""

import pytest

from accounts.services.keys import key_create
from accounts.services.tokens import tokens_issue
from accounts.tests.factories import UserFactory
from contests.tests.factories import contest

pytestmark = pytest.mark.django_db


def test_a_key_of_an_operator_sees_no_more_than_a_trader(client):
    operator = UserFactory(role="admin", is_staff=True, is_superuser=True)
    draft = contest(schedule=False, started=False)
    path = f"/api/v1/contests/{draft.slug}"
    bearer = {"Authorization": f"Bearer {tokens_issue(user=operator).access}"}
    assert client.get(path, headers=bearer).status_code == 200
    key = {"X-API-Key": key_create(actor=operator, name="Bot", scope="trade").text}
    assert client.get(path, headers=key).status_code == 404
    assert client.post(f"{path}/join", {}, "application/json", headers=key).status_code == 404
    operator.refresh_from_db()
    assert (operator.role, operator.is_staff, operator.is_superuser) == ("admin", True, True)
