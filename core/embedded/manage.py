"""Run a management command on the services of bin/up, or on the same ones started just for it: bin/manage."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.embedded import paths, state
from core.embedded.output import Printer, complain
from core.embedded.services import configured, local_services, merged_env
from core.embedded.supervisor import Supervisor

_PATIENCE = 120.0


def main(argv: Sequence[str]) -> int:
    """Run manage.py with these arguments; its exit code is ours."""
    command = [str(paths.venv_bin() / "python"), str(paths.ROOT / "manage.py"), *argv]
    data = paths.data_dir()
    if configured("DATABASE_URL") and configured("REDIS_URL"):
        os.execve(command[0], command, merged_env({"ARENA_DATA_DIR": str(data)}))  # noqa: S606
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        owner = state.Lock(data / "owner.lock")
        try:
            if owner.take():
                return _run_alone(command, data)
        finally:
            owner.drop()
        _join(command, data)
        time.sleep(0.2)
    complain("bin/manage: the embedded services are being started by another process, and do not get ready.")
    return 1


def _join(command: Sequence[str], data: Path) -> None:
    """Become the command on the running services; return when they are not ready yet."""
    running = state.read(data)
    if running is None or not running.ready:
        return
    users = state.Lock(data / "users.lock")
    if users.take(shared=True) and state.read(data) is not None:
        users.keep_over_exec()
        os.execve(command[0], list(command), merged_env(running.env))  # noqa: S606
    users.drop()


def _run_alone(command: Sequence[str], data: Path) -> int:
    supervisor = Supervisor(Printer(quiet=True))
    try:
        with supervisor:
            services = local_services(data)
            services.start(supervisor)
            mine = state.ours("bin/manage")
            state.write(data, replace(mine, ready=True, env=services.env()))
            code = supervisor.run_foreground(command, merged_env(services.env()))
            users = state.Lock(data / "users.lock")
            supervisor.wait(users.take, 600.0)  # others have joined: let them finish
            state.remove(data)
            users.drop()
            return code
    except KeyboardInterrupt:
        return 130
    except RuntimeError as error:
        complain(f"bin/manage: {error}")
        return 1
