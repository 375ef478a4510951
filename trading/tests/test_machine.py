"""Random lives of accounts on real PostgreSQL, deaths of processes included.

`MACHINE=long` runs it for as long as a machine has time; the default profile takes well under a minute.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from trading.tests.machine.machine import TradingMachine

pytestmark = pytest.mark.django_db

QUICK = {"max_examples": 18, "stateful_step_count": 25, "derandomize": True, "database": None}
LONG = {"max_examples": int(os.environ.get("MACHINE_EXAMPLES", "600")), "stateful_step_count": 50}


def test_the_books_hold_whatever_happens():
    profile = LONG if os.environ.get("MACHINE") == "long" else QUICK
    run_state_machine_as_test(
        TradingMachine,
        settings=settings(
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            print_blob=True,
            **profile,
        ),
    )
