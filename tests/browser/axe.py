"""Accessibility, by axe-core (MPL-2.0, in vendor/): no serious or critical finding on a page as it stands."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
GRAVE = ("serious", "critical")


def findings(page: Page) -> list[str]:
    """What axe finds that is serious or critical: rule, how often, and the first place."""
    # Evaluated through the browser's debugger, which the page's policy does not bind.
    page.evaluate(SOURCE)
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{item['id']} ({item['impact']}) x{len(item['nodes'])}: {item['nodes'][0]['html'][:160]}"
        for item in found["violations"]
        if item["impact"] in GRAVE
    ]


def assert_accessible(page: Page) -> None:
    """No serious or critical finding, by night and by day."""
    before = page.evaluate("document.documentElement.dataset.theme")
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found = findings(page)
        assert not found, f"{page.url} ({theme}): {found}"
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", before)
