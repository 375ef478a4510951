"""Bring the virtual environment up to date, then run one of the commands of `core.embedded` in it."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.dont_write_bytecode = sys.prefix == sys.base_prefix  # leave no caches of a foreign Python behind

COMMANDS = {
    "up": ("core.embedded.up", "main", False),
    "manage": ("core.embedded.manage", "main", False),
    "test": ("core.embedded.with_services", "pytest_main", True),
    "with-services": ("core.embedded.with_services", "main", True),
    "check": ("core.embedded.with_services", "check_main", True),
}


def main() -> int:
    """Dispatch: the first argument names the command."""
    name, *arguments = sys.argv[1:]
    module, function, dev = COMMANDS[name]
    asks_for_help = arguments[:1] in (["-h"], ["--help"]) and name not in {"manage", "test", "check"}
    if not asks_for_help:
        from core.embedded import venv

        changed = venv.ensure(dev=dev)
        if changed or Path(sys.prefix).resolve() != venv.VENV.resolve():
            os.execv(venv.PYTHON, [str(venv.PYTHON), *sys.argv])
    from importlib import import_module

    return int(getattr(import_module(module), function)(arguments))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except PermissionError as error:
        owner = f"{error.filename} may belong to another user: run this as that user, or give the checkout one owner."
        sys.exit(f"Not permitted: {error.strerror or error}. {owner if error.filename else ''}")
