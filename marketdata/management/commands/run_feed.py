"""The feed process."""

import signal
from threading import Event
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from marketdata.services.feed.process import FeedProcess, real_chain


class Command(BaseCommand):
    help = "Follow prices: vendors' streams (or the simulated exchange) onto the board, into candles and the database."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stop = Event()

        def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask_to_stop)
        names = real_chain()
        where = f"real prices from {', then '.join(names)}" if names else "no vendor's key: the simulated exchange only"
        self.stdout.write(f"the feed runs; {where}")
        FeedProcess(stop).run()
