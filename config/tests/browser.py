"""A reader of server-sent events."""

import http.client
import json
from urllib.parse import urlencode

TIMEOUT = 8


class Browser:
    """A reader of server-sent events."""

    def __init__(self, port: int, channels: str, headers: dict[str, str] | None = None, **query: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self.connection.request("GET", f"/events?{urlencode({'channels': channels, **query})}", headers=headers or {})
        self.response = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self.response.close()
        self.connection.close()

    def event(self) -> dict[str, str]:
        """The next event; a comment is {"": text}; an ended stream is {}."""
        found: dict[str, str] = {}
        while line := self.response.readline().decode():
            if line == "\n":
                return found
            name, _, value = line.rstrip("\n").partition(":")
            found[name] = value.strip()
        return found

    def names(self, count: int) -> list[str]:
        return [self.event()["event"] for _ in range(count)]

    def json(self):
        return json.loads(self.response.read())
