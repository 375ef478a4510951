"""Fixtures: nothing of one test is remembered in the next."""

import pytest

from contests.services.standings import forget_process_state


@pytest.fixture(autouse=True)
def _forget_standings():
    yield
    forget_process_state()
