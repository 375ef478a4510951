"""Run a command on a throwaway PostgreSQL and Redis: bin/with-services, and bin/test on top of it."""

import os
from collections.abc import Sequence

from core.embedded import paths
from core.embedded.output import Printer, complain
from core.embedded.services import merged_env, throwaway_services
from core.embedded.supervisor import Supervisor

USAGE = """\
usage: bin/with-services [--durable] COMMAND [ARGUMENTS]

Run the command with DATABASE_URL and REDIS_URL set to a PostgreSQL and a Redis of its own, removed afterwards.
--durable: with the settings of bin/up (fsync on) instead of the faster ones of the tests; for measuring."""


def main(argv: Sequence[str]) -> int:
    """Run the command; its exit code is ours."""
    durable = argv[:1] == ["--durable"]
    rest = argv[1:] if durable else argv
    command = list(rest[1:] if rest[:1] == ["--"] else rest)
    if not command or command[0] in {"-h", "--help"}:
        complain(USAGE)
        return 0 if command else 2
    supervisor = Supervisor(Printer(quiet=True))
    try:
        with supervisor, throwaway_services(supervisor, durable=durable) as services:
            env = merged_env(services.env())
            return supervisor.run_foreground(command, env)
    except KeyboardInterrupt:
        return 130
    except FileNotFoundError as error:
        complain(f"bin/with-services: {error.filename or error}: not found")
        return 127
    except RuntimeError as error:
        complain(f"bin/with-services: {error}")
        return 1


def pytest_main(argv: Sequence[str]) -> int:
    """Run the test suite; the whole of it in a process more than there are cores, at most four."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings_test"
    # Tests that drive browsers and other processes wait for a good part of their time.
    number = str(min(4, (os.cpu_count() or 1) + 1))
    spread = [] if argv else ["-n", number, "--dist", "loadfile", "--no-loadscope-reorder"]
    return _in_root(["python", "-m", "pytest", *spread, *argv])


def check_main(argv: Sequence[str]) -> int:
    """Run the gates."""
    return _in_root(["python", str(paths.ROOT / "bin" / "_gates.py"), *argv])


def _in_root(command: Sequence[str]) -> int:
    os.chdir(paths.ROOT)
    return main(command)
