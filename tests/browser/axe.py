"""Accessibility, by axe-core (MPL-2.0, in vendor/): no serious or critical finding on a page as it stands."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
GRAVE = ("serious", "critical")


def findings(page: Page, *rules: str) -> list[str]:
    """What axe finds that is serious or critical: rule, how often, and the first place. Of some rules, or of all."""
    # Evaluated through the browser's debugger, which the page's policy does not bind.
    page.evaluate(f"if (!window.axe) {{ {SOURCE} }}")
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
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
        # Of what axe looks at, only colours depend on the theme.
        found = findings(page) if theme == "dark" else findings(page, "color-contrast")
        assert not found, f"{page.url} ({theme}): {found}"
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", before)


def shot(page: Page, shots: Path | None, name: str) -> None:
    """The page is accessible, fits a phone and a desktop, and is kept where that was asked for."""
    assert_accessible(page)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide at {width}"
        if shots is not None:
            page.wait_for_timeout(300)
            page.screenshot(path=shots / f"{name}-{width}.png", full_page=True)
