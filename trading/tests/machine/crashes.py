"""Dying at a chosen moment of the real code: nothing is replaced, the process only stops there."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from marketdata.services.ticks import forget_process_state
from trading import locks
from trading.services import changes, matching, orders


class Killed(BaseException):
    """kill -9, as far as one process can play it: no handler of our own catches it."""


# (where, name, after the call) of each moment that a death could leave half done.
MOMENTS: dict[str, tuple[ModuleType, str, bool]] = {
    "before the writes": (locks, "plan_apply", False),
    "after the writes, before the commit": (locks, "plan_apply", True),
    "before the writes of a pass": (locks, "plans_apply", False),
    "after the writes of a pass": (locks, "plans_apply", True),
    "after an order's commit": (orders, "announce", False),
    "before it is looked at again": (orders, "look_again", False),
    "after a change's commit": (changes, "announce", False),
    "before a fill is pushed": (matching, "publish_many", False),
}


@contextmanager
def killed(moment: str) -> Iterator[None]:
    """Run the body and die when it comes to `moment` the first time; what a process remembers is gone afterwards."""
    module, name, after = MOMENTS[moment]
    real = getattr(module, name)

    def dying(*arguments: Any, **more: Any) -> Any:
        if after:
            real(*arguments, **more)
        raise Killed(moment)

    setattr(module, name, dying)
    try:
        yield
    except Killed:
        forget_process_state()
    finally:
        setattr(module, name, real)
