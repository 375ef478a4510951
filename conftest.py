"""Fixtures of the whole suite."""

import pytest


@pytest.fixture(autouse=True)
def _clean_process():
    """Forget what a process remembers between requests; ids come back when a test rolls back."""
    from core.flags import flags_assume_off

    flags_assume_off()
    yield
    from django.core.cache import cache

    from core.redis import client
    from marketdata.selectors import cache_clear
    from marketdata.selectors.sessions import sessions_forget
    from marketdata.services.live_ticks import live_forget
    from marketdata.services.ticks import forget_process_state
    from trading.services.context import forget

    forget()
    cache_clear()
    sessions_forget()
    live_forget()
    forget_process_state()
    cache.clear()
    client().flushdb()
