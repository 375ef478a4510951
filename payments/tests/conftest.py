"""Fixtures of payments."""

import pytest

from payments.domain import purchases
from payments.tests.kinds import Things


@pytest.fixture
def things():
    """The kind `thing`, for one test."""
    made = Things()
    purchases._kinds["thing"] = made
    yield made
    purchases._kinds.pop("thing", None)
