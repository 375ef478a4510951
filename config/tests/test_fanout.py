"""The bounded queue of one browser."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from config.fanout import QUEUE_LENGTH, Listener, after


def run(scenario):
    """Run in a thread of its own: a browser's event loop may be running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(scenario())).result()


def test_a_slow_browser_loses_the_oldest_and_is_told():
    async def scenario():
        listener = Listener(["market:1"], {"market:1": "0-0"})
        for number in range(1, QUEUE_LENGTH + 11):
            listener.offer(("market:1", f"{number}-0", "tick", "{}"))
        assert listener.overflowed
        assert await listener.take(0.01) is None
        listener.overflowed = False
        message = await listener.take(0.01)
        assert message is not None
        assert message[1] == "11-0"

    run(scenario)


def test_a_message_is_offered_once():
    async def scenario():
        listener = Listener(["market:1"], {"market:1": "5-1"})
        for stream_id in ("5-0", "5-1", "5-2", "5-2", "4-9"):
            listener.offer(("market:1", stream_id, "tick", "{}"))
        first = await listener.take(0.01)
        assert first is not None
        assert first[1] == "5-2"
        assert await listener.take(0.01) is None

    run(scenario)


def test_positions_compare_as_numbers():
    assert after("10-0", "9-5")
    assert after("9-10", "9-9")
    assert not after("9-9", "9-9")


def test_a_quote_that_waits_gives_way_to_a_newer_one():
    async def scenario():
        listener = Listener(["quote:1", "quote:2", "market:1"], {})
        for number in range(1, 2 * QUEUE_LENGTH):
            listener.offer(("quote:1", f"{number}-0", "quote", str(number)))
        listener.offer(("market:1", "900-0", "tick", "m"))
        listener.offer(("quote:2", "901-0", "quote", "q"))
        listener.offer(("quote:1", "902-0", "quote", "newest"))
        taken = [await listener.take(0.01) for _ in range(4)]
        assert [message and message[3] for message in taken] == ["newest", "m", "q", None]
        assert not listener.overflowed
        listener.offer(("quote:1", "903-0", "quote", "after"))
        again = await listener.take(0.01)
        assert again is not None
        assert again[3] == "after"

    run(scenario)


def test_dropped_quotes_leave_nothing_behind():
    async def scenario():
        listener = Listener(["quote:1", "market:1"], {})
        listener.offer(("quote:1", "1-0", "quote", "old"))
        for number in range(2, QUEUE_LENGTH + 2):
            listener.offer(("market:1", f"{number}-0", "tick", str(number)))
        assert listener.overflowed
        listener.overflowed = False
        listener.offer(("quote:1", "900-0", "quote", "new"))
        listener.overflowed = False
        taken = [await listener.take(0.01) for _ in range(QUEUE_LENGTH)]
        assert [message[3] for message in taken if message and message[0] == "quote:1"] == ["new"]

    run(scenario)
