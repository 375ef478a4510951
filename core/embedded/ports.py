"""Free ports, and ports kept free for the processes about to listen on them."""

import socket
from types import TracebackType
from typing import Self


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port right now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """Return a free loopback port the kernel picks."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Reservations:
    """Ports promised to our processes, so that two supervisors starting at the same moment do not pick the same.

    A promise is a name in the kernel's abstract socket namespace: it ends with us, whatever our end.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def __enter__(self) -> Self:
        """Start with no promises."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take all promises back."""
        for held in self._held:
            held.close()

    def take(self, first: int, host: str) -> int:
        """Return `first` or the next port after it that is free and promised to nobody."""
        for port in range(first, min(first + 200, 65536)):
            if port_is_free(port, host) and self._promise(port):
                return port
        raise RuntimeError(f"No free port from {first} to {first + 199} on {host}.")

    def _promise(self, port: int) -> bool:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0trading-arena-port-{port}")
        except OSError:
            name.close()
            return False
        self._held.append(name)
        return True
