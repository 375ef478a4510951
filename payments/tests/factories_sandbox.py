"""Time for tests of the sandbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch


@contextmanager
def travel(now: datetime) -> Iterator[None]:
    """Let it be that time."""
    with patch("django.utils.timezone.now", return_value=now):
        yield
