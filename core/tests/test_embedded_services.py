"""The embedded PostgreSQL and Redis: odd paths, crashes, stale files, taken ports, throwaway copies."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from core.embedded import paths, ports, postgres, state, system
from core.embedded.output import Printer
from core.embedded.redis_server import RedisServer
from core.embedded.services import Services, read_env_file
from core.embedded.supervisor import Supervisor
from core.tests.test_embedded_supervisor import ROOT, until


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory the server's account can reach, with spaces and much too long for a socket."""
    base = Path(tempfile.mkdtemp(prefix="arena-odd-", dir="/tmp"))
    base.chmod(0o711)
    data = base / "a path with spaces, a comma" / ("long" * 25) / ".data"
    data.mkdir(parents=True)
    yield data
    outside = paths.short_temp() / f"arena-{paths._key(data)}"
    for each in (base, outside):
        shutil.rmtree(each, ignore_errors=True)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor(Printer(quiet=True)) as supervisor:
        yield supervisor


def services_in(data: Path) -> Services:
    cluster = postgres.cluster(data, settings=postgres.DURABLE, log=data / "logs" / "postgres.log")
    return Services(data, cluster, RedisServer(data / "redis", data / "logs" / "redis.log"))


def answer(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        return None if row is None else row[0]


def test_odd_paths_crashes_and_stale_files(place: Path, supervisor: Supervisor) -> None:
    services = services_in(place)
    assert services.cluster is not None
    assert services.redis is not None
    services.start(supervisor)
    url = services.env()["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (42)")
    client = redis_client.Redis.from_url(services.env()["REDIS_URL"])
    client.set("kept", "42")

    for child in list(supervisor.children):
        before = child.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        assert supervisor.wait(lambda child=child, before=before: child.pid not in {None, before}, 10)  # type: ignore[misc]
    assert supervisor.wait(services.cluster.is_ready, 20)
    assert supervisor.wait(services.redis.is_ready, 20)
    assert answer(url, "select n from kept") == 42
    assert client.get("kept") == b"42"

    supervisor.stop_all()
    (services.cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{services.cluster.data}\n1\n5432\n")
    with Supervisor(Printer(quiet=True)) as second:
        services_in(place).start(second)
        assert answer(url, "select n from kept") == 42


def test_a_server_left_running_is_replaced(place: Path, supervisor: Supervisor) -> None:
    cluster = services_in(place).cluster
    assert cluster is not None
    half_made = cluster.data.with_name("pg.new")
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    cluster.initialise()
    assert not half_made.exists()
    account = cluster.account
    (place / "logs").mkdir(exist_ok=True)
    with (place / "logs" / "left.log").open("wb") as log:
        left = subprocess.Popen(
            list(cluster.spec().argv),
            cwd="/",
            stdout=log,
            stderr=log,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    assert until(cluster.is_ready)
    Services(place, cluster, None).start(supervisor)
    assert left.wait(timeout=5) is not None
    assert answer(cluster.url, "select 1") == 1


def test_redis_moves_when_its_port_is_taken(tmp_path: Path) -> None:
    first = RedisServer(tmp_path, tmp_path / "log")
    assert RedisServer(tmp_path, tmp_path / "log").port == first.port
    with socket.create_server(("127.0.0.1", first.port)):
        moved = RedisServer(tmp_path, tmp_path / "log")
    assert moved.port != first.port
    assert moved.password == first.password
    assert (tmp_path / "password").stat().st_mode & 0o077 == 0


def test_a_stranger_on_the_port_is_not_taken_for_our_redis(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, tmp_path / "log")
    assert not server.is_ready()


def test_reserved_ports_are_given_to_one_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy, ports.Reservations() as ours, ports.Reservations() as theirs:
        taken = busy.getsockname()[1]
        first = ours.take(taken, "127.0.0.1")
        second = theirs.take(taken, "127.0.0.1")
    assert taken < first < second


def test_throwaway_services_leave_nothing_behind_when_killed() -> None:
    script = "import sys; from core.embedded.with_services import main; sys.exit(main(sys.argv[1:]))"
    command = ["/bin/sh", "-c", 'echo "$$ $ARENA_DATA_DIR"; exec sleep 300']
    runner = subprocess.Popen([sys.executable, "-c", script, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    pid, _, data = runner.stdout.readline().strip().partition(" ")
    assert Path(data, "pg", "PG_VERSION").exists()
    runner.kill()
    runner.wait()
    runner.stdout.close()
    assert until(lambda: not system.is_alive(int(pid)) and not Path(data).exists())
    assert not [process for process in Path("/proc").glob("[0-9]*/cmdline") if data in _read(process)]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends PostgreSQL another account")
def test_root_moves_the_cluster_out_of_a_closed_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    data = tmp_path / ".data"
    data.mkdir()
    try:
        where = paths.cluster_dir(data)
        account = system.service_account(where)
        assert account is not None
        assert system.can_reach(where, account)
        assert (data / "pg").is_symlink()
        assert paths.cluster_dir(data) == where
    finally:
        shutil.rmtree(paths.outside(data))


def test_a_state_is_believed_only_while_its_owner_lives(tmp_path: Path) -> None:
    mine = state.ours("bin/up")
    state.write(tmp_path, mine)
    assert state.read(tmp_path) == mine
    assert (tmp_path / "services.json").stat().st_mode & 0o077 == 0
    state.write(tmp_path, state.State(command="bin/up", pid=mine.pid, ticks=mine.ticks + 1))
    assert state.read(tmp_path) is None
    (tmp_path / "services.json").write_text("{half")
    assert state.read(tmp_path) is None


def test_one_owner_many_users(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    owner, second, user, another = (state.Lock(path) for _ in range(4))
    assert owner.take()
    assert not second.take()
    owner.drop()
    assert user.take(shared=True)
    assert another.take(shared=True)
    assert not second.take()
    user.drop()
    another.drop()
    assert second.take()
    second.drop()


def test_env_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert read_env_file(path) == {}
    path.write_text("# note\nexport A=1\nB = 'two words'\nC=\"x=y\"\n\nnonsense\nDATABASE_URL=\n")
    assert read_env_file(path) == {"A": "1", "B": "two words", "C": "x=y", "DATABASE_URL": ""}
