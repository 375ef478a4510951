"""The matrix as tables: printed, and written into docs/authorization.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.authorization.answers import Cell
from tests.authorization.world import Route

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "authorization.md"


def write(request: Any, title: str, actors: list[str], table: dict[Route, list[Cell]], known: dict[Route, str]) -> None:
    """Print the matrix, and put it into docs/authorization.md if that was asked for."""
    head = ["route", "policy", *actors]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for (method, route), cells in table.items():
        name = route.replace("|", "\\|")
        lines.append(f"| `{method} /{name}` | {known[method, route]} | {' | '.join(cell.shown for cell in cells)} |")
    sys.stdout.write("\n".join([f"\n## {title}: {len(table)} routes x {len(actors)} actors\n", *lines, ""]))
    if request.config.getoption("--write", default=False):
        whole = DOCUMENT.read_text(encoding="utf-8")
        mark = f"<!-- {title} -->"
        before, _, rest = whole.partition(mark)
        _, _, after = rest.partition(mark)
        DOCUMENT.write_text(f"{before}{mark}\n\n" + "\n".join(lines) + f"\n\n{mark}{after}", encoding="utf-8")
