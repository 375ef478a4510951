"""Serve fakeredis over TCP: the last resort where no real Redis can be had. A script: its argument is the port."""

import signal
import sys
from types import FrameType

from fakeredis import TcpFakeServer


def main() -> None:
    """Serve until SIGTERM."""
    server = TcpFakeServer(("127.0.0.1", int(sys.argv[1])), server_type="redis", server_version=(7, 0))
    server.daemon_threads = True
    server.block_on_close = False

    def stop(_signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()


if __name__ == "__main__":
    main()
