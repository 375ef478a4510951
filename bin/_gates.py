"""The gates of bin/check: run them two at a time, show what failed, end with a summary."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "docs" / "openapi.yaml"
LONGEST_FILE, LONG_FILE, LONGEST_FUNCTION = 500, 300, 50
APPS = ("core", "accounts", "marketdata", "trading", "payments", "contests", "propfirm", "ai_strategies")
# Migrations a person has read and found safe where the linter, which reads SQL by pattern, does not.
REVIEWED_MIGRATIONS = {
    "0002_ledger_triggers": "core: its column joins a table made one migration earlier; the drop is the way back",
    "0002_corporate_actions_halts_fx": "marketdata: a text column only grows longer",
    "0004_intraday_bars": "marketdata: a table of its own; dropping it is the way back",
    "0003_trading_core": "trading: a text column only grows longer; new columns have database defaults",
    "0013_lock_reason": "trading: a text column only grows longer",
    "0006_rules": "trading: its column joins a table made in the same migration",
}
PYTHON = sys.executable
USAGE = """\
usage: bin/check [--fix]

Run the gates: ruff, mypy, import-linter, migrations, OpenAPI schema, templates, lengths.
--fix first lets ruff and djLint mend what they can, and writes docs/openapi.yaml anew."""


@dataclass(frozen=True)
class Gate:
    """A check with its command."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """How a gate ended."""

    gate: Gate
    code: int
    seconds: float
    output: str


def tool(name: str, *argv: str) -> tuple[str, ...]:
    """Return the command line of a tool in our virtual environment."""
    return (str(Path(PYTHON).parent / name), *argv)


def own(name: str) -> tuple[str, ...]:
    """Return the command line of a gate written in this file."""
    return (PYTHON, str(Path(__file__).resolve()), name)


GATES = (
    Gate("mypy", tool("mypy", ".")),
    Gate("ruff check", tool("ruff", "check", ".")),
    Gate("ruff format", tool("ruff", "format", "--check", ".")),
    Gate("import-linter", tool("lint-imports")),
    Gate("OpenAPI schema", own("--schema")),
    Gate("migrations complete", (PYTHON, "manage.py", "makemigrations", "--check", "--dry-run")),
    Gate("migrations safe", own("--migrations")),
    Gate("templates", tool("djlint", "templates", "--lint", "--quiet", "--allow-empty-input")),
    Gate("lengths", own("--lengths")),
)


def run(gate: Gate) -> Result:
    """Run one gate."""
    began = time.monotonic()
    done = subprocess.run(gate.argv, cwd=ROOT, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return Result(gate, done.returncode, time.monotonic() - began, (done.stdout + done.stderr).strip())


def fix() -> None:
    """Mend what tools can mend."""
    for argv in (
        tool("ruff", "check", "--fix", "--quiet", "."),
        tool("ruff", "format", "--quiet", "."),
        tool("djlint", "templates", "--reformat", "--quiet", "--allow-empty-input"),
        (PYTHON, "manage.py", "spectacular", "--file", str(SCHEMA)),
    ):
        subprocess.run(argv, cwd=ROOT, check=False, stdin=subprocess.DEVNULL)


def check_schema() -> int:
    """Whether the schema is without warnings, valid, and the one that is committed."""
    with tempfile.TemporaryDirectory() as place:
        fresh = Path(place) / "openapi.yaml"
        argv = (PYTHON, "manage.py", "spectacular", "--fail-on-warn", "--validate", "--file", str(fresh))
        if subprocess.run(argv, cwd=ROOT, check=False).returncode != 0:
            return 1
        if SCHEMA.exists() and SCHEMA.read_text() == fresh.read_text():
            return 0
        print("docs/openapi.yaml is not what the code says; bin/check --fix writes it anew.", flush=True)
        if SCHEMA.exists():
            argv = ("diff", "-u", str(SCHEMA), str(fresh))
            print(subprocess.run(argv, check=False, capture_output=True, text=True).stdout[:4000])
        return 1


def check_migrations() -> int:
    """Whether our migrations can be applied while the previous release still runs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.path.insert(0, str(ROOT))
    import django
    from django.core.management import call_command
    from django_migration_linter.management.commands.lintmigrations import Command

    django.setup()
    call_command(
        Command(),
        include_apps=list(APPS),
        ignore_name=list(REVIEWED_MIGRATIONS),
        project_root_path=str(ROOT),
        no_cache=True,
        quiet=["ok", "ignore"],
    )
    return 0


def sources() -> list[Path]:
    """Return the project's Python files: those git knows or would add."""
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", ":!.venv", ":!.data")
    if shutil.which("git") and (ROOT / ".git").exists():
        done = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
        files = [ROOT / line for line in done.stdout.splitlines()]
    else:
        files = [path for path in ROOT.rglob("*.py") if not {".venv", ".data"} & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in files if path.exists() and "migrations" not in path.parts)


def check_lengths() -> int:
    """Whether files and functions are short enough to read."""
    failed = 0
    for path in sources():
        text = path.read_text()
        name, lines = path.relative_to(ROOT), text.count("\n")
        if lines > LONG_FILE:
            verdict = "error" if lines > LONGEST_FILE else "warning"
            failed += verdict == "error"
            print(f"{name}: {verdict}: {lines} lines (more than {LONG_FILE} is long, {LONGEST_FILE} the most)")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    failed += 1
                    print(f"{name}:{node.lineno}: error: {node.name} has {length} lines ({LONGEST_FUNCTION} the most)")
    return 1 if failed else 0


def check_all() -> int:
    """Run every gate and report."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = []
        for result in pool.map(run, GATES):
            results.append(result)
            failed = result.code != 0
            if failed or (result.gate.name == "lengths" and result.output):
                print(f"\n=== {result.gate.name} ===\n{result.output}", flush=True)
    print("\nSummary")
    for result in results:
        print(f"  {'FAIL' if result.code else 'ok  '}  {result.gate.name:<20} {result.seconds:6.1f} s")
    failures = sum(result.code != 0 for result in results)
    print("All gates passed." if not failures else f"{failures} of {len(results)} gates failed.", flush=True)
    return 1 if failures else 0


def main(argv: list[str]) -> int:
    """Dispatch on the option."""
    own_gates = {"--schema": check_schema, "--migrations": check_migrations, "--lengths": check_lengths}
    if len(argv) == 1 and argv[0] in own_gates:
        return own_gates[argv[0]]()
    if argv not in ([], ["--fix"]):
        print(USAGE)
        return 0 if argv in (["-h"], ["--help"]) else 2
    if argv:
        fix()
    return check_all()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
