"""Servers on this machine that speak what mail services and push services speak."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Web:
    """An HTTP service: what it was sent, and what it answers. `script` goes first, then `answer` for ever.

    An answer is (status, headers, body); None hangs up without one.
    """

    url: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    script: list[tuple[int, dict[str, str], bytes] | None] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] = (202, {}, b"")


@contextmanager
def web_service() -> Iterator[Web]:
    """A web service while the context lasts."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            web.sent.append(
                {
                    "path": self.path,
                    "headers": {name.title(): value for name, value in self.headers.items()},
                    "body": body,
                }
            )
            answer = web.script.pop(0) if web.script else web.answer
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, headers, text = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Smtp:
    """A mail server: what it took, and what it says to RCPT and at the end of DATA. None hangs up there."""

    port: int = 0
    taken: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    rcpt: str = "250 fine"
    data: str | None = "250 queued"
    sessions: int = 0


@contextmanager
def smtp_server() -> Iterator[Smtp]:
    """A mail server while the context lasts."""
    state = Smtp()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            state.sessions += 1
            self.say("220 mail.test")
            while line := self.rfile.readline():
                verb = line[:4].upper().decode()
                if verb == "DATA":
                    if not self.take():
                        return
                elif verb == "RCPT":
                    state.recipients.append(line.decode().strip())
                    self.say(state.rcpt)
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

        def take(self) -> bool:
            self.say("354 go on")
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            state.taken.append(b"".join(lines))
            if state.data is None:
                return False
            self.say(state.data)
            return True

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    state.port = server.server_address[1]
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def closed_port() -> int:
    """A port on which nobody listens."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        return int(server.server_address[1])
