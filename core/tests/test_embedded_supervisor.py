"""The supervisor: starts, restarts and stops processes, and leaves none behind whatever its own end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.embedded import procfile, system
from core.embedded.output import Printer
from core.embedded.process import LONGEST_DELAY, Spec, backoff
from core.embedded.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]


def until(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Recorder(Printer):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def line(self, name: str, text: str) -> None:
        self.lines.append((name, text))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def supervisor(recorder: Recorder) -> Iterator[Supervisor]:
    with Supervisor(recorder) as supervisor:
        yield supervisor


def shell(name: str, script: str, **options: object) -> Spec:
    return Spec(name=name, argv=["/bin/sh", "-c", script], env=dict(os.environ), cwd=Path("/"), **options)  # type: ignore[arg-type]


def test_output_is_passed_on_line_by_line(supervisor: Supervisor, recorder: Recorder) -> None:
    assert supervisor.run(shell("talk", "echo one; echo two >&2; printf three", restart=False)) == 0
    assert [line for line in recorder.lines if line[0] == "talk"] == [
        ("talk", "one"),
        ("talk", "two"),
        ("talk", "three"),
    ]


def test_exit_code_of_a_one_off(supervisor: Supervisor) -> None:
    assert supervisor.run(shell("fails", "exit 7", restart=False)) == 7


def test_a_killed_child_starts_again(supervisor: Supervisor) -> None:
    child = supervisor.start(shell("web", "exec sleep 60"))
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert supervisor.wait(lambda: child.starts == 2 and child.pid not in {None, first}, 5)


def test_waits_grow_up_to_a_cap() -> None:
    waits = [backoff(failures) for failures in range(12)]
    assert waits[:4] == [0.25, 0.5, 1.0, 2.0]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_DELAY


def test_a_crashing_child_is_given_growing_rests(supervisor: Supervisor) -> None:
    child = supervisor.start(shell("bad", "exit 1"))
    assert supervisor.wait(lambda: child.starts == 3, 5)
    assert child.failures >= 2


def test_what_a_dead_child_left_in_its_group_dies_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = supervisor.start(shell("parent", f"sleep 60 & echo $! > '{note}'; wait", restart=False))
    assert supervisor.wait(lambda: note.exists() and note.read_text().strip() != "", 5)
    grandchild = int(note.read_text())
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    assert supervisor.wait(lambda: not system.is_alive(grandchild), 5)


def test_a_child_deaf_to_sigterm_is_killed_after_its_grace(recorder: Recorder) -> None:
    with Supervisor(recorder) as supervisor:
        child = supervisor.start(shell("deaf", "trap '' TERM; echo set; while :; do sleep 0.05; done", grace=0.3))
        assert supervisor.wait(lambda: ("deaf", "set") in recorder.lines, 5)
        pid = child.pid
        assert pid is not None
    assert not system.is_alive(pid)


def test_a_program_that_cannot_start_is_tried_again(supervisor: Supervisor, recorder: Recorder) -> None:
    spec = Spec(name="ghost", argv=["/no/such/program"], env={}, cwd=Path("/"))
    child = supervisor.start(spec)
    assert child.due_at is not None
    assert any("cannot start" in text for _, text in recorder.lines)


def test_a_foreground_command_gives_its_exit_code(supervisor: Supervisor) -> None:
    assert supervisor.run_foreground(["/bin/sh", "-c", "exit 5"], os.environ) == 5
    assert supervisor.run_foreground(["/bin/sh", "-c", "kill -9 $$"], os.environ) == 137


KILLED = """
import os, sys
from pathlib import Path
from core.embedded.process import Spec
from core.embedded.supervisor import Supervisor
script = "trap '' TERM; sleep 300 & echo $! > $0; while :; do sleep 0.05; done"
with Supervisor() as supervisor:
    supervisor.remove_later(Path(sys.argv[1]) / "throwaway")
    for name in ("deaf", "meek"):
        text = script if name == "deaf" else "echo $$ > $0; exec sleep 300"
        argv = ["/bin/sh", "-c", text, f"{sys.argv[1]}/{name}"]
        supervisor.start(Spec(name=name, argv=argv, env=dict(os.environ), cwd=Path("/"), grace=0.3))
    supervisor.forever()
"""


def start_for_the_kill(place: Path) -> tuple["subprocess.Popen[bytes]", list[int]]:
    (place / "throwaway").mkdir()
    supervisor = subprocess.Popen([sys.executable, "-c", KILLED, str(place)], cwd=ROOT)
    notes = [place / "deaf", place / "meek"]
    assert until(lambda: all(note.exists() and note.read_text().strip() for note in notes))
    return supervisor, [int(note.read_text()) for note in notes]


def test_no_orphans_after_the_supervisor_is_killed(tmp_path: Path) -> None:
    supervisor, pids = start_for_the_kill(tmp_path)
    supervisor.kill()
    supervisor.wait()
    assert until(lambda: not any(system.is_alive(pid) for pid in pids))
    assert until(lambda: not (tmp_path / "throwaway").exists())


def test_sigterm_stops_everything(tmp_path: Path) -> None:
    supervisor, pids = start_for_the_kill(tmp_path)
    supervisor.terminate()
    assert supervisor.wait(timeout=10) == 0
    assert not any(system.is_alive(pid) for pid in pids)
    assert (tmp_path / "throwaway").exists()


def test_procfile(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# comment\nrelease: migrate\n\nweb: serve --port ${PORT:-8000}\nworker: work: hard\n")
    assert procfile.read(path) == {"web": "serve --port ${PORT:-8000}", "worker": "work: hard"}
    path.write_text("no command here\n")
    with pytest.raises(RuntimeError, match="line 1"):
        procfile.read(path)
