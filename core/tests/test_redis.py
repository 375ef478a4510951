"""The connection that a thread keeps to Redis."""

import threading

from core.redis import ask, client


def test_a_thread_that_ends_gives_its_connection_back():
    pool = client().connection_pool
    ask(client(), [("PING",)])
    before = len(pool._in_use_connections)
    for _ in range(5):
        thread = threading.Thread(target=lambda: ask(client(), [("PING",)]))
        thread.start()
        thread.join()
    assert len(pool._in_use_connections) == before
