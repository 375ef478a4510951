"""The two embedded services together: which are needed, how they start, what their users find in the environment."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.embedded import paths, postgres
from core.embedded.redis_server import RedisServer
from core.embedded.supervisor import Supervisor

_START_SECONDS = 60.0


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a `.env` file: `NAME=value` lines, with an optional `export` and quotes."""
    values: dict[str, str] = {}
    if not path.is_file():
        return values
    for raw in path.read_text().splitlines():
        line = raw.strip().removeprefix("export ").strip()
        name, equals, value = line.partition("=")
        if line.startswith("#") or not equals:
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        values[name.strip()] = value
    return values


def configured(name: str) -> str:
    """Return a variable from the environment or the `.env` file; empty when it is in neither."""
    return os.environ.get(name) or read_env_file(paths.ROOT / ".env").get(name, "")


def base_env() -> dict[str, str]:
    """Return our environment with the virtual environment's commands first on PATH."""
    env = dict(os.environ)
    env["PATH"] = f"{paths.venv_bin()}{os.pathsep}{env.get('PATH', os.defpath)}"
    env["VIRTUAL_ENV"] = str(paths.venv_bin().parent)
    env.pop("PYTHONHOME", None)
    env.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    return env


@dataclass
class Services:
    """The embedded services of one data directory; either may be absent when the environment names another one."""

    data: Path
    cluster: postgres.Cluster | None
    redis: RedisServer | None

    def env(self) -> dict[str, str]:
        """Return the variables their users need."""
        env = {"ARENA_DATA_DIR": str(self.data)}
        if self.cluster is not None:
            tools = self.cluster.install / "bin"
            env |= {"DATABASE_URL": self.cluster.url, "PGHOST": str(self.cluster.socket), "PGUSER": postgres.SUPERUSER}
            env |= {"PGDATABASE": postgres.DATABASE, "ARENA_EMBEDDED": "1", "ARENA_PG_TOOLS": str(tools)}
        if self.redis is not None:
            env["REDIS_URL"] = self.redis.url
        return env

    def start(self, supervisor: Supervisor) -> None:
        """Start them under the supervisor and return when both answer."""
        if self.cluster is not None:
            self.cluster.initialise()
            supervisor.start(self.cluster.spec())
        if self.redis is not None:
            self._start_redis(supervisor, self.redis)
        if self.cluster is not None:
            if not supervisor.wait(self.cluster.is_ready, _START_SECONDS):
                self._give_up(supervisor, "PostgreSQL", self.cluster.log)
            self.cluster.ensure_database()

    def _start_redis(self, supervisor: Supervisor, redis: RedisServer) -> None:
        for _ in range(5):
            child = supervisor.start(redis.spec())
            supervisor.wait(lambda: redis.is_ready() or child.popen is None, _START_SECONDS)  # noqa: B023
            if redis.is_ready():
                return
            if supervisor.stop_requested is not None:
                break
            supervisor.drop(child)  # somebody took the port in between
            redis.choose_port()
        self._give_up(supervisor, "Redis", redis.log)

    @staticmethod
    def _give_up(supervisor: Supervisor, name: str, log: Path) -> None:
        if supervisor.stop_requested is not None:
            raise KeyboardInterrupt
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""
        raise RuntimeError(f"The embedded {name} did not start. Its log, {log}, ends with:\n{tail}")


def local_services(data: Path) -> Services:
    """Return the services this checkout needs: those the environment and `.env` do not name."""
    logs = data / "logs"
    cluster = redis = None
    if not configured("DATABASE_URL"):
        cluster = postgres.cluster(data, settings=postgres.DURABLE, log=logs / "postgres.log")
    if not configured("REDIS_URL"):
        redis = RedisServer(data / "redis", logs / "redis.log")
    return Services(data, cluster, redis)


def merged_env(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the base environment with the services' variables, and PostgreSQL's tools last on PATH."""
    env = base_env() | dict(extra)
    if (tools := env.pop("ARENA_PG_TOOLS", "")) and tools not in env["PATH"]:
        env["PATH"] += os.pathsep + tools
    return env


@contextmanager
def throwaway_services(supervisor: Supervisor, *, durable: bool = False) -> Iterator[Services]:
    """Give a PostgreSQL and a Redis of one's own in a temporary directory, gone afterwards even if we are killed."""
    settings = postgres.DURABLE if durable else postgres.THROWAWAY
    base = paths.short_temp()
    with tempfile.TemporaryDirectory(prefix="arena-test-", dir=base, ignore_cleanup_errors=True) as name:
        place = Path(name)
        place.chmod(0o711)
        supervisor.remove_later(place)
        logs = place / "logs"
        cluster = postgres.cluster(place, settings=settings, log=logs / "postgres.log")
        services = Services(place, cluster, RedisServer(place / "redis", logs / "redis.log", throwaway=True))
        try:
            services.start(supervisor)
            yield services
        finally:
            supervisor.stop_all()
