"""The same key gives the same answer, once."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from core.errors import Conflict, Invalid
from core.models import AuditEntry, IdempotencyRecord
from core.services import audit, idempotency
from core.tests.threads import race


def run(effect=lambda: (201, {"id": 1}), key="k", body=None, scope="s"):
    with transaction.atomic():
        return idempotency.run(scope=scope, key=key, body=body or {"a": 1, "b": Decimal("2.50")}, effect=effect)


def test_the_first_answer_is_kept(db):
    assert run() == (201, {"id": 1})
    assert run(effect=lambda: pytest.fail("ran twice")) == (201, {"id": 1})
    assert run(body={"b": "2.50", "a": 1}, effect=lambda: pytest.fail("order matters")) == (201, {"id": 1})


def test_another_body_is_a_conflict(db):
    run()
    with pytest.raises(Conflict) as caught:
        run(body={"a": 2})
    assert caught.value.code == "idempotency_key_reused"


def test_scopes_do_not_meet(db):
    run()
    assert run(scope="other", effect=lambda: (200, {})) == (200, {})


def test_a_failed_effect_leaves_no_record(db):
    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(effect=fail)
    assert run() == (201, {"id": 1})


@pytest.mark.parametrize("key", ["", "x" * 129, "a\nb"])
def test_keys_have_a_shape(db, key):
    with pytest.raises(Invalid):
        run(key=key)


def test_a_transaction_is_needed(transactional_db):
    with pytest.raises(RuntimeError):
        idempotency.run(scope="s", key="k", body={}, effect=lambda: (200, {}))


def test_racing_requests_have_one_effect(transactional_db):
    def effect():
        audit.record(actor=None, action="effect", subject_type="x", subject_id=1)
        time.sleep(0.05)
        return 201, {"n": 1}

    assert race(6, lambda _: run(effect=effect)) == [(201, {"n": 1})] * 6
    assert AuditEntry.objects.count() == 1


def test_old_records_are_forgotten(db):
    for number in range(3):
        run(key=str(number))
    IdempotencyRecord.objects.update(created_at=datetime.now(tz=UTC) - timedelta(days=8))
    run(key="new")
    assert idempotency.purge(batch=2) == 3
    assert IdempotencyRecord.objects.get().key == "new"
