"""Races on real connections."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def race(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act(i)` in `count` threads that start together; returns results or exceptions, in order."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(index: int) -> None:
        try:
            barrier.wait(10)
            results[index] = act(index)
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
