"""Fixtures: nothing of one test is remembered in the next."""

import pytest

from contests.services.standings import forget_process_state

# What the helpers of parity tests assert is shown with its values.
pytest.register_assert_rewrite("ai_strategies.tests.paper", "ai_strategies.tests.backtest_reference")


@pytest.fixture(autouse=True)
def _forget_standings():
    yield
    forget_process_state()
